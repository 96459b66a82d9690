"""Settings as frozen values, read from a YAML file that says exactly what it means."""

import datetime as dt
import importlib.resources
import os
import re
import types
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath

from mt5_exporter import strict_yaml
from mt5_exporter.backoff import Backoff
from mt5_exporter.breaker import BreakerSettings
from mt5_exporter.far.drivers.simulated.catalogue import IN_DOLLARS
from mt5_exporter.market import BUILT_IN, FX, Calendar, decode_calendars
from mt5_exporter.secret import Secret
from mt5_exporter.strict_yaml import (
    ConfigError,
    Section,
    Value,
    boolean,
    duration,
    integer,
    list_of,
    number,
    one_of,
    show_duration,
    size,
    text,
)

__all__ = [
    "AccountConfig",
    "Config",
    "ConfigError",
    "SimulationConfig",
    "TerminalConfig",
    "demo",
    "load",
    "loads",
]

HOUR = 3600.0
WEEK = 7 * 24 * HOUR
MAX_LOGIN = 2**63 - 1
MAX_PASSWORD_BYTES = 4096


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
class TerminalConfig:
    """One terminal; durations are seconds, sizes are bytes. mt5-exporter.example.yml explains each key.

    `poll_timeout` and `stale_after` that are left at 0 follow from `timeout` and `interval`.
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
    timeout: float = 5.0
    poll_timeout: float = 0.0
    connect_timeout: float = 20.0
    start_timeout: float = 30.0
    stale_after: float = 0.0
    symbols: tuple[str, ...] = ()
    market: str = "fx"
    symbol_markets: Mapping[str, str] = field(default_factory=lambda: types.MappingProxyType({}))
    max_tick_age: float = 60.0
    max_round_trip: float = 1.0
    max_ping: float = 1.0
    max_worker_memory: int = 512 << 20
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    backoff: Backoff = field(default_factory=Backoff)
    login_retry: float = 900.0
    simulation: SimulationConfig | None = None

    def __post_init__(self) -> None:
        if not self.poll_timeout:
            derived = max(self.timeout, self.interval * 2 / 3)
            object.__setattr__(self, "poll_timeout", min(self.interval, derived))
        if not self.stale_after:
            object.__setattr__(self, "stale_after", 3 * self.interval)
        if self.driver == "simulated" and self.simulation is None:
            object.__setattr__(self, "simulation", SimulationConfig())


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that a configuration file says.

    Attributes:
        terminals: In the file's order; names are unique.
        connect_rate: Attempts to connect a second, of the whole fleet.
        connect_burst: Attempts that may come at once after a quiet time.
        calendars: The built-in ones and the file's, by name.
        warnings: One line each about what is legal and unwise.
        secrets: Every password, for the redactor.
        source: The file's name.
    """

    terminals: tuple[TerminalConfig, ...]
    connect_rate: float = 4.0
    connect_burst: int = 4
    calendars: Mapping[str, Calendar] = field(default_factory=lambda: BUILT_IN)
    warnings: tuple[str, ...] = ()
    secrets: tuple[Secret, ...] = ()
    source: str = ""

    def calendar_of(self, terminal: TerminalConfig, symbol: str | None = None) -> Calendar:
        """Return the market hours of a symbol, or of the terminal as a whole."""
        name = terminal.market if symbol is None else terminal.symbol_markets.get(symbol, terminal.market)
        return self.calendars[name]


def load(path: Path | str, environ: Mapping[str, str]) -> Config:
    """Return what the file at `path` says.

    Args:
        path: The file; what it names is relative to its directory.
        environ: Where `${NAME}` in a password is looked up.

    Raises:
        ConfigError: The first problem, as one line.
    """
    path = Path(path)
    content = strict_yaml.read(path)
    decoder = _Decoder(environ, path.parent, exposed=_readable_by_others(path))
    return decoder.config(strict_yaml.parse(content, str(path)))


def loads(content: str, source: str, environ: Mapping[str, str], directory: Path) -> Config:
    """Return what `content` says; messages call it `source`, what it names is relative to `directory`.

    Raises:
        ConfigError: The first problem, as one line.
    """
    return _Decoder(environ, directory).config(strict_yaml.parse(content, source))


def demo() -> Config:
    """Return the three simulated terminals of `--demo`; faults come from mt5-demo-scenario.yml here."""
    content = importlib.resources.files("mt5_exporter").joinpath("demo.yml").read_text(encoding="utf-8")
    return loads(content, "demo.yml", {}, Path())


