"""Follows one kind of an account's history through its terminals: when to read, and what of it is new."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

from mt5_exporter.history.mark import Mark, baseline, reach, recall
from mt5_exporter.history.rows import Identity
from mt5_exporter.history.source import END, History, R, Source
from mt5_exporter.store import Change, Saved
from mt5_exporter.threads import off_loop

if TYPE_CHECKING:
    # It hands out the books, which are made of this.
    from mt5_exporter.round import Round

Commit = Callable[[Change], Awaitable[None]]

REREAD = 600.0
"""Seconds after which entries are read though there are as many as before: one may be in another's place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What one terminal was last seen to have: so many entries from a time on; `instant` is monotonic."""

    start: int
    total: int
    instant: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A history that may be whole, as long as its total does not change; `instant` is monotonic."""

    total: int
    instant: float


class Follower(Generic[R]):
    """Takes over one kind of an account's history, a terminal's at a time.

    What is new is told by tickets alone. How many entries there are is asked in each round, and only if that
    differs from what the same terminal had before, or what any had last, they are read.

    Args:
        source: The kind.
        account: Whose.
        saved: What is kept of it; `commit` changes it.
    """

    def __init__(self, source: Source[R], account: Identity, saved: Saved, commit: Commit) -> None:
        self._source = source
        self._account = account
        self._saved = saved
        self._commit = commit
        self._windows: dict[str, Window] = {}
        self._latest: Window | None = None
        self._candidates: dict[str, Candidate] = {}

    @property
    def mark(self) -> Mark | None:
        """How far it has been taken over, None before the baseline."""
        return recall(self._saved.facts.get(self._source.mark))

    def window(self, terminal: str) -> Window | None:
        """Return what a terminal was last seen to have."""
        return self._windows.get(terminal)

    def history(self, asked: "Round") -> History[R]:
        """Return the history as this round's terminal has it."""
        return History(self._source, asked, self._account)

    async def follow(self, asked: "Round") -> list[R] | None:
        """Take over what is new, and return the entries of the window if they were read."""
        mark = self.mark
        if mark is None:
            return await self._begin(asked)
        name, now = asked.terminal.name, asked.clock.monotonic()
        windows = dict.fromkeys((self._windows.get(name), self._latest))
        known = [window for window in windows if window and now - window.instant < REREAD]
        if known:
            totals = await self.history(asked).totals((window.start, END) for window in known)
            for window, total in zip(known, totals, strict=True):
                if window.total == total:
                    self._windows[name] = window
                    return None
        return await self.read(asked, mark)

    async def read(self, asked: "Round", mark: Mark) -> list[R]:
        """Read the window, take over what is new in it, and return its entries."""
        start = mark.start(asked.terminal.history_lookback)
        rows = await self.history(asked).rows(start)
        await self._take(asked, mark, rows, start)
        return rows

    async def _begin(self, asked: "Round") -> list[R] | None:
        """Take the baseline once the terminal is connected and its history has stopped growing."""
        name, now = asked.terminal.name, asked.clock.monotonic()
        if not (await asked.terminal_info()).value.connected:
            self._candidates.pop(name, None)
            return None
        history, before = self.history(asked), self._candidates.get(name)
        total = await history.total(0)
        if before is None or before.total != total:
            self._candidates[name] = Candidate(total=total, instant=now)
            return None
        if now - before.instant < asked.terminal.interval:
            return None
        newest = await history.newest()
        start = max(0, newest - reach(asked.terminal.history_lookback))
        rows = await history.rows(start)
        if await history.total(0) != total:
            del self._candidates[name]
            return None
        entries = ((row.ticket, row.time) for row in rows)
        await self._take(asked, baseline(entries, start=start, wall=asked.clock.wall()), rows, start)
        return rows

    async def _take(self, asked: "Round", mark: Mark, rows: list[R], start: int) -> None:
        change = await off_loop(
            len(rows), self._source.count, self._saved, mark, rows, asked.terminal, asked.clock.wall()
        )
        if len(change):
            await self._commit(change)
        window = Window(start=start, total=len(rows), instant=asked.clock.monotonic())
        self._windows[asked.terminal.name] = self._latest = window
