"""When a trading day begins: at a local time in a time zone, so that some days have 23 hours and some 25."""

import datetime as dt
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass

HOUR_MINUTES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A daily reset.

    Attributes:
        reset: Minutes since local midnight; where the clocks skip that time it comes as much later as they
            skip, where they repeat it the first one is meant.
        timezone: The IANA zone.
    """

    reset: int = 0
    timezone: str = "UTC"

    def begun(self, at: float) -> float:
        """Return the last reset at or before the Unix time `at`."""
        return max(self._resets(at - 2 * 86400, at))

    def resets(self, after: float, until: float) -> Iterator[float]:
        """Return each reset after the one Unix time and not after the other, in order."""
        return (reset for reset in self._resets(after, until) if reset > after)

    def _resets(self, since: float, until: float) -> list[float]:
        zone = zoneinfo.ZoneInfo(self.timezone)
        clock = dt.time(*divmod(self.reset, HOUR_MINUTES))
        first, last = (dt.datetime.fromtimestamp(at, zone).toordinal() for at in (since, until))
        days = (dt.date.fromordinal(number) for number in range(first - 1, last + 1))
        # A zone may skip a whole day, whose reset is then that of the next.
        resets = {dt.datetime.combine(day, clock, zone).timestamp() for day in days}
        return sorted(reset for reset in resets if reset <= until)
