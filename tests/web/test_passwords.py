"""Passwords: who gets in, what it costs, and what a flood of wrong ones does to the right one (T15)."""

import asyncio
import base64
import threading
from collections.abc import Awaitable, Callable

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt5_exporter.secret import Secret
from mt5_exporter.web import passwords as module
from mt5_exporter.web.passwords import Busy, Credentials, Passwords, credentials, matches
from tests.exposition.world import run, until
from tests.web.pki import hashed

USERS = {b"alice": Secret(hashed("wonderland")), b"bob": Secret(hashed("p:\u00e4\u4e2d"))}


class Look:
    """Stands in for bcrypt: counts, and waits as long as a test wants it to."""

    def __init__(self) -> None:
        self.hashes: list[bytes] = []
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self, password: bytes, hash_: bytes) -> bool:
        self.hashes.append(hash_)
        assert self.go_on.wait(10)
        return password == b"right"


def of(user: str, password: str) -> Credentials:
    return Credentials(user=user.encode(), password=Secret(password.encode().decode("latin-1")))


def with_passwords(test: Callable[[Passwords, Look], Awaitable[None]]) -> None:
    async def main() -> None:
        look = Look()
        passwords = Passwords(check=look)
        try:
            await test(passwords, look)
        finally:
            look.go_on.set()
            passwords.close()

    run(main)


# -- the header -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", [b"Basic", b"basic", b"BASIC"])
def test_a_name_and_a_password_come_in_basic(scheme: bytes) -> None:
    found = credentials(scheme + b" " + base64.b64encode(b"alice:won:der"))

    assert found == of("alice", "won:der")


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Basic",
        b"Basic ",
        b"Bearer YTpi",
        b"Basic !!!!",
        b"Basic YWI=",
        b"BasicYTpi",
        b"Basic YTpi YTpi",
    ],
)
def test_what_is_no_basic_is_nobody(header: bytes) -> None:
    assert credentials(header) is None


@given(st.binary(max_size=100))
def test_any_header_is_credentials_or_nobody(header: bytes) -> None:
    for found in (credentials(header), credentials(b"Basic " + base64.b64encode(header))):
        assert found is None or b":" not in found.user


# -- bcrypt itself ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "password", "admitted"),
    [
        ("alice", "wonderland", True),
        ("bob", "p:\u00e4\u4e2d", True),
        ("alice", "Wonderland", False),
        ("alice", "", False),
        ("alice", "wonderland\0", False),
        ("alice", "wonderlan", False),
        ("bob", "wonderland", False),
        ("carol", "wonderland", False),
        ("", "", False),
    ],
)
def test_a_password_opens_for_its_own_user_alone(user: str, password: str, *, admitted: bool) -> None:
    async def main() -> bool:
        passwords = Passwords()
        try:
            return await passwords.admit(USERS, of(user, password), "")
        finally:
            passwords.close()

    assert run(main) is admitted


@pytest.mark.parametrize("prefix", ["$2a$", "$2b$", "$2y$"])
def test_t15_the_three_spellings_of_a_hash_are_one(prefix: str) -> None:
    assert matches(b"wonderland", (prefix + hashed("wonderland")[4:]).encode())


def test_t15_a_password_longer_than_bcrypt_looks_at_is_wrong_and_no_error() -> None:
    longest = "x" * 72

    assert matches(longest.encode(), hashed(longest).encode())
    assert not matches(longest.encode() + b"x", hashed(longest).encode())
    assert not matches(b"x" * 1_000_000, hashed(longest).encode())


@given(st.binary(max_size=90))
def test_t15_any_password_is_right_or_wrong(password: bytes) -> None:
    assert matches(password, USERS[b"alice"].reveal().encode()) is (password == b"wonderland")


# -- constant work ----------------------------------------------------------------------------------------


def test_t15_an_unknown_user_costs_one_look_at_a_hash_of_the_same_cost() -> None:
    users = {b"alice": Secret(hashed("x", cost=5)), b"bob": Secret(hashed("x", cost=6))}

    async def test(passwords: Passwords, look: Look) -> None:
        assert not await passwords.admit(users, of("carol", "right"), "")

        [hash_] = look.hashes
        assert hash_.startswith(b"$2b$06$")
        assert not bcrypt.checkpw(b"right", hash_)

    with_passwords(test)


def test_t15_what_is_known_costs_no_look_whoever_it_is() -> None:
    async def test(passwords: Passwords, look: Look) -> None:
        for _ in range(3):
            assert await passwords.admit(USERS, of("alice", "right"), "")
            assert not await passwords.admit(USERS, of("alice", "wrong"), "")
            assert not await passwords.admit(USERS, of("carol", "right"), "")

        assert len(look.hashes) == 3

    with_passwords(test)


