"""The SQLite file behind the store: synchronous, for one thread, and never left half written."""

import itertools
import json
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Literal

from mt5_exporter.store.values import Change, Saved, to_json

VERSION = 1
"""Of the tables, in `user_version`."""

APPLICATION = 0x4D543558
"""In `application_id`, by which the file is known as ours."""

BUSY = 0.1
"""Seconds to wait for a lock, which brings little: an exporter holds it for as long as it lives."""

QUARANTINED = 3
"""Corrupt files that are kept."""

SIDES = ("-wal", "-journal", "-shm")
"""What SQLite keeps beside a file."""

REASONS = ("corrupt", "locked", "read_only", "full", "io", "newer_version", "foreign")
"""Why the file cannot be used; `foreign` is a database of another program."""

Standing = Literal["fresh", "same", "other"]
"""Whom an opened file is from: begun anew, as it was when we had it last, or written by another since."""

TABLES = ("totals", "seen", "facts")

SCHEMA = (
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {VERSION}",
    """CREATE TABLE totals (account TEXT, metric TEXT, labels TEXT, value TEXT NOT NULL,
    PRIMARY KEY (account, metric, labels)) WITHOUT ROWID""",
    """CREATE TABLE seen (account TEXT, kind TEXT, ticket INTEGER, time INTEGER NOT NULL,
    PRIMARY KEY (account, kind, ticket)) WITHOUT ROWID""",
    """CREATE TABLE facts (account TEXT, name TEXT, value TEXT NOT NULL,
    PRIMARY KEY (account, name)) WITHOUT ROWID""",
)
# A value is text, since whole numbers of 1e-8 of a rupiah do not fit into 64 bits for long.

OWNER = "INSERT OR REPLACE INTO facts VALUES ('', 'owner', ?)"

_BY_CODE = {
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_PERM: "read_only",
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_CORRUPT: "corrupt",
    sqlite3.SQLITE_NOTADB: "corrupt",
}


