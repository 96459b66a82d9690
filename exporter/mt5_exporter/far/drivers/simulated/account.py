"""An account as its owner opened it, and the scenario that a settings frame describes."""

from collections.abc import Mapping
from typing import NamedTuple

from mt5_exporter.far.drivers.simulated import noise
from mt5_exporter.far.drivers.simulated.catalogue import CATALOGUE, IN_DOLLARS
from mt5_exporter.far.drivers.simulated.errors import SimulationError

LEVERAGE = 100
COMPANY = "Simulated Markets Ltd"
SYMBOLS = ("EURUSD", "GBPUSD", "USDJPY", "XAUUSD", "BTCUSD")
"""Selected where the settings name no symbols."""

WEEK = 7 * noise.DAY
MONDAY = 4 * noise.DAY
"""The epoch was a Thursday; weeks are counted from its first Monday."""


class Account(NamedTuple):
    """All that decides what happens on an account: two equal ones have the same life."""

    seed: int
    login: int
    server: str
    currency: str
    deposit: float
    """In `currency`, paid in at `opened`."""
    opened: int
    """Epoch milliseconds, UTC; its history starts here."""
    symbols: tuple[str, ...]
    """What it trades, out of the catalogue."""

    @property
    def digits(self) -> int:
        """Return the decimals of the deposit currency."""
        return 0 if self.currency == "JPY" else 2

    def money(self, amount: float) -> float:
        """Return an amount as the broker books it; never a negative zero."""
        return round(amount, self.digits) + 0.0

    def other(self) -> "Account":
        """Return the account that somebody switches this terminal to."""
        return self._replace(
            seed=noise.derive_key(self.seed, "other account"),
            login=self.login + 1111,
            server=f"{self.server}-2",
            deposit=self.deposit / 2.0,
        )


class Scenario(NamedTuple):
    """One simulated terminal without its faults."""

    seed: int
    account: Account
    selected: tuple[str, ...]
    """The symbols in Market Watch, all of them in the catalogue."""


def parse_scenario(simulation: Mapping[str, object], now: float) -> Scenario:
    """Return the scenario of a settings frame's `simulation`; all keys but `seed` may be left out or null.

    `opened` is then midnight of the Monday before last week's end, 7 to 14 days before `now` (epoch seconds):
    a worker that restarts in the same week meets the same account.

    Raises:
        SimulationError: A value is of the wrong kind, or the currency cannot be converted.
    """
    seed = _whole(simulation, "seed", None)
    last_monday = (now - MONDAY) // WEEK * WEEK + MONDAY
    currency = _text(simulation, "currency", "USD")
    if currency not in IN_DOLLARS:
        raise SimulationError(f"simulation: currency {currency!r} is none of {', '.join(sorted(IN_DOLLARS))}")
    asked = simulation.get("symbols") or SYMBOLS
    if not isinstance(asked, (list, tuple)) or not all(isinstance(name, str) for name in asked):
        raise SimulationError("simulation: symbols must be a list of names")
    # A name that the broker does not have stays unknown, as it would with a real one.
    selected = tuple(dict.fromkeys(name for name in asked if name in CATALOGUE))
    account = Account(
        seed=noise.derive_key(seed, "account"),
        login=_whole(simulation, "login", 5_000_000 + seed % 1_000_000),
        server=_text(simulation, "server", "Simulated-Demo"),
        currency=currency,
        deposit=_number(simulation, "deposit", 10_000.0),
        opened=round(_number(simulation, "opened", last_monday - WEEK) * 1000.0),
        symbols=selected or SYMBOLS,
    )
    return Scenario(seed=seed, account=account, selected=selected)


def _number(simulation: Mapping[str, object], key: str, default: float) -> float:
    value = default if simulation.get(key) is None else simulation[key]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise SimulationError(f"simulation: {key} must be a number, was {type(value).__name__}")
    return float(value)


def _whole(simulation: Mapping[str, object], key: str, default: int | None) -> int:
    value = default if simulation.get(key) is None else simulation[key]
    if isinstance(value, bool) or not isinstance(value, int):
        raise SimulationError(f"simulation: {key} must be a whole number, was {type(value).__name__}")
    return value


def _text(simulation: Mapping[str, object], key: str, default: str) -> str:
    value = default if simulation.get(key) is None else simulation[key]
    if not isinstance(value, str):
        raise SimulationError(f"simulation: {key} must be text, was {type(value).__name__}")
    return value
