"""When a symbol trades: weekly sessions on the broker's clock."""

from typing import NamedTuple

from mt5_exporter.far.drivers.simulated.clock import DAY_MS, server_time, utc_time, weekday

MINUTE_MS = 60_000
WEDNESDAY = 2
FIRST_INSTANT = 0
LAST_INSTANT = 1 << 53


class Hours(NamedTuple):
    """One session a day; without limits the market never closes."""

    days: frozenset[int] = frozenset(range(7))
    """Weekdays, Monday = 0."""
    start: int = 0
    """Milliseconds after the broker's midnight, inclusive."""
    end: int = DAY_MS
    """Milliseconds after the broker's midnight, exclusive."""
    always: bool = False

    def session(self, instant: int) -> tuple[int, int]:
        """Return start and end of the latest session that began at or before an instant (epoch ms, UTC)."""
        if self.always:
            return FIRST_INSTANT, LAST_INSTANT
        day = server_time(instant) // DAY_MS
        while weekday(day) not in self.days or utc_time(day * DAY_MS + self.start) > instant:
            day -= 1
        return utc_time(day * DAY_MS + self.start), utc_time(day * DAY_MS + self.end)

    def is_open(self, instant: int) -> bool:
        """Tell whether the market trades at an instant (epoch ms, UTC)."""
        return instant < self.session(instant)[1]

    def next_open(self, instant: int) -> int:
        """Return the instant itself while the market is open, else when it opens next (epoch ms, UTC)."""
        if self.is_open(instant):
            return instant
        day = server_time(instant) // DAY_MS
        while weekday(day) not in self.days or utc_time(day * DAY_MS + self.start) < instant:
            day += 1
        return utc_time(day * DAY_MS + self.start)

    def nights(self, opened: int, until: int) -> int:
        """Return for how many nights a position held between two instants pays swap.

        Wednesday's counts three times where the market rests at the weekend.
        """
        nights = 0
        for day in range(server_time(opened) // DAY_MS, server_time(until) // DAY_MS):
            if self.always:
                nights += 1
            elif weekday(day) in self.days:
                nights += 3 if weekday(day) == WEDNESDAY else 1
        return nights


WEEKDAYS = frozenset(range(5))
FOREX = Hours(days=WEEKDAYS, start=5 * MINUTE_MS, end=(23 * 60 + 55) * MINUTE_MS)
INDEX = Hours(days=WEEKDAYS, start=65 * MINUTE_MS, end=(23 * 60 + 15) * MINUTE_MS)
CRYPTO = Hours(always=True)
