"""The trade server's clock less UTC, as fresh ticks show it; pure, since the times come in as arguments."""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

STEP = 900.0
"""Seconds that every offset is a multiple of."""

EAST, WEST = 14 * 3600.0, -12 * 3600.0
"""The offsets that there are on Earth; a tick of another day shows none."""

RECENT = 300.0
"""Seconds since the poll before, and since the symbol's own last change, within which a change is a fresh
tick: a terminal that catches up after a silence, such as a weekend's, shows changes that are old."""

TOLERANCE = 120.0
"""Seconds by which either clock may be wrong and an offset is still told. Both ways, and with RECENT, they
are less than a STEP, so that one offset at the most explains a tick."""

AGREE = 3
"""Polls with fresh ticks, one after the other, that must show the same offset before it is taken."""

JUMP = 1.0
"""Seconds between our own two clocks that are a jump of one, and no drift."""

WINDOW = 60
"""The last polls with fresh ticks from which the skew is taken, and at most MEMORY old."""

MEMORY = 3600.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One poll with fresh ticks.

    Attributes:
        instant: Monotonic seconds.
        age: Seconds since the poll before.
        ticks: How many there were.
        ahead: Seconds by which the freshest was ahead of UTC and the offset.
    """

    instant: float
    age: float
    ticks: int
    ahead: float


class ServerClock:
    """One terminal's: `offset` is what has been confirmed last, None before; it outlives any silence."""

    def __init__(self) -> None:
        self.offset: float | None = None
        self._wall = self._instant = 0.0
        self._times: Mapping[str, int] = {}
        self._changed: dict[str, float] = {}
        self._candidate: float | None = None
        self._agreed = 0
        self._seen: deque[Seen] = deque(maxlen=WINDOW)

    def see(self, times: Mapping[str, int], *, wall: float, instant: float) -> None:
        """Take one poll's ticks.

        Args:
            times: `time_msc` by symbol.
            wall: Unix time at which they were read.
            instant: Monotonic seconds at which they were read.
        """
        age = instant - self._instant
        jumped = abs(wall - self._wall - age) > JUMP
        fresh = self._fresh(times, instant)
        self._wall, self._instant = wall, instant
        while self._seen and instant - self._seen[0].instant > MEMORY:
            self._seen.popleft()
        if jumped:
            self._agreed = 0
            self._seen.clear()
        elif fresh and age <= RECENT:
            self._take([times[symbol] / 1000 - wall for symbol in fresh], age, instant)

    @property
    def skew(self) -> float | None:
        """Seconds that fresh ticks are ahead of the offset, negative behind; None while it cannot be told.

        A tick is as old as the time since the last poll at the most, so it takes as many of them as there are
        seconds in that until the freshest is not simply old. The second freshest: one tick may be wrong.
        """
        polls = len(self._seen)
        if polls < AGREE or sum(seen.ticks for seen in self._seen) < max(seen.age for seen in self._seen):
            return None
        return sorted(seen.ahead for seen in self._seen)[-2]

    def _fresh(self, times: Mapping[str, int], instant: float) -> list[str]:
        """Return the symbols whose tick is new, and was new before within RECENT."""
        changed = [symbol for symbol, time in times.items() if time != self._times.get(symbol, time)]
        fresh = [symbol for symbol in changed if instant - self._changed.get(symbol, -math.inf) <= RECENT]
        kept = {symbol: at for symbol, at in self._changed.items() if symbol in times}
        self._times, self._changed = dict(times), kept | dict.fromkeys(changed, instant)
        return fresh

    def _take(self, ahead: Sequence[float], age: float, instant: float) -> None:
        """Take how far fresh ticks are ahead of UTC; the freshest counts, others may be delayed quotes."""
        offsets = [explained(seconds, age) for seconds in ahead]
        shown = max((offset for offset in offsets if offset is not None), default=self.offset)
        if shown == self.offset:
            self._agreed = 0
            if shown is not None:
                # A clock that is minutes wrong leaves all of them unexplained; the skew says how wrong.
                own = [s for s, offset in zip(ahead, offsets, strict=True) if offset == shown] or ahead
                self._seen.append(Seen(instant, age, len(own), max(own) - shown))
            return
        self._agreed = self._agreed + 1 if shown == self._candidate else 1
        self._candidate = shown
        if self._agreed >= AGREE:
            self.offset, self._agreed = shown, 0
            self._seen.clear()


def explained(ahead: float, age: float) -> float | None:
    """Return the offset that a tick shows, None where no offset explains it.

    Args:
        ahead: The tick's time on the server's clock less UTC when it was read, in seconds.
        age: Seconds that it may be old.
    """
    offset = math.floor((ahead + age + TOLERANCE) / STEP) * STEP
    return offset if offset >= ahead - TOLERANCE and WEST <= offset <= EAST else None
