"""The table of codes against design.md section 5, the package's own constants, and every integer there is."""

import ast
import importlib.metadata
import itertools
import re
from dataclasses import dataclass
from operator import attrgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt5_exporter import errors
from mt5_exporter.errors import (
    COUNTED,
    VERDICTS,
    MT5AuthenticationError,
    MT5BrokerError,
    MT5ConnectionError,
    MT5DataError,
    MT5Error,
    MT5InvalidRequestError,
    MT5PermissionError,
    MT5TimeoutError,
    MT5UnavailableError,
    Verdict,
    classify,
)
from mt5_exporter.far import wire
from mt5_exporter.far.worker import READS

EIGHT: set[type[MT5Error]] = {
    MT5ConnectionError,
    MT5TimeoutError,
    MT5AuthenticationError,
    MT5PermissionError,
    MT5InvalidRequestError,
    MT5DataError,
    MT5BrokerError,
    MT5UnavailableError,
}
SUCCESSES = {"RES_S_OK", "TRADE_RETCODE_PLACED", "TRADE_RETCODE_DONE", "TRADE_RETCODE_DONE_PARTIAL"}


def package_constants(prefix: str) -> dict[str, int]:
    """Return the integer constants of the package, read from its stubs without importing anything."""
    found: dict[str, int] = {}
    for file in importlib.metadata.files("metatrader5-stubs") or []:
        if file.suffix != ".pyi":
            continue
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            match node:
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if name.startswith(
                    prefix
                ):
                    found[name] = int(ast.literal_eval(value))
                case _:
                    pass
    return found


RESULTS = package_constants("RES_")
RETCODES = package_constants("TRADE_RETCODE_")


def test_the_stubs_are_read() -> None:
    assert RESULTS["RES_E_INTERNAL_FAIL_TIMEOUT"] == -10005
    assert RETCODES["TRADE_RETCODE_REQUOTE"] == 10004


@pytest.mark.parametrize(
    ("name", "code"), [row for row in (RESULTS | RETCODES).items() if row[0] not in SUCCESSES]
)
def test_every_error_of_the_package_has_a_row_of_its_own(name: str, code: int) -> None:
    assert code in VERDICTS, name


@pytest.mark.parametrize("name", sorted(SUCCESSES - {"RES_S_OK"}))
def test_a_successful_retcode_is_no_error(name: str) -> None:
    assert RETCODES[name] not in VERDICTS


def test_every_row_is_a_code_of_the_package_of_the_wire_or_of_this_module() -> None:
    own = {value for module in (errors, wire) for value in vars(module).values() if isinstance(value, int)}

    strangers = set(VERDICTS) - set(RESULTS.values()) - set(RETCODES.values()) - own

    assert not strangers


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the design's table; None where it leaves a word open."""

    codes: tuple[int, ...]
    error: type[MT5Error]
    reason: str | None = None
    retryable: bool
    breaker: str
    keeps_worker: bool | None = True
    operations: tuple[str, ...] = ("connect", "account_info", "symbols_get")
    connected: tuple[bool, ...] = (True, False)

    def __str__(self) -> str:
        return f"{self.error.kind} {self.codes[0]} {self.operations[0]} {self.connected[0]}"


TRADE = ("order_send",)
LINK_LOST = (-10000, -10001, -10002, -10003, -10004)
FORBIDDEN = (-8, 10017, 10026, 10027, 10032, 10042, 10043, 10044, 10045)
BAD_REQUEST = (
    *(10013, 10014, 10015, 10016, 10019, 10022, 10025, 10029, 10030),
    *(10033, 10034, 10035, 10036, 10038, 10039, 10040, 10041),
)
REFUSED = (10004, 10006, 10007, 10018, 10020, 10021, 10023, 10028)
UNSENT = (errors.BREAKER_OPEN, errors.NO_LEASE, errors.DRAINING, errors.NOT_READY)

