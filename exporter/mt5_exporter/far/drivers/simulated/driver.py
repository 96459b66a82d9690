"""The driver of a simulated terminal: its api, and what can be told of it from outside."""

from collections.abc import Mapping, Sequence

from mt5_exporter.far.call import call
from mt5_exporter.far.drivers.base import Presence, Settings
from mt5_exporter.far.drivers.simulated.account import Scenario, parse_scenario
from mt5_exporter.far.drivers.simulated.acts import SHOWN_BEFORE
from mt5_exporter.far.drivers.simulated.effects import Effects
from mt5_exporter.far.drivers.simulated.errors import SimulationError
from mt5_exporter.far.drivers.simulated.faults import Fault, Schedule, parse_faults
from mt5_exporter.far.drivers.simulated.terminal import VERSION, Terminal


class SimulatedDriver:
    """One simulated terminal; the same settings at the same instant always show the same one."""

    name = "simulated"
    package = VERSION

    def __init__(self, settings: Settings, effects: Effects) -> None:
        self._effects = effects
        scenario, faults = _parse(settings, effects.now())
        self._schedule = Schedule(faults)
        self._terminal = Terminal(scenario, self._schedule, effects)

    @property
    def api(self) -> Terminal:
        """Return the terminal's functions, in the place of the module."""
        return self._terminal

    def read(
        self, function: str, args: Sequence[object], kwargs: Mapping[str, object], fields: Sequence[str]
    ) -> tuple[object, int, str]:
        """Make one call in this process."""
        return call(self.api, function, args, kwargs, fields)

    def presence(self) -> Presence:
        """Tell what a look at the terminal finds."""
        now = int(self._effects.now() * 1000.0)
        shown = (presence for name, presence in SHOWN_BEFORE.items() if self._schedule.active(name, now))
        return next(shown, "served")

    def launch(self) -> None:
        """Start the terminal: what kept it from running so far is over, for this process."""
        self._schedule.cure("not_running", int(self._effects.now() * 1000.0))

    def configure(self, settings: Settings) -> None:
        """Take another scenario or other faults; a session stays attached.

        Raises:
            SimulationError: The settings name an unknown fault or hold a wrong value.
        """
        scenario, faults = _parse(settings, self._effects.now())
        self._schedule = self._schedule.followed_by(faults)
        self._terminal.configure(scenario, self._schedule)


def _parse(settings: Settings, now: float) -> tuple[Scenario, list[Fault]]:
    simulation = settings.get("simulation")
    if not isinstance(simulation, Mapping):
        raise SimulationError(f"simulation must be an object, was {type(simulation).__name__}")
    return parse_scenario(simulation, now), parse_faults(simulation.get("faults") or [])