def _readable_by_others(path: Path) -> bool:
    """Return whether the group or the world may read a file; Windows says it otherwise."""
    with suppress(OSError):
        return os.name == "posix" and bool(path.stat().st_mode & 0o044)
    return False


NAME = text("a name of letters, digits, '_', '.' and '-'", pattern=r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}")
SYMBOL = text("a symbol's exact name", longest=64)
LIMIT = duration(0.001, 24 * HOUR)
DEADLINE = duration(0.05, HOUR)
COUNT = integer(1, 10_000)
RATIO = number(above=0, most=1)
_REFERENCE = re.compile(r"(\$?)\$\{([^}]*)(\}?)")
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_()]*"

PER_TERMINAL = ("name", "path", "account", "simulation")
DEFAULTS = tuple(key for key in TerminalConfig.__dataclass_fields__ if key not in PER_TERMINAL)


class _Decoder:
    """Decodes one file; collects its secrets and warnings on the way."""

    def __init__(self, environ: Mapping[str, str], directory: Path, *, exposed: bool = False) -> None:
        self.environ = environ
        self.directory = directory
        self.exposed = exposed
        self.calendars: dict[str, Calendar] = dict(BUILT_IN)
        self.secrets: list[Secret] = []
        self.warnings: list[str] = []

    def config(self, root: Value) -> Config:
        """Return the whole file."""
        try:
            FX.require_zone()
        except ValueError as error:
            raise strict_yaml.problem(root.source, None, "", str(error)) from None
        section = root.section(("defaults", "connect_rate", "connect_burst", "calendars", "terminals"))
        if section.has("calendars"):
            self.calendars |= section.need("calendars", decode_calendars)
        nothing = Section(at=root, values={})
        defaults = section.take("defaults", _defaults, nothing)
        # Decoded once by itself, so that a default that every terminal overrides is checked as well.
        self._terminal(defaults, "defaults")
        terminals: list[TerminalConfig] = []
        for entry in section.need("terminals", Value.items):
            own = entry.section(TerminalConfig.__dataclass_fields__)
            name = own.need("name", NAME)
            if any(name == other.name for other in terminals):
                raise own.where("name").error(f"there is a terminal {name!r} already")
            merged = own.over(defaults)
            terminal = self._terminal(merged, name)
            self._check(merged, terminal, terminals)
            terminals.append(terminal)
        if not terminals:
            raise section.where("terminals").error("expected at least one terminal")
        return Config(
            terminals=tuple(terminals),
            connect_rate=section.take("connect_rate", number(above=0, most=1000), 4.0),
            connect_burst=section.take("connect_burst", integer(1, 1000), 4),
            calendars=types.MappingProxyType(self.calendars),
            warnings=tuple(self.warnings),
            secrets=tuple(self.secrets),
            source=root.source,
        )

    def _terminal(self, section: Section, name: str) -> TerminalConfig:
        plain = TerminalConfig(name=name)
        take = section.take
        return TerminalConfig(
            name=name,
            driver=take("driver", one_of(("metatrader5", "simulated")), plain.driver),
            path=take("path", _path, plain.path),
            portable=take("portable", boolean, plain.portable),
            command=take("command", _command, None),
            environment=take("environment", _environment, plain.environment),
            launch=take("launch", boolean, plain.launch),
            select=take("select", boolean, plain.select),
            preflight=take("preflight", boolean, plain.preflight),
            login=take("login", boolean, plain.login),
            account=take("account", self._account, None),
            interval=take("interval", duration(1, HOUR), plain.interval),
            timeout=take("timeout", DEADLINE, plain.timeout),
            poll_timeout=take("poll_timeout", DEADLINE, 0.0),
            connect_timeout=take("connect_timeout", DEADLINE, plain.connect_timeout),
            start_timeout=take("start_timeout", DEADLINE, plain.start_timeout),
            stale_after=take("stale_after", duration(1, WEEK), 0.0),
            symbols=take("symbols", list_of(SYMBOL), plain.symbols),
            market=take("market", self._market, plain.market),
            symbol_markets=take("symbol_markets", self._symbol_markets, plain.symbol_markets),
            max_tick_age=take("max_tick_age", LIMIT, plain.max_tick_age),
            max_round_trip=take("max_round_trip", LIMIT, plain.max_round_trip),
            max_ping=take("max_ping", LIMIT, plain.max_ping),
            max_worker_memory=take("max_worker_memory", size, plain.max_worker_memory),
            breaker=take("breaker", _breaker, plain.breaker),
            backoff=take("backoff", _backoff, plain.backoff),
            login_retry=take("login_retry", duration(1, WEEK), plain.login_retry),
            simulation=take("simulation", self._simulation, None),
        )

    def _check(self, section: Section, terminal: TerminalConfig, others: list[TerminalConfig]) -> None:
        """Check what two keys say together."""
        simulated = terminal.driver == "simulated"
        if simulated and section.has("path"):
            raise section.where("path").error("belongs to driver metatrader5 only")
        if not simulated and section.has("simulation"):
            raise section.where("simulation").error("belongs to driver simulated only")
        if not simulated:
            section.need("path", _path)
        same = next((other.name for other in others if _same_terminal(terminal, other)), None)
        if same is not None:
            raise section.where("path").error(f"is the path of terminal {same!r} already")
        pace = {
            "interval": terminal.interval,
            "poll_timeout": terminal.poll_timeout,
            "timeout": terminal.timeout,
            "stale_after": terminal.stale_after,
        }
        budget = "poll_timeout" if section.has("poll_timeout") else "interval"
        for less, more in (("poll_timeout", "interval"), ("timeout", budget), ("interval", "stale_after")):
            if pace[less] > pace[more]:
                raise section.where(less, more).error(
                    f"{less} {show_duration(pace[less])} of terminal {terminal.name!r}"
                    f" is over its {more} {show_duration(pace[more])}"
                )
        account = terminal.account or AccountConfig()
        if not terminal.login and account.password:
            raise section.where("account").error("has a password, which is used with 'login: true' only")
        if terminal.login and not (account.login and account.server and account.password):
            where = section.where("account", "login")
            raise where.error(f"'login: true' of terminal {terminal.name!r} needs login, server and password")

    def _market(self, value: Value) -> str:
        return one_of(self.calendars)(value)

    def _symbol_markets(self, value: Value) -> Mapping[str, str]:
        return types.MappingProxyType({name: self._market(entry) for name, entry in value.table().items()})

    def _account(self, value: Value) -> AccountConfig:
        # Nothing under this key is ever shown: a password is easily put beside the wrong word.
        section = value.hide().section(("login", "server", "password", "password_file"))
        if not section.values:
            raise value.error("expected login, server or both")
        if section.has("password") and section.has("password_file"):
            raise section.where("password_file").error("stands beside password; keep one of them")
        password = section.take("password", self._password, None)
        return AccountConfig(
            login=section.take("login", integer(1, MAX_LOGIN), None),
            server=section.take("server", text("a server's name", longest=128), None),
            password=section.take("password_file", self._password_file, password),
        )

    def _password(self, value: Value) -> Secret:
        spelled = text("a password in quotes or as ${VARIABLE}")(value)
        if value.ends_at_comment():
            raise value.error("'#' begins a comment here: quote the password")
        if self.exposed and not _REFERENCE.search(spelled):
            self._warn(value, "is in a file that others may read; chmod 600, or use ${VARIABLE}")

        def look_up(found: re.Match[str]) -> str:
            escaped, name, closed = found.groups()
            if escaped:
                return found[0][1:]
            if not closed or not re.fullmatch(_VARIABLE, name):
                raise value.error("'${' begins no ${VARIABLE}; write '$${' where it is meant literally")
            if name not in self.environ:
                raise value.error(f"the environment variable {name} is not set")
            return self.environ[name]

        return self._secret(value, _REFERENCE.sub(look_up, spelled))

    def _password_file(self, value: Value) -> Secret:
        path = self.directory / text("a file's name")(value)
        try:
            with path.open("rb") as file:
                content = file.read(MAX_PASSWORD_BYTES + 1)
            password = content.decode("utf-8-sig")
        except OSError as error:
            raise value.error(strict_yaml.unreadable(error)) from None
        except ValueError:
            raise value.error("the file is not UTF-8") from None
        if len(content) > MAX_PASSWORD_BYTES:
            raise value.error(f"the file is over {MAX_PASSWORD_BYTES} bytes, which no password is")
        if _readable_by_others(path):
            self._warn(value, "the file may be read by others; chmod 600")
        return self._secret(value, password.rstrip("\r\n"))

    def _secret(self, value: Value, password: str) -> Secret:
        if not password:
            raise value.error("the password is empty")
        if any(char < " " or "\ud800" <= char < "\ue000" for char in password):
            raise value.error("the password has characters that no password has")
        secret = Secret(password)
        self.secrets.append(secret)
        return secret

    def _warn(self, value: Value, message: str) -> None:
        self.warnings.append(str(value.error(message)))

    def _simulation(self, value: Value) -> SimulationConfig:
        plain = SimulationConfig()
        section = value.section(SimulationConfig.__dataclass_fields__)
        scenario = section.take("scenario", text("a file's name"), None)
        return SimulationConfig(
            seed=section.take("seed", integer(0, 2**32 - 1), plain.seed),
            scenario=None if scenario is None else self.directory / scenario,
            deposit=section.take("deposit", number(above=0, most=1e12), plain.deposit),
            currency=section.take("currency", one_of(IN_DOLLARS), plain.currency),
            login=section.take("login", integer(1, MAX_LOGIN), plain.login),
            server=section.take("server", text("a server's name", longest=128), plain.server),
            opened=section.take("opened", _moment, plain.opened),
        )