class StoreError(Exception):
    """The file cannot be used.

    Attributes:
        reason: One of `REASONS`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class SQLiteFile:
    """One file, opened when it is needed and held until it is closed or found to be broken.

    WAL, because a commit is then one write at the end of one file. `synchronous=FULL`, because with NORMAL a
    loss of power takes back commits that have been scraped, and a counter must not go back. An exclusive lock
    for as long as the file is open, because two exporters that count the same deals would spoil each other's
    totals: the second finds it locked and goes on in memory. The system frees the lock with the process,
    however that ends; and without shared memory beside it the file may lie on a network share or in a
    container's volume.

    Every method raises `StoreError`. A corrupt file has been put aside then, and the next call begins afresh.

    Args:
        path: Where.
        wall: Unix seconds, for the name of a corrupt file.
    """

    def __init__(self, path: Path, wall: Callable[[], float]) -> None:
        self.path = path
        self._wall = wall
        self._connection: sqlite3.Connection | None = None
        self._owner = secrets.token_hex(8)
        self._owners: set[object] = set()
        self._claimed = False
        self._standing: Standing = "same"

    def ready(self) -> Standing:
        """Open the file unless it is open, and tell whom it is from, once for each opening."""
        if self._connection is not None and not os.path.lexists(self.path):
            # Somebody took it away: what we write there is lost.
            self.close()
        with self._opened():
            pass
        standing, self._standing = self._standing, "same"
        return standing

    def read(self, account: str) -> Saved:
        """Return what is kept for an account."""
        saved = Saved()
        with self._opened():
            try:
                for metric, labels, value in self._rows("SELECT metric, labels, value FROM totals", account):
                    saved.totals[str(metric), _labels(labels)] = int(str(value))
                for kind, ticket, at in self._rows("SELECT kind, ticket, time FROM seen", account):
                    saved.seen[str(kind), int(str(ticket))] = int(str(at))
                for name, value in self._rows("SELECT name, value FROM facts", account):
                    saved.facts[str(name)] = json.loads(str(value))
            except (ValueError, TypeError, RecursionError) as error:
                # SQLite finds the row in order, and it is none of ours.
                raise StoreError("corrupt", f"a row is not as it was written: {error}") from error
        return saved

    def known(self, accounts: Collection[str]) -> set[str]:
        """Return those of the accounts that the file has something for."""
        with self._opened():
            return {
                account
                for account, table in itertools.product(accounts, TABLES)
                if any(True for _ in self._rows(f"SELECT 1 FROM {table}", account))  # noqa: S608 - ours
            }

    def write(self, changes: Mapping[str, Change]) -> None:
        """Keep the changes by account, all of them or none."""
        with self._opened(), self._transaction() as connection:
            if not self._claimed:
                connection.execute(OWNER, (self._owner,))
            for account, change in changes.items():
                _write(connection, account, change)
        self._claimed = True
        self._owners = {self._owner}

    def close(self) -> None:
        """Close the file; what was written is safe whether or not this succeeds."""
        connection, self._connection = self._connection, None
        self._claimed = False
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _open(self) -> None:
        if os.path.lexists(self.path) and not os.access(self.path, os.W_OK):
            self._open_to_read()
            return
        self._connection = sqlite3.connect(self.path, timeout=BUSY, isolation_level=None)
        # Before anything is read: in this mode SQLite needs no shared memory beside a WAL.
        self._ask("PRAGMA locking_mode = EXCLUSIVE")
        self._ask("PRAGMA synchronous = FULL")
        # At once for writing: two that had both begun to read would wait for each other for ever.
        with self._transaction() as connection:
            if self._inspect():
                for statement in SCHEMA:
                    connection.execute(statement)
        self._ask("PRAGMA journal_mode = WAL")

    def _open_to_read(self) -> None:
        """Open a file that cannot be written now: what is in it counts nevertheless."""
        wal = self.path.with_name(f"{self.path.name}-wal")
        if wal.exists() and wal.stat().st_size:
            raise StoreError("read_only", "it cannot be written, and so its last commits cannot be read")
        # Without this word SQLite would want to write beside it.
        uri = f"{self.path.absolute().as_uri()}?mode=ro&immutable=1"
        self._connection = sqlite3.connect(uri, uri=True, isolation_level=None)
        if self._inspect():
            raise StoreError("read_only", "it is empty")

    def _inspect(self) -> bool:
        """Look whom the open file is from, and tell whether it is empty."""
        version, application = self._ask("PRAGMA user_version"), self._ask("PRAGMA application_id")
        if not self._ask("SELECT count(*) FROM sqlite_schema"):
            self._owners = {None, self._owner}
            self._standing = "fresh"
            return True
        if application != APPLICATION:
            raise StoreError("foreign", "it is a database of another program")
        if version != VERSION:
            raise StoreError("newer_version", f"it is of version {version}, and this is {VERSION}")
        found = self._ask("PRAGMA quick_check(1)")
        if found != "ok":
            raise StoreError("corrupt", str(found))
        if self._ask(f"SELECT count(*) FROM sqlite_schema WHERE name IN {TABLES}") != len(TABLES):  # noqa: S608
            raise StoreError("corrupt", "a table is missing")
        owner = self._ask("SELECT value FROM facts WHERE account = '' AND name = 'owner'")
        # At the first opening nothing of it is in memory that could differ.
        if self._owners and owner not in self._owners:
            self._standing = "other"
        self._owners = {owner, self._owner}
        return False

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection
        assert connection is not None
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                # SQLite may have done that itself.
                connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _opened(self) -> Iterator[None]:
        """Open the file unless it is open, and raise what befalls it as a `StoreError`."""
        try:
            if self._connection is None:
                self._open()
            yield
        except StoreError as error:
            raise StoreError(error.reason, self._give_up(error.reason, str(error))) from error
        except sqlite3.Error as error:
            reason = _reason(error)
            raise StoreError(reason, self._give_up(reason, str(error))) from error
        except OSError as error:
            raise StoreError("io", self._give_up("io", str(error))) from error

    def _give_up(self, reason: str, message: str) -> str:
        """Do what a failure asks for, and return the message with what came of that."""
        if reason in {"locked", "full", "read_only"} and self._claimed:
            # The lock is ours: let go, another exporter would take it.
            return message
        self.close()
        if reason != "corrupt":
            return message
        try:
            return f"{message}; it was put aside as {self._quarantine()}"
        except OSError as error:
            return f"{message}; it cannot be put aside: {error}"

    def _quarantine(self) -> str:
        """Rename the file and what is beside it, and remove the oldest of those put aside before."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._wall()))
        aside = f"{self.path}.corrupt-{stamp}"
        for number in itertools.count(1):
            if not os.path.lexists(aside):
                break
            aside = f"{self.path}.corrupt-{stamp}-{number}"
        for side in ("", *SIDES):
            if os.path.lexists(f"{self.path}{side}"):
                os.replace(f"{self.path}{side}", f"{aside}{side}")  # noqa: PTH105 - names, not paths
        stem = f"{self.path.name}.corrupt-"
        every = [entry for entry in self.path.parent.iterdir() if entry.name.startswith(stem)]
        files = [entry for entry in every if not entry.name.endswith(SIDES)]
        for old in sorted(files, key=lambda entry: entry.stat().st_mtime)[:-QUARANTINED]:
            for name in (old.name, *(f"{old.name}{side}" for side in SIDES)):
                old.with_name(name).unlink(missing_ok=True)
        return aside

    def _rows(self, select: str, account: str) -> Iterator[tuple[object, ...]]:
        assert self._connection is not None
        with closing(self._connection.execute(f"{select} WHERE account = ?", (account,))) as cursor:
            yield from cursor

    def _ask(self, statement: str) -> object:
        """Return the first value that a statement answers, None for none."""
        assert self._connection is not None
        with closing(self._connection.execute(statement)) as cursor:
            row: tuple[object, ...] | None = cursor.fetchone()
        return row[0] if row else None


def _write(connection: sqlite3.Connection, account: str, change: Change) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO totals VALUES (?, ?, ?, ?)",
        ((account, metric, to_json(labels), str(value)) for (metric, labels), value in change.totals.items()),
    )
    connection.executemany(
        "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?)",
        ((account, kind, ticket, at) for (kind, ticket), at in change.seen.items() if at is not None),
    )
    connection.executemany(
        "DELETE FROM seen WHERE account = ? AND kind = ? AND ticket = ?",
        ((account, kind, ticket) for (kind, ticket), at in change.seen.items() if at is None),
    )
    connection.executemany(
        "INSERT OR REPLACE INTO facts VALUES (?, ?, ?)",
        ((account, name, to_json(value)) for name, value in change.facts.items()),
    )


def _labels(text: object) -> tuple[str, ...]:
    found = json.loads(str(text))
    if not isinstance(found, list):
        raise TypeError("labels are no list")
    return tuple(str(label) for label in found)


def _reason(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        # The module's own: of these only a text that is no UTF-8 is the file's fault.
        return "corrupt" if isinstance(error, sqlite3.OperationalError) else "io"
    # An extended code has the primary one in its lowest byte.
    return _BY_CODE.get(code & 0xFF, "io")
