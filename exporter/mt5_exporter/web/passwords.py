"""Whether a password is the user's: bcrypt on a thread of its own, and what it said, remembered."""

import asyncio
import base64
import binascii
import hashlib
import secrets
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

from mt5_exporter.secret import Secret

LONGEST = 72
"""Bytes of a password that bcrypt looks at; it refuses a longer one."""

REMEMBERED = 100
"""Answers of either kind that are kept."""

WAITING = 64
WAITING_OF_ONE_CLIENT = 4
"""Looks that may wait: a client that guesses keeps its own next guesses waiting, and no other client."""

Check = Callable[[bytes, bytes], bool]


class Busy(Exception):
    """Too many passwords wait to be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a request says of itself."""

    user: bytes
    password: Secret


def credentials(authorization: bytes) -> Credentials | None:
    """Return what a header of HTTP's Basic scheme says; None for any other."""
    scheme, _, encoded = authorization.partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except binascii.Error:
        return None
    if not colon:
        return None
    return Credentials(user=user, password=Secret(password.decode("latin-1")))


def matches(password: bytes, hashed: bytes) -> bool:
    """Return whether bcrypt takes the password, which may be anything."""
    # Here, since it asks Windows for more than Wine has, and most who run there have no passwords.
    import bcrypt  # noqa: PLC0415

    # As much work for one that is too long, which nobody's is.
    found = bcrypt.checkpw(password[:LONGEST], hashed)
    return found and len(password) <= LONGEST


class Passwords:
    """Looks at passwords, one at a time.

    Args:
        check: What takes its time.
        executor: Where it is run; a thread of its own by default.
    """

    def __init__(self, *, check: Check = matches, executor: Executor | None = None) -> None:
        self._check = check
        self._executor = executor or ThreadPoolExecutor(1, thread_name_prefix="bcrypt")
        # Apart, so that no number of wrong ones makes us forget a right one.
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._wrong: OrderedDict[bytes, None] = OrderedDict()
        self._under_way: dict[bytes, asyncio.Future[bool]] = {}
        self._waiting: Counter[str] = Counter()
        self._salt = secrets.token_bytes(32)

    async def admit(self, users: Mapping[bytes, Secret], given: Credentials, client: str) -> bool:
        """Return whether the password is the user's.

        Args:
            users: The hashes.
            given: What the request says.
            client: From where it comes.

        Raises:
            Busy: Too many wait already.
        """
        stand_in = given.user not in users
        # An unknown name costs as much time as a known one.
        hashed = (_nobody(users) if stand_in else users[given.user].reveal()).encode()
        password = given.password.reveal().encode("latin-1")
        key = self._key(given.user, hashed, password)
        if key in self._right:
            self._right.move_to_end(key)
            return True
        if key in self._wrong:
            return False
        found = await self._look(key, password, hashed, client) and not stand_in
        remembered = self._right if found else self._wrong
        remembered[key] = None
        if len(remembered) > REMEMBERED:
            remembered.popitem(last=False)
        return found

    def close(self) -> None:
        """End the thread, after what it does now."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _look(self, key: bytes, password: bytes, hashed: bytes, client: str) -> bool:
        looking = self._under_way.get(key)
        if looking is None:
            if len(self._under_way) >= WAITING or self._waiting[client] >= WAITING_OF_ONE_CLIENT:
                raise Busy
            loop = asyncio.get_running_loop()
            looking = loop.run_in_executor(self._executor, self._check, password, hashed)
            self._under_way[key] = looking
            self._waiting[client] += 1
            looking.add_done_callback(lambda _: self._looked(key, client))
        # Whoever asked first may leave; others wait for the same answer.
        return await asyncio.shield(looking)

    def _looked(self, key: bytes, client: str) -> None:
        del self._under_way[key]
        self._waiting[client] -= 1
        if not self._waiting[client]:
            del self._waiting[client]

    def _key(self, *parts: bytes) -> bytes:
        """Return what is remembered in a password's place.

        Each part is hashed by itself: joined as they are, a name could borrow bytes from the hash, and a
        wrong password pass for a right one that is remembered (CVE-2022-46146).
        """
        digest = hashlib.blake2b(key=self._salt)
        for part in parts:
            digest.update(hashlib.blake2b(part).digest())
        return digest.digest()


def _nobody(users: Mapping[bytes, Secret]) -> str:
    """Return a hash that no password has, as costly as the users'."""
    cost = max((hashed.reveal()[4:6] for hashed in users.values()), default="10")
    return f"$2b${cost}${'.' * 53}"
