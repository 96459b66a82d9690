"""When each symbol's tick last changed, as seen here: the only age that the broker's clock cannot spoil."""

from collections.abc import Mapping
from dataclasses import dataclass

from mt5_exporter.model import Tick


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The last new tick: its server time in milliseconds, and the Unix time at which we first saw it."""

    time_msc: int
    at: float


class Feed:
    """One terminal's ticks, watched across worker restarts."""

    def __init__(self) -> None:
        self._changes: dict[str, Change] = {}

    def see(self, symbol: str, tick: Tick, at: float) -> None:
        """Take a tick that was read at Unix time `at`."""
        known = self._changes.get(symbol)
        if known is None or known.time_msc != tick.time_msc:
            self._changes[symbol] = Change(time_msc=tick.time_msc, at=at)

    @property
    def changes(self) -> Mapping[str, Change]:
        """The last change by symbol."""
        return self._changes
