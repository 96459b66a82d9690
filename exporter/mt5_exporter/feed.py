"""When each symbol's tick last changed, as seen here: the only age that the broker's clock cannot spoil."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mt5_exporter.model import Tick


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The last new tick: its server time in milliseconds, and the Unix time at which we first saw it."""

    time_msc: int
    at: float


class Feed:
    """One terminal's ticks by label, watched across worker restarts."""

    def __init__(self) -> None:
        self._changes: dict[str, Change] = {}

    def see(self, label: str, tick: Tick, at: float) -> None:
        """Take a tick that was read at Unix time `at`."""
        known = self._changes.get(label)
        if known is None or known.time_msc != tick.time_msc:
            self._changes[label] = Change(time_msc=tick.time_msc, at=at)

    def keep(self, labels: Iterable[str]) -> None:
        """Forget every symbol but these."""
        self._changes = {label: self._changes[label] for label in labels if label in self._changes}

    @property
    def changes(self) -> Mapping[str, Change]:
        """The last change by label."""
        return self._changes
