"""A canary that must not sing, however a secret is shown."""

import copy
import dataclasses
import json
import logging
import pickle
import pprint
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt5_exporter.secret import HIDDEN, Redactor, Secret

CANARY = "c4n4ry-hunter2"


@dataclass(frozen=True)
class Account:
    login: int
    password: Secret


def account() -> Account:
    return Account(login=1234, password=Secret(CANARY))


SHOWN: dict[str, Callable[[Account], str]] = {
    "repr": lambda account: repr(account.password),
    "str": lambda account: str(account.password),
    "format": lambda account: format(account.password),
    "f-string": lambda account: f"{account.password} {account.password!r} {account.password!s}",
    "percent": lambda account: "%s %r" % (account.password, account.password),  # noqa: UP031
    "str.format": lambda account: "{} {!r}".format(account.password, account.password),  # noqa: UP032
    "dataclass": repr,
    "vars": lambda account: str(vars(account)),
    "in a list": lambda account: str([account.password]),
    "in a dict": lambda account: str({account.password: account.password}),
    "pprint": pprint.pformat,
    "exception": lambda account: str(ValueError(account.password)),
    "json default str": lambda account: json.dumps({"password": account.password}, default=str),
    "json default repr": lambda account: json.dumps({"password": account.password}, default=repr),
}


@pytest.mark.parametrize("show", SHOWN.values(), ids=SHOWN)
def test_a_secret_is_shown_as_hidden(show: Callable[[Account], str]) -> None:
    shown = show(account())

    assert CANARY not in shown
    assert HIDDEN in shown


REFUSED: dict[str, Callable[[Account], object]] = {
    "pickle": lambda account: pickle.dumps(account.password),
    "pickle of its owner": pickle.dumps,
    "copy": lambda account: copy.copy(account.password),
    "asdict": dataclasses.asdict,
    "vars": lambda account: vars(account.password),
    "json": lambda account: json.dumps(account.password),
    "json default vars": lambda account: json.dumps(account.password, default=vars),
    "format with a width": lambda account: f"{account.password:>30}",
    "iteration": lambda account: list(account.password),  # type: ignore[call-overload]
    "concatenation": lambda account: "password: " + account.password,  # type: ignore[operator]
}


@pytest.mark.parametrize("leak", REFUSED.values(), ids=REFUSED)
def test_what_would_copy_a_secret_is_refused(leak: Callable[[Account], object]) -> None:
    owner = account()

    with pytest.raises(TypeError) as refusal:
        leak(owner)

    assert CANARY not in str(refusal.value)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_no_pickle_protocol_takes_a_secret(protocol: int) -> None:
    secret = Secret(CANARY)

    with pytest.raises(TypeError, match="a secret is not pickled"):
        pickle.dumps(secret, protocol)


def test_a_traceback_with_its_locals_shows_no_secret() -> None:
    def log_in(owner: Account, password: Secret) -> None:
        raise ValueError(owner, password, owner.password)

    def connect() -> traceback.TracebackException:
        owner = account()
        try:
            log_in(owner, owner.password)
        except ValueError as error:
            return traceback.TracebackException.from_exception(error, capture_locals=True)
        raise AssertionError

    shown = "".join(connect().format())

    assert "password = <secret>" in shown
    assert "owner = Account(login=1234, password=<secret>)" in shown
    assert CANARY not in shown


def test_a_log_line_shows_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    owner = account()

    logging.getLogger(__name__).warning("login with %s of %r", owner.password, owner)

    assert CANARY not in caplog.text
    assert HIDDEN in caplog.text


def test_reveal_is_the_way_in() -> None:
    secret = Secret(CANARY)

    assert secret.reveal() == CANARY


def test_secrets_compare_by_what_they_hide_and_never_with_a_text() -> None:
    secrets = {Secret(CANARY), Secret(CANARY), Secret("another")}

    assert len(secrets) == 2
    assert Secret(CANARY) != Secret("another")
    assert Secret(CANARY) != CANARY


def redactor(*known: str) -> Redactor:
    made = Redactor()
    for text in known:
        made.learn(Secret(text))
    return made


def test_a_redactor_hides_every_occurrence_of_every_secret() -> None:
    worker_log = "login 1234 with hunter2 failed; hunter2 is not swordfish"

    shown = redactor("hunter2", "swordfish").redact(worker_log)

    assert shown == "login 1234 with <secret> failed; <secret> is not <secret>"


@pytest.mark.parametrize("known", [("hunter2", "hunter2-live"), ("hunter2-live", "hunter2")])
def test_a_secret_within_another_does_not_uncover_the_rest_of_it(known: tuple[str, str]) -> None:
    shown = redactor(*known).redact("hunter2-live hunter2")

    assert shown == "<secret> <secret>"


def test_the_empty_secret_hides_nothing() -> None:
    shown = redactor("").redact("a line")

    assert shown == "a line"


def test_a_redactor_that_knows_nothing_changes_nothing() -> None:
    shown = Redactor().redact("a line")

    assert shown == "a line"


def test_the_marks_of_a_pattern_in_a_secret_are_plain_text() -> None:
    shown = redactor(".*", "a|b", "(").redact("x.*y a|b ( a b")

    assert shown == "x<secret>y <secret> <secret> a b"


@pytest.mark.parametrize("password", ["sl\\ash", "quo'te\"s", "tab\tbed", "пароль", "z\ud800z"])
@pytest.mark.parametrize("show", [repr, json.dumps], ids=["repr", "json"])
def test_a_secret_is_hidden_in_its_escaped_form_too(password: str, show: Callable[[object], str]) -> None:
    shown = redactor(password).redact(show({"password": password}))

    assert show(password)[1:-1] not in shown
    assert HIDDEN in shown


@given(st.lists(st.text("abc", min_size=1, max_size=4), max_size=5), st.text("abc \n", max_size=40))
def test_no_secret_is_left_between_what_was_hidden(known: list[str], text: str) -> None:
    shown = redactor(*known).redact(text)

    assert not [secret for secret in known for piece in shown.split(HIDDEN) if secret in piece]
