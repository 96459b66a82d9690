"""A stage for a simulated terminal: a clock moved by hand, and effects that harm nobody."""

import io
from collections.abc import Mapping, Sequence

from mt5_exporter.far.drivers.simulated import SimulatedDriver
from mt5_exporter.far.drivers.simulated.effects import Effects
from mt5_exporter.far.drivers.simulated.terminal import Terminal

DAY = 86_400.0
HOUR = 3600.0

THURSDAY = 1_764_849_600.0
"""2025-12-04 12:00 UTC: every market is open."""

SUNDAY = THURSDAY + 3 * DAY

OPENED = THURSDAY - 30 * HOUR
PATH = "C:\\MT5\\desk\\terminal64.exe"

Fault = Mapping[str, object]


class Hung(Exception):
    """The call would have waited for ever."""


class HungWithGil(Exception):
    """The call would have waited for ever and let nothing else run."""


class Ended(Exception):
    """The process would have ended with this status."""


class Segfaulted(Exception):
    """The process would have been killed by the system."""


class Stage:
    """One driver with its clock, its frames, its stderr and the seconds that it slept."""

    def __init__(self, *faults: Fault, now: float = THURSDAY, **simulation: object) -> None:
        self.now = now
        self.frames = io.BytesIO()
        self.stderr = io.StringIO()
        self.slept: list[float] = []
        self.simulation: dict[str, object] = {"seed": 16, "opened": OPENED, "login": 123, **simulation}
        self.driver = SimulatedDriver(self.settings(faults), self.effects())

    def settings(self, faults: Sequence[Fault]) -> dict[str, object]:
        return {"simulation": {**self.simulation, "faults": list(faults)}}

    def effects(self) -> Effects:
        return Effects(
            now=lambda: self.now,
            sleep=self.sleep,
            hold=self.hold,
            end=self.end,
            segfault=self.segfault,
            stderr=self.stderr,
            frames=self.frames,
        )

    def play(self, *faults: Fault) -> None:
        self.driver.configure(self.settings(faults))

    @property
    def api(self) -> Terminal:
        return self.driver.api

    def attach(self) -> Terminal:
        assert self.api.initialize(PATH, timeout=1000, portable=False)
        return self.api

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        if sum(self.slept) > DAY:
            raise Hung

    def hold(self, seconds: float) -> None:
        self.slept.append(seconds)
        if sum(self.slept) > DAY:
            raise HungWithGil

    def end(self, status: int) -> None:
        raise Ended(status)

    def segfault(self) -> object:
        raise Segfaulted


def fault(name: str, **parts: object) -> Fault:
    """Return a fault that begins at `start` and ends at `end`, both seconds from THURSDAY noon."""
    start, end = parts.pop("start", 0.0), parts.pop("end", None)
    assert isinstance(start, float)
    until = THURSDAY + end if isinstance(end, float) else None
    return {"fault": name, "from": THURSDAY + start, "until": until, **parts}
