"""What a worker is told of its terminal: one frame, revised when the scenario of a simulation changes."""

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping

from mt5_exporter.config import BridgeConfig, SimulationConfig, TerminalConfig
from mt5_exporter.scenario import ScenarioFile
from mt5_exporter.symbol_table import resolve

HISTORY_DAYS = 7


class WorkerSettings:
    """One terminal's settings frame; credentials are in it and nowhere else.

    Args:
        terminal: The terminal's configuration.
        wall: Unix seconds, at which the times of a scenario begin.
    """

    def __init__(self, terminal: TerminalConfig, wall: Callable[[], float]) -> None:
        self._terminal = terminal
        self._frame = frame(terminal)
        self._simulation: Mapping[str, object] = {}
        self._scenario: ScenarioFile | None = None
        simulation = terminal.simulation
        if simulation is not None:
            self._simulation = simulate(simulation, terminal, wall())
            self._frame["simulation"] = self._simulation
            if simulation.scenario is not None:
                self._scenario = ScenarioFile(simulation.scenario, wall)

    def current(self) -> tuple[int, Mapping[str, object]]:
        """Return a revision that grows with each change, and the frame of that revision."""
        if self._scenario is None:
            return 0, self._frame
        revision, faults = self._scenario.faults_for(self._terminal.name)
        return revision, {**self._frame, "simulation": {**self._simulation, "faults": faults}}


def frame(terminal: TerminalConfig) -> dict[str, object]:
    """Return what any driver is told."""
    settings: dict[str, object] = {
        "terminal": terminal.name,
        "driver": terminal.driver,
        "path": terminal.path,
        "portable": terminal.portable,
        "launch": terminal.launch,
        "select": terminal.select,
        "preflight": terminal.preflight,
        "login": terminal.login,
    }
    if terminal.bridge is not None:
        settings["bridge"] = bridge_frame(terminal.bridge)
    account = terminal.account
    if terminal.login and account is not None and account.password is not None:
        settings["account"] = {
            "login": account.login,
            "server": account.server,
            # Spelled out by the launcher, and only in the bytes that it writes.
            "password": account.password,
        }
    return settings


def bridge_frame(bridge: BridgeConfig) -> dict[str, object]:
    """Return where a bridge is; of the files only the names, which the worker opens itself."""
    frame: dict[str, object] = {"host": bridge.host, "port": bridge.port}
    if bridge.tls is not None:
        frame["tls"] = {
            key: None if value is None else str(value)
            for key, value in dataclasses.asdict(bridge.tls).items()
        }
    return frame


def simulate(simulation: SimulationConfig, terminal: TerminalConfig, now: float) -> dict[str, object]:
    """Return the simulated terminal's world, all times absolute."""
    return {
        "seed": simulation.seed,
        "opened": simulation.opened if simulation.opened is not None else account_opening(now),
        "login": simulation.login,
        "server": simulation.server,
        "currency": simulation.currency,
        "deposit": simulation.deposit,
        "symbols": [symbol.name for symbol in resolve(terminal).watched],
    }


def account_opening(now: float) -> float:
    """Return the Monday of the week before: a simulated account has some history, and a bounded one."""
    day = dt.datetime.fromtimestamp(now, dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = day - dt.timedelta(days=day.weekday() + HISTORY_DAYS)
    return monday.timestamp()