def test_t15_a_new_hash_forgets_the_old_password() -> None:
    async def test(passwords: Passwords, look: Look) -> None:
        assert await passwords.admit(USERS, of("alice", "right"), "")

        await passwords.admit({b"alice": Secret(hashed("other"))}, of("alice", "right"), "")

        assert len(look.hashes) == 2

    with_passwords(test)


def test_t15_no_name_borrows_from_a_hash_to_pass_for_a_remembered_password() -> None:
    """CVE-2022-46146: user + hash + password were joined to the cache's key as they are."""
    hash_ = USERS[b"alice"].reveal()

    async def test(passwords: Passwords, look: Look) -> None:
        assert await passwords.admit(USERS, of("alice", "right"), "")
        nobody = module._nobody(USERS)
        for user, password in [
            (f"alice{hash_}right"[: -len(nobody)], "right"),
            ("alice" + hash_, "right"),
            ("alic", f"e{hash_}right"),
            ("alice", f"{hash_}right"),
        ]:
            look.go_on.set()
            await passwords.admit(USERS, of(user, password), "")

        assert len(look.hashes) == 5

    with_passwords(test)


def test_nothing_that_is_remembered_holds_a_password() -> None:
    async def test(passwords: Passwords, look: Look) -> None:
        await passwords.admit(USERS, of("alice", "right"), "")

        assert b"right" not in b"".join([*passwords._right, *passwords._wrong])

    with_passwords(test)


# -- floods -----------------------------------------------------------------------------------------------


def test_t15_no_number_of_wrong_passwords_makes_it_forget_a_right_one() -> None:
    async def test(passwords: Passwords, look: Look) -> None:
        await passwords.admit(USERS, of("alice", "right"), "")
        for number in range(3 * module.REMEMBERED):
            await passwords.admit(USERS, of("alice", f"guess {number}"), "10.0.0.9")
        looked = len(look.hashes)

        assert await passwords.admit(USERS, of("alice", "right"), "")

        assert len(look.hashes) == looked
        assert len(passwords._wrong) == module.REMEMBERED

    with_passwords(test)


def test_t15_while_guesses_are_looked_at_the_known_password_is_admitted_at_once() -> None:
    async def test(passwords: Passwords, look: Look) -> None:
        await passwords.admit(USERS, of("alice", "right"), "")
        look.go_on.clear()
        guess = asyncio.ensure_future(passwords.admit(USERS, of("alice", "guess"), "10.0.0.9"))
        await until(lambda: len(look.hashes) == 2)

        assert await asyncio.wait_for(passwords.admit(USERS, of("alice", "right"), ""), 5)

        look.go_on.set()
        assert not await guess

    with_passwords(test)


def test_t15_a_client_that_guesses_keeps_only_itself_waiting() -> None:
    async def test(passwords: Passwords, look: Look) -> None:
        look.go_on.clear()
        guesses = [
            asyncio.ensure_future(passwords.admit(USERS, of("alice", f"guess {number}"), "10.0.0.9"))
            for number in range(10)
        ]
        await until(lambda: sum(guess.done() for guess in guesses) == 10 - module.WAITING_OF_ONE_CLIENT)
        newcomer = asyncio.ensure_future(passwords.admit(USERS, of("alice", "right"), "10.0.0.1"))
        look.go_on.set()

        assert await newcomer
        results = await asyncio.gather(*guesses, return_exceptions=True)
        assert [type(result) for result in results].count(Busy) == 10 - module.WAITING_OF_ONE_CLIENT
        assert not passwords._waiting

    with_passwords(test)


def test_t15_many_clients_that_guess_are_bounded_as_well() -> None:
    async def test(passwords: Passwords, look: Look) -> None:
        look.go_on.clear()
        guesses = [
            asyncio.ensure_future(passwords.admit(USERS, of("alice", f"guess {number}"), f"10.0.0.{number}"))
            for number in range(module.WAITING + 5)
        ]
        await until(lambda: sum(guess.done() for guess in guesses) == 5)
        look.go_on.set()

        results = await asyncio.gather(*guesses, return_exceptions=True)

        assert [type(result) for result in results].count(Busy) == 5
        assert not passwords._under_way

    with_passwords(test)


def test_the_same_password_twice_at_once_is_one_look_even_if_the_first_one_leaves() -> None:
    async def test(passwords: Passwords, look: Look) -> None:
        look.go_on.clear()
        first, second = (
            asyncio.ensure_future(passwords.admit(USERS, of("alice", "right"), "")) for _ in range(2)
        )
        await until(lambda: bool(look.hashes))
        first.cancel()
        look.go_on.set()

        assert await second
        assert len(look.hashes) == 1

    with_passwords(test)
