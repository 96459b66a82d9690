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


TAIL = 3600
"""Seconds before the newest entry in which the next ones are expected; they alone are read then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What one terminal was last seen to have, all of it taken over.

    Attributes:
        start: The server's time from which on entries were read.
        total: How many there are from then on, None if more came while they were read.
        tail: The server's time of the beginning of the last part.
        head: How many there are up to then, None as for `total`: the next time all are read.
        instant: Monotonic, when all of it was read.
    """

    start: int
    total: int | None
    tail: int
    head: int | None
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
        """Take over what is new, and return the entries that were read for it, all from some time on."""
        mark = self.mark
        if mark is None:
            return await self._begin(asked)
        name, now = asked.terminal.name, asked.clock.monotonic()
        windows = dict.fromkeys((self._windows.get(name), self._latest))
        known = [window for window in windows if window and now - window.instant < REREAD]
        spans = [(window.start, END) for window in known] + [(window.start, window.tail) for window in known]
        totals = await self.history(asked).totals(spans) if known else []
        for window, total in zip(known, totals[: len(known)], strict=True):
            if total == window.total:
                self._windows[name] = window
                return None
        for window, head in zip(known, totals[len(known) :], strict=True):
            if head == window.head:
                return await self._read(asked, mark, window)
        return await self._read(asked, mark)

    async def _read(self, asked: "Round", mark: Mark, window: Window | None = None) -> list[R]:
        """Read the window, or what may be new of one that is known, and take it over."""
        start = window.tail if window else mark.start(asked.terminal.history_lookback)
        rows = await self.history(asked).rows(start)
        await self._take(asked, mark, rows)
        await self._note(asked, rows, start, window)
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
        await self._take(asked, baseline(entries, start=start, wall=asked.clock.wall()), rows)
        await self._note(asked, rows, start, None)
        return rows

    async def _take(self, asked: "Round", mark: Mark, rows: list[R]) -> None:
        change = await off_loop(
            len(rows), self._source.count, self._saved, mark, rows, asked.terminal, asked.clock.wall()
        )
        if len(change):
            await self._commit(change)

    async def _note(self, asked: "Round", rows: list[R], start: int, known: Window | None) -> None:
        """Note what the terminal has, in its own numbers, if that is what was read."""
        mark = self.mark
        assert mark is not None
        begin = known.start if known else start
        tail = max(start, mark.watermark - TAIL)
        spans = [(begin, END), (begin, start), (start, END), (begin, tail)]
        total, before, read, head = await self.history(asked).totals(spans)
        # In a frame nothing changes: if its numbers are those of the entries read, they are so for the tail.
        is_known = read == len(rows) and (known is None or before == known.head)
        self._windows[asked.terminal.name] = self._latest = Window(
            start=begin,
            total=total if is_known else None,
            tail=tail,
            head=head if is_known else None,
            instant=known.instant if known else asked.clock.monotonic(),
        )