def _defaults(value: Value) -> Section:
    for key, entry in value.table().items():
        if key in PER_TERMINAL:
            raise entry.error("belongs to each terminal, it has no default")
    return value.section(DEFAULTS)


def _path(value: Value) -> str:
    spelled = text("an absolute Windows path in single quotes")(value.hide())
    if not PureWindowsPath(spelled).is_absolute():
        raise value.hide().expected(r"an absolute Windows path such as 'C:\Desk\terminal64.exe'")
    return spelled


def _command(value: Value) -> tuple[str, ...]:
    # No message shows an argument: a command line is a place where people put passwords.
    words = tuple(text("a text")(word) for word in value.hide().items())
    if not words:
        raise value.error("expected at least the interpreter")
    return words


def _environment(value: Value) -> tuple[str, ...]:
    name = text("the name of an environment variable, without its value", pattern=_VARIABLE)
    return list_of(name)(value.hide())


def _breaker(value: Value) -> BreakerSettings:
    plain = BreakerSettings()
    section = value.section(
        (
            "consecutive_failures",
            "failure_ratio",
            "slow_call_ratio",
            "slow_call",
            "minimum_calls",
            "window",
            "permitted_calls",
        )
    )
    settings = BreakerSettings(
        consecutive_failures=section.take("consecutive_failures", COUNT, plain.consecutive_failures),
        failure_ratio=section.take("failure_ratio", RATIO, plain.failure_ratio),
        slow_call_ratio=section.take("slow_call_ratio", RATIO, plain.slow_call_ratio),
        slow_call_seconds=section.take("slow_call", DEADLINE, plain.slow_call_seconds),
        minimum_calls=section.take("minimum_calls", COUNT, plain.minimum_calls),
        window=section.take("window", COUNT, plain.window),
        permitted_calls=section.take("permitted_calls", COUNT, plain.permitted_calls),
    )
    if settings.minimum_calls > settings.window:
        where = section.where("minimum_calls", "window")
        raise where.error(
            f"minimum_calls {settings.minimum_calls} is over window {settings.window}: no ratio would count"
        )
    return settings


def _backoff(value: Value) -> Backoff:
    plain = Backoff()
    section = value.section(("initial", "maximum"))
    backoff = Backoff(
        initial=section.take("initial", DEADLINE, plain.initial),
        maximum=section.take("maximum", DEADLINE, plain.maximum),
    )
    if backoff.initial > backoff.maximum:
        raise section.where("initial", "maximum").error(
            f"initial {show_duration(backoff.initial)} is over maximum {show_duration(backoff.maximum)}"
        )
    return backoff


def _moment(value: Value) -> float:
    """Return a UTC timestamp; YAML reads it as one, which is what is meant here, so it needs no quotes."""
    spelled = value.scalar()
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", spelled):
        with suppress(ValueError):
            return dt.datetime.fromisoformat(spelled).timestamp()
    raise value.expected("a UTC time such as 2026-01-05T08:00:00Z")


def _same_terminal(one: TerminalConfig, other: TerminalConfig) -> bool:
    """Return whether two entries mean one program; another command may reach another Wine prefix."""
    if not one.path or not other.path or (one.command != other.command and one.command and other.command):
        return False
    return PureWindowsPath(one.path) == PureWindowsPath(other.path)
