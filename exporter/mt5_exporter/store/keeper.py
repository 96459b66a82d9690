"""The store as the event loop sees it: loads and commits with a deadline, and memory where the file fails."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from mt5_exporter.clock import Clock
from mt5_exporter.store.own_thread import OwnThread
from mt5_exporter.store.sqlite_file import SQLiteFile, Standing, StoreError
from mt5_exporter.store.values import Change, Saved, to_json

log = logging.getLogger(__name__)

T = TypeVar("T")

DEADLINE = 2.0
"""Seconds that anybody waits for the file; a disk takes a hundredth of that."""

RETRY = 5.0
"""Seconds after which a file that failed is tried again."""

PATIENCE = 30.0
"""Seconds for which an account waits for a file that cannot be read, before it begins anew in memory.

Such as one that an exporter holds which is just being stopped.
"""

HOPELESS = frozenset({"newer_version", "foreign"})
"""Waiting does not help; the file is left alone."""


class StateStore:
    """Keeps totals, tickets and facts of accounts.

    What `load` returns is the account as it stands in memory; `commit` changes it, after the file. So what is
    read from it after a commit has been kept, unless the file is in trouble: then it is in memory alone, and
    goes to the file with the first commit that succeeds.

    An account that began in memory because the file could not be read is not written over what the file turns
    out to have of it: it stays in memory until the exporter starts again, and `trouble` says so.

    Args:
        path: The file, None to keep everything in memory.
        clock: For when to try again.
        deadline: Seconds that a call waits at most.
    """

    def __init__(self, path: Path | None, clock: Clock, *, deadline: float = DEADLINE) -> None:
        self.errors: Counter[str] = Counter()
        """How often the file failed, by reason."""
        self._path = path
        self._clock = clock
        self._deadline = deadline
        self._file = SQLiteFile(path, clock.wall) if path is not None else None
        self._thread = OwnThread("state")
        self._closed = False
        self._turn = asyncio.Lock()
        self._saved: dict[str, Saved] = {}
        self._loads: dict[str, asyncio.Task[Saved]] = {}
        self._pending: dict[str, Change] = {}
        self._changes = 0
        self._flight: asyncio.Task[tuple[int, bool]] | None = None
        self._trouble: StoreError | None = None
        self._unread: dict[str, str] = {}
        self._apart: dict[str, str] = {}
        self._first_tried: float | None = None
        self._not_before = -RETRY

    @property
    def trouble(self) -> str:
        """Why something is in memory alone: one of `REASONS`, empty if nothing is; from any thread."""
        trouble = self._trouble
        if trouble is not None:
            return trouble.reason
        return next(iter([*self._apart.values()]), "")

    @property
    def pending(self) -> int:
        """Rows that are still to be written; from any thread."""
        return sum(map(len, [*self._pending.values()]))

    async def load(self, account: str) -> Saved:
        """Return what is kept for an account.

        Raises:
            StoreError: The file cannot be read yet; ask again.
        """
        if account not in self._saved and (self._file is None or self._closed):
            self._saved[account] = Saved()
        if account in self._saved:
            return self._saved[account]
        now = self._clock.monotonic()
        if self._first_tried is None:
            self._first_tried = now
        try:
            self._saved[account] = await self._read(account)
        except StoreError as error:
            if error.reason not in HOPELESS and now - self._first_tried < PATIENCE:
                raise
            self._unread[account] = error.reason
            self._saved[account] = Saved()
        return self._saved[account]

    async def commit(self, account: str, change: Change) -> bool:
        """Keep a change of an account that was loaded, and tell whether it is in the file.

        Raises:
            TypeError, ValueError: A fact is no plain JSON; nothing has changed.
        """
        for fact in change.facts.values():
            to_json(fact)
        kept = True
        if self._file is not None and not self._closed:
            self._pending[account] = self._pending.get(account, Change()).then(change)
            self._changes += 1
            kept = await self._written(self._changes) and account not in self._apart
        self._saved[account].apply(change)
        return kept

    async def close(self) -> None:
        """Write what is pending, once, and let go of the file; whatever comes later stays in memory."""
        file = self._file
        if file is None or self._closed:
            return
        if self._pending:
            self._not_before = self._clock.monotonic()
            await self._written(self._changes)
        self._closed = True
        try:
            async with asyncio.timeout(self._deadline):
                await self._in_turn(file.close)
        except TimeoutError:
            log.warning("the state file did not close in time", extra={"state_file": str(file.path)})
        else:
            self._thread.end()

    # -- reading ---------------------------------------------------------------------------------------------

    async def _read(self, account: str) -> Saved:
        task = self._loads.get(account)
        if task is None:
            task = asyncio.ensure_future(self._tried(partial(self._reading, account)))
            self._loads[account] = task
            task.add_done_callback(partial(self._loaded, account))
        return await self._bounded(task)

    async def _reading(self, account: str, file: SQLiteFile) -> Saved:
        return await self._in_turn(partial(file.read, account))

    def _loaded(self, account: str, task: asyncio.Task[Saved]) -> None:
        del self._loads[account]
        if not task.cancelled():
            # Whoever still waits has it raised; whoever does not has been told of the deadline.
            task.exception()

    # -- writing ---------------------------------------------------------------------------------------------

    async def _written(self, number: int) -> bool:
        """Wait until the change of that number has been tried, and tell whether it succeeded."""
        try:
            while not self._resting:
                if self._flight is None or self._flight.done():
                    self._flight = asyncio.ensure_future(self._flush())
                # Changes that come while one is under way go with the next one, all together.
                covered, good = await self._bounded(self._flight)
                if covered >= number:
                    return good
        except StoreError:
            pass
        return False

    async def _flush(self) -> tuple[int, bool]:
        """Write what is pending; return the number of the last change that was, and whether it succeeded."""
        covered = self._changes
        try:
            await self._tried(self._writing)
        except StoreError:
            return covered, False
        return covered, True

    async def _writing(self, file: SQLiteFile) -> None:
        if self._unread:
            known = await self._in_turn(partial(file.known, tuple(self._unread)))
            self._apart.update((account, self._unread[account]) for account in known)
            self._unread.clear()
            if known:
                log.warning(
                    "the state file has totals of accounts that began anew in memory: it is left as it is; "
                    "start the exporter again to go on with them",
                    extra={"state_file": str(file.path), "accounts": len(known)},
                )
        batch, self._pending = self._pending, {}
        mine = {account: change for account, change in batch.items() if account not in self._apart}
        try:
            await self._in_turn(partial(file.write, mine))
        except BaseException:
            for account, change in mine.items():
                self._pending[account] = change.then(self._pending.get(account, Change()))
            raise

    # -- both ------------------------------------------------------------------------------------------------

    @property
    def _resting(self) -> bool:
        """Whether the file failed just now."""
        return self._trouble is not None and self._clock.monotonic() < self._not_before

    async def _tried(self, work: Callable[[SQLiteFile], Awaitable[T]]) -> T:
        """Return what `work` does with the file; after a corrupt one it is tried on a fresh one, too."""
        assert self._file is not None
        if self._trouble is not None and self._resting:
            raise self._trouble
        for attempt in (1, 2):
            try:
                self._compare(await self._in_turn(self._file.ready))
                outcome = await work(self._file)
            except StoreError as error:
                self._failed(error)
                if error.reason != "corrupt" or attempt == 2:
                    raise
            else:
                self._well()
                return outcome
        raise AssertionError

    def _compare(self, standing: Standing) -> None:
        """Take it into account if the file is no longer the one that the accounts came from."""
        if standing == "fresh":
            self._unread.clear()
            self._apart.clear()
            for account, saved in self._saved.items():
                self._pending[account] = saved.whole().then(self._pending.get(account, Change()))
        elif standing == "other":
            self._unread.update((account, "locked") for account in self._saved if account not in self._apart)

    async def _in_turn(self, work: Callable[[], T]) -> T:
        async with self._turn:
            return await self._thread.do(work)

    async def _bounded(self, task: asyncio.Task[T]) -> T:
        """Wait for a task until the deadline; it goes on then, and only we do not wait for it."""
        try:
            async with asyncio.timeout(self._deadline):
                return await asyncio.shield(task)
        except TimeoutError:
            error = StoreError("io", f"no answer within {self._deadline:g} s")
            self._failed(error)
            raise error from None

    def _failed(self, error: StoreError) -> None:
        self.errors[error.reason] += 1
        self._not_before = self._clock.monotonic() + RETRY
        if self.trouble != error.reason:
            log.warning(
                "the state file cannot be used, what it should keep is in memory alone: %s",
                error,
                extra={"state_file": str(self._path), "reason": error.reason},
            )
        self._trouble = error

    def _well(self) -> None:
        if self._trouble is not None:
            log.info("the state file is used again", extra={"state_file": str(self._path)})
        self._trouble = None