DESIGN = [
    Row(codes=LINK_LOST, error=MT5ConnectionError, retryable=True, breaker="failure", keeps_worker=False),
    Row(
        codes=(-5,),
        error=MT5ConnectionError,
        reason="no_ipc",
        retryable=True,
        breaker="failure",
        keeps_worker=False,
        operations=("symbols_get", "symbols_total"),
        connected=(False,),
    ),
    Row(
        codes=(errors.DIED,),
        error=MT5ConnectionError,
        reason="worker_died",
        retryable=True,
        breaker="failure",
        keeps_worker=False,
    ),
    Row(
        codes=(wire.NOT_RUNNING, wire.BUSY, wire.NO_PIPE),
        error=MT5ConnectionError,
        retryable=True,
        breaker="failure",
    ),
    Row(
        codes=(-10005,), error=MT5ConnectionError, reason="not_authorised", retryable=True, breaker="failure"
    ),
    Row(
        codes=(errors.DEADLINE,),
        error=MT5TimeoutError,
        reason="deadline",
        retryable=True,
        breaker="failure",
        keeps_worker=False,
    ),
    Row(
        codes=(10012,),
        error=MT5TimeoutError,
        retryable=False,
        breaker="failure",
        keeps_worker=None,
        operations=TRADE,
    ),
    Row(
        codes=(-6,),
        error=MT5AuthenticationError,
        reason="rejected",
        retryable=True,
        breaker="trip",
        operations=("login",),
    ),
    Row(codes=(-6,), error=MT5AuthenticationError, reason="rejected", retryable=True, breaker="failure"),
    Row(
        codes=(wire.REFUSED,),
        error=MT5PermissionError,
        reason="not_allowed",
        retryable=False,
        breaker="ignore",
    ),
    Row(codes=FORBIDDEN, error=MT5PermissionError, retryable=False, breaker="ignore", operations=TRADE),
    Row(codes=(-2, -7), error=MT5InvalidRequestError, retryable=False, breaker="ignore"),
    Row(
        codes=(-5,),
        error=MT5InvalidRequestError,
        reason="version",
        retryable=False,
        breaker="ignore",
        operations=("account_info", "connect"),
    ),
    Row(
        codes=(-5,),
        error=MT5InvalidRequestError,
        reason="version",
        retryable=False,
        breaker="ignore",
        operations=("symbols_get",),
        connected=(True,),
    ),
    Row(codes=BAD_REQUEST, error=MT5InvalidRequestError, retryable=False, breaker="ignore", operations=TRADE),
    Row(codes=(-4,), error=MT5DataError, reason="not_found", retryable=True, breaker="ignore"),
    Row(codes=(errors.OK,), error=MT5DataError, reason="no_data", retryable=True, breaker="ignore"),
    Row(
        codes=(wire.RAISED,),
        error=MT5DataError,
        reason="raised",
        retryable=True,
        breaker="ignore",
        operations=("account_info", "symbols_get", "symbol_info"),
    ),
    Row(
        codes=(wire.RAISED,),
        error=MT5ConnectionError,
        reason="raised",
        retryable=True,
        breaker="failure",
        keeps_worker=False,
        operations=("connect", "login"),
    ),
    Row(
        codes=(-1,),
        error=MT5DataError,
        reason="call_failed",
        retryable=True,
        breaker="ignore",
        operations=("symbol_info", "symbol_info_tick"),
        connected=(True,),
    ),
    Row(
        codes=(-1,),
        error=MT5BrokerError,
        reason="call_failed",
        retryable=True,
        breaker="failure",
        connected=(True,),
    ),
    Row(
        codes=(-1,),
        error=MT5ConnectionError,
        reason="call_failed",
        retryable=True,
        breaker="failure",
        keeps_worker=False,
        operations=("connect", "account_info", "symbols_get", "symbol_info", "symbol_info_tick"),
        connected=(False,),
    ),
    Row(codes=REFUSED, error=MT5BrokerError, retryable=False, breaker="ignore", operations=TRADE),
    Row(codes=(10024,), error=MT5BrokerError, retryable=True, breaker="ignore", operations=TRADE),
    Row(codes=(10031,), error=MT5BrokerError, retryable=True, breaker="failure", operations=TRADE),
    Row(codes=(10011,), error=MT5BrokerError, retryable=False, breaker="failure", operations=TRADE),
    Row(codes=UNSENT, error=MT5UnavailableError, retryable=True, breaker="ignore"),
    Row(
        codes=(-3,),
        error=MT5UnavailableError,
        reason="no_memory",
        retryable=True,
        breaker="failure",
        keeps_worker=False,
    ),
]


@pytest.mark.parametrize("row", DESIGN, ids=str)
def test_a_code_means_what_the_design_says(row: Row) -> None:
    cases = itertools.product(row.codes, row.operations, row.connected)

    verdicts = [classify(code, operation, connected=connected) for code, operation, connected in cases]

    assert {verdict.error for verdict in verdicts} == {row.error}
    assert {verdict.retryable for verdict in verdicts} == {row.retryable}
    assert {verdict.breaker for verdict in verdicts} == {row.breaker}
    if row.reason is not None:
        assert {verdict.reason for verdict in verdicts} == {row.reason}
    if row.keeps_worker is not None:
        assert {verdict.keeps_worker for verdict in verdicts} == {row.keeps_worker}


def test_only_three_refusals_of_a_broker_count_against_the_terminal() -> None:
    counting = {
        code
        for code, verdict in VERDICTS.items()
        if verdict.error is MT5BrokerError and verdict.breaker != "ignore"
    }

    assert counting == {-1, 10011, 10031}


def test_an_answer_of_the_wrong_shape_feeds_the_data_feed_and_not_the_breaker() -> None:
    verdict = errors.SCHEMA

    assert (verdict.error, verdict.reason, verdict.breaker) == (MT5DataError, "schema", "ignore")


@given(st.integers(), st.text(), st.booleans())
def test_every_integer_is_an_error_somebody_can_read(code: int, operation: str, connected: bool) -> None:
    verdict = classify(code, operation, connected=connected)
    error = errors.error(code, "", operation=operation, connected=connected)

    assert type(error) is verdict.error
    assert type(error) in EIGHT
    assert (error.reason, error.retryable, error.breaker) == (
        verdict.reason,
        verdict.retryable,
        verdict.breaker,
    )
    assert str(error)


