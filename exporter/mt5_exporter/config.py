"""Settings as frozen values, with their defaults."""

import ipaddress
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mt5_exporter.backoff import Backoff
from mt5_exporter.breaker import BreakerSettings
from mt5_exporter.limits import Limits
from mt5_exporter.market import BUILT_IN, Calendar
from mt5_exporter.patterns import matches
from mt5_exporter.risk.rules import RiskConfig
from mt5_exporter.secret import Secret
from mt5_exporter.strict_yaml import ConfigError

__all__ = [
    "AccountConfig",
    "BridgeConfig",
    "Config",
    "ConfigError",
    "SimulationConfig",
    "TerminalConfig",
    "TlsConfig",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountConfig:
    """The account that a terminal is expected to be logged in to; None compares nothing."""

    login: int | None = None
    server: str | None = None
    password: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationConfig:
    """The life of a simulated terminal; the same seed lives the same life.

    Attributes:
        seed: Of prices and trades.
        scenario: A file of faults to play, which need not exist.
        deposit: First balance, in the currency of the account.
        currency: The account's.
        login: The account's.
        server: The account's.
        opened: Unix time of the account's first day, None for the driver's choice.
    """

    seed: int = 1
    scenario: Path | None = None
    deposit: float = 10_000.0
    currency: str = "USD"
    login: int = 5_000_001
    server: str = "Simulated-Demo"
    opened: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsConfig:
    """How the two ends of a bridge know each other.

    Attributes:
        ca_file: Who has signed the bridge's certificate.
        cert_file: Our own certificate, for a bridge that asks for one; None shows none.
        key_file: Its key.
        server_name: The name in the bridge's certificate, None for `host`.
    """

    ca_file: Path
    cert_file: Path | None = None
    key_file: Path | None = None
    server_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeConfig:
    """Where the rpyc classic server beside a terminal listens.

    Attributes:
        host: Name or address.
        port: TCP port.
        allow_remote: The choice to speak to another machine than this.
        tls: None for a bridge on this machine, or behind a tunnel.
    """

    host: str = "127.0.0.1"
    port: int = 18812
    allow_remote: bool = False
    tls: TlsConfig | None = None

    @property
    def loopback(self) -> bool:
        """Whether the host is this machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalConfig:
    """One terminal; durations are seconds, sizes are bytes. mt5-exporter.example.yml explains each key.

    `poll_timeout`, `stale_after`, `account_interval` left at 0 follow from `timeout` and `interval`.
    """

    name: str
    driver: str = "metatrader5"
    path: str = ""
    portable: bool = False
    command: tuple[str, ...] | None = None
    environment: tuple[str, ...] = ()
    launch: bool = False
    select: bool = False
    preflight: bool = True
    login: bool = False
    account: AccountConfig | None = None
    interval: float = 15.0
    account_interval: float = 0.0
    timeout: float = 5.0
    poll_timeout: float = 0.0
    connect_timeout: float = 20.0
    start_timeout: float = 30.0
    stale_after: float = 0.0
    symbols: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=lambda: types.MappingProxyType({}))
    max_symbols: int = 200
    strategies: Mapping[int, str] = field(default_factory=lambda: types.MappingProxyType({}))
    heartbeat_files: Mapping[str, Path] = field(default_factory=lambda: types.MappingProxyType({}))
    history_lookback: float = 3 * 86400.0
    risk: RiskConfig | None = None
    limits: Limits = field(default_factory=Limits)
    market: str = "fx"
    symbol_markets: Mapping[str, str] = field(default_factory=lambda: types.MappingProxyType({}))
    max_worker_memory: int = 512 << 20
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    backoff: Backoff = field(default_factory=Backoff)
    login_retry: float = 900.0
    simulation: SimulationConfig | None = None
    bridge: BridgeConfig | None = None

    def __post_init__(self) -> None:
        if not self.poll_timeout:
            derived = max(self.timeout, self.interval * 2 / 3)
            object.__setattr__(self, "poll_timeout", min(self.interval, derived))
        if not self.account_interval:
            object.__setattr__(self, "account_interval", self.interval)
        if not self.stale_after:
            object.__setattr__(self, "stale_after", 3 * self.interval)
        if self.driver == "simulated" and self.simulation is None:
            object.__setattr__(self, "simulation", SimulationConfig())
        if self.driver == "rpyc" and self.bridge is None:
            object.__setattr__(self, "bridge", BridgeConfig())


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that a configuration file says.

    Attributes:
        terminals: In the file's order; names are unique.
        connect_rate: Attempts to connect a second, of the whole fleet.
        connect_burst: Attempts that may come at once after a quiet time.
        state_file: Where totals and anchors outlive the exporter; None keeps them in memory.
        calendars: The built-in ones and the file's, by name.
        warnings: One line each about what is legal and unwise.
        secrets: Every password, for the redactor.
        source: The file's name.
        files: The files that it was read from, and the digest of each as it was read.
    """

    terminals: tuple[TerminalConfig, ...]
    connect_rate: float = 4.0
    connect_burst: int = 4
    state_file: Path | None = None
    calendars: Mapping[str, Calendar] = field(default_factory=lambda: BUILT_IN)
    warnings: tuple[str, ...] = ()
    secrets: tuple[Secret, ...] = ()
    source: str = ""
    files: Mapping[Path, str] = field(default_factory=lambda: types.MappingProxyType({}))

    def terminal(self, name: str) -> TerminalConfig:
        """Return a terminal by its name.

        Raises:
            KeyError: There is no such terminal.
        """
        found = next((terminal for terminal in self.terminals if terminal.name == name), None)
        if found is None:
            raise KeyError(name)
        return found

    def calendar_of(self, terminal: TerminalConfig, symbol: str | None = None) -> Calendar:
        """Return the market hours of a symbol, by its label, or of the terminal as a whole.

        Its own in `symbol_markets` come first, then the first pattern's that matches.
        """
        if symbol is None:
            return self.calendars[terminal.market]
        markets = terminal.symbol_markets
        matching = (market for pattern, market in markets.items() if matches(pattern, symbol))
        return self.calendars[markets.get(symbol) or next(matching, terminal.market)]
