"""A simulated terminal: an account with a life of its own, and every way in which a real one fails.

It needs no terminal and no package. All that it shows is a pure function of (seed, scenario, time), so a
worker that restarts meets the same account at the same instant. Reading order: `noise` and `clock`, `market`
(quotes), `trades` and `ledger` (an account's life), `moment` (what the terminal sees), the `..._view` modules
(the module's structs), `session` and `terminal` (its functions), `faults` and `acts` (how it fails).

`settings["simulation"]` is a JSON object; all but `seed` may be left out:

    {"seed": 7, "opened": 1764547200.0, "login": 5000007, "server": "Simulated-Demo", "currency": "USD",
     "deposit": 10000.0, "symbols": ["EURUSD", "BTCUSD"],
     "faults": [{"fault": "slow", "from": 1764600000.0, "until": 1764600060.0, "calls": ["account_info"],
                 "symbols": [], "seconds": 1.5, "bytes": 0}]}

Times are epoch seconds, UTC. `opened` is when the account was opened: all history starts there.
"""

from typing import BinaryIO

from mt5_exporter.far.drivers.base import Settings
from mt5_exporter.far.drivers.simulated.driver import SimulatedDriver
from mt5_exporter.far.drivers.simulated.effects import process_effects

__all__ = ["SimulatedDriver", "open_driver"]


def open_driver(settings: Settings, frames: BinaryIO) -> SimulatedDriver:
    """Return the simulated terminal that `settings["simulation"]` describes.

    Args:
        settings: The worker's settings frame.
        frames: Where replies are written; some faults write there, too.

    Raises:
        SimulationError: The simulation names an unknown fault or holds a wrong value.
    """
    driver = SimulatedDriver(settings, process_effects(frames, str(settings.get("terminal") or "")))
    driver.api.prepare()
    return driver