@given(st.integers().filter(lambda code: code not in VERDICTS), st.booleans())
def test_an_unknown_code_is_a_refusal_of_the_broker_and_nothing_follows(code: int, connected: bool) -> None:
    verdict = classify(code, "account_info", connected=connected)

    assert verdict == Verdict(MT5BrokerError, "unknown", False, "ignore", True)


def test_there_are_eight_errors_and_one_base() -> None:
    classes = set(MT5Error.__subclasses__())

    assert classes == EIGHT
    assert len({error.kind for error in classes}) == 8
    assert not [error for error in classes if error.__subclasses__()]


@pytest.mark.parametrize("error", sorted(EIGHT, key=attrgetter("kind")))
def test_one_except_clause_catches_every_error(error: type[MT5Error]) -> None:
    verdict = Verdict(error, "reason", True, "ignore")

    with pytest.raises(MT5Error) as raised:
        raise error("text", verdict=verdict, code=-1)

    assert raised.value.kind == error.kind
    assert error.kind in error.__name__.lower() or error.kind == "invalid_request"


def test_an_error_carries_what_a_person_on_call_asks_for() -> None:
    error = errors.error(
        -10004,
        "No IPC connection",
        operation="account_info",
        terminal="desk-1",
        attempt=3,
        elapsed=0.25,
        context={"server": "Broker-Live"},
    )

    assert isinstance(error, MT5ConnectionError)
    assert vars(error) == {
        "message": "No IPC connection",
        "code": -10004,
        "operation": "account_info",
        "terminal": "desk-1",
        "attempt": 3,
        "elapsed": 0.25,
        "context": {"server": "Broker-Live"},
        "reason": "no_ipc",
        "retryable": True,
        "breaker": "failure",
        "keeps_worker": False,
    }


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            errors.error(-6, "login 1234 rejected", operation="connect", terminal="demo"),
            "terminal 'demo': connect: login 1234 rejected (MT5 error -6)",
        ),
        (errors.error(-10004, "No IPC connection"), "No IPC connection (MT5 error -10004)"),
        (errors.error(10018, "", operation="order_send"), "order_send: market closed (MT5 error 10018)"),
        (errors.error(-4242, "what is this"), "what is this (MT5 error -4242)"),
    ],
)
def test_the_text_names_terminal_call_cause_and_code(error: MT5Error, text: str) -> None:
    assert str(error) == text


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (wire.NOT_RUNNING, "terminal 'demo': not running"),
        (errors.DEADLINE, "terminal 'demo': deadline"),
        (errors.BREAKER_OPEN, "terminal 'demo': breaker open"),
    ],
)
def test_a_code_of_our_own_is_not_shown_as_one_of_mt5(code: int, text: str) -> None:
    assert str(errors.error(code, "", terminal="demo")) == text


@pytest.mark.parametrize("verdict", [errors.NO_DATA, errors.SCHEMA])
def test_the_code_of_a_success_is_not_shown_as_an_error(verdict: Verdict) -> None:
    error = verdict.error(
        "no data", verdict=verdict, code=errors.OK, operation="symbol_info", terminal="demo"
    )

    assert str(error) == "terminal 'demo': symbol_info: no data"


def met_by_the_exporter() -> set[int]:
    """Codes that a worker's row or the near side can give a session that never trades."""
    traded_only = {RESULTS["RES_E_AUTO_TRADING_DISABLED"]}
    far = {
        wire.REFUSED,
        wire.RAISED,
        wire.NOT_RUNNING,
        wire.BUSY,
        wire.NO_PIPE,
        wire.NO_MODULE,
        wire.NO_BRIDGE,
    }
    near = {errors.DIED, errors.DEADLINE, errors.PROTOCOL}
    return set(RESULTS.values()) - traded_only | far | near | {0, -9, -9999}


def counted(verdict: Verdict) -> tuple[str, str]:
    return verdict.error.kind, verdict.reason


def test_counted_is_what_the_exporter_can_meet_and_nothing_else() -> None:
    operations = [*sorted(READS), "connect", "login"]

    met = {
        counted(classify(code, operation, connected=connected))
        for code in met_by_the_exporter()
        for operation in operations
        for connected in (True, False)
    }

    assert set(COUNTED) == met | {counted(errors.SCHEMA)}


@given(
    st.integers(max_value=errors.MIN_RETCODE - 1).filter(lambda code: code not in VERDICTS),
    st.sampled_from([*sorted(READS), "connect", "login"]),
    st.booleans(),
)
def test_a_code_nobody_knows_is_counted(code: int, operation: str, connected: bool) -> None:
    verdict = classify(code, operation, connected=connected)

    assert counted(verdict) in COUNTED


def test_counted_is_bounded_sorted_and_fit_for_labels() -> None:
    labels = set(itertools.chain.from_iterable(COUNTED))

    assert len(COUNTED) <= 32
    assert list(COUNTED) == sorted(set(COUNTED))
    assert not [label for label in labels if not re.fullmatch("[a-z][a-z_]*", label)]
    assert not labels & {"breaker_open", "no_lease", "draining", "not_ready"}
