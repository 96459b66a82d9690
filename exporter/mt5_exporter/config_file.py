"""From a YAML file to a `Config`: each key is decoded, and what two keys say together is checked."""

import datetime as dt
import importlib.resources
import re
import types
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PureWindowsPath

from mt5_exporter import strict_yaml
from mt5_exporter.backoff import Backoff
from mt5_exporter.breaker import BreakerSettings
from mt5_exporter.bridges import Bridges
from mt5_exporter.config import AccountConfig, Config, SimulationConfig, TerminalConfig
from mt5_exporter.credentials import VARIABLE, Accounts, readable_by_others
from mt5_exporter.far.drivers.simulated.catalogue import IN_DOLLARS
from mt5_exporter.files import digest
from mt5_exporter.limits import decode_limits
from mt5_exporter.market import BUILT_IN, FX, Calendar, decode_calendars
from mt5_exporter.risk.rules import decode_risk
from mt5_exporter.scalars import (
    LOGIN,
    NAME,
    SERVER,
    SYMBOL,
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
from mt5_exporter.strict_yaml import Section, Value

HOUR = 3600.0
WEEK = 7 * 24 * HOUR
DEADLINE = duration(0.05, HOUR)
MAGIC = integer(0, 2**63 - 1)
COUNT = integer(1, 10_000)
RATIO = number(above=0, most=1)

DRIVERS = ("metatrader5", "rpyc", "simulated")

PER_TERMINAL = ("name", "path", "account", "simulation", "bridge", "heartbeat_files")
DEFAULTS = tuple(key for key in TerminalConfig.__dataclass_fields__ if key not in PER_TERMINAL)


def load(path: Path | str, environ: Mapping[str, str]) -> Config:
    """Return what the file at `path` says.

    Args:
        path: The file; what it names is relative to its directory.
        environ: Where `${NAME}` in a password is looked up.

    Raises:
        ConfigError: The first problem, as one line.
    """
    path = Path(path)
    data = strict_yaml.read_bytes(path)
    content = strict_yaml.decode(data, str(path))
    state_file = path.with_suffix(".state.db")
    decoder = _Decoder(environ, path.parent, state_file=state_file, exposed=readable_by_others(path))
    config = decoder.config(strict_yaml.parse(content, str(path)))
    read = {path: digest(data), **decoder.password_files}
    # What is piped in, say by `--config.file=<(sops -d ...)`, can be read only once.
    lasting = {file: content for file, content in read.items() if file.is_file()}
    return replace(config, files=types.MappingProxyType(lasting))


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


class _Decoder:
    """Decodes one file."""

    def __init__(
        self,
        environ: Mapping[str, str],
        directory: Path,
        *,
        state_file: Path | None = None,
        exposed: bool = False,
    ) -> None:
        self._directory = directory
        self._state_file = state_file
        self._accounts = Accounts(environ, directory, exposed=exposed)
        self.password_files: Mapping[Path, str] = self._accounts.files
        self._calendars: dict[str, Calendar] = dict(BUILT_IN)
        self._programs: dict[PureWindowsPath, list[TerminalConfig]] = {}
        self._bridges = Bridges(directory)

    def config(self, root: Value) -> Config:
        """Return the whole file."""
        try:
            FX.require_zone()
        except ValueError as error:
            raise strict_yaml.problem(root.source, None, "", str(error)) from None
        section = root.section(
            ("defaults", "connect_rate", "connect_burst", "state_file", "calendars", "terminals")
        )
        if section.has("calendars"):
            self._calendars |= section.need("calendars", decode_calendars)
        nothing = Section(at=root, values={})
        defaults = section.take("defaults", _defaults, nothing)
        # Decoded once by itself, so that a default that every terminal overrides is checked as well.
        self._terminal(defaults, "defaults")
        terminals: dict[str, TerminalConfig] = {}
        for entry in section.need("terminals", Value.items):
            own = entry.section(TerminalConfig.__dataclass_fields__)
            name = own.need("name", NAME)
            if name in terminals:
                raise own.where("name").error(f"there is a terminal {name!r} already")
            merged = own.over(defaults)
            terminal = self._terminal(merged, name)
            self._check(merged, terminal)
            terminals[name] = terminal
        if not terminals:
            raise section.where("terminals").error("expected at least one terminal")
        return Config(
            terminals=tuple(terminals.values()),
            connect_rate=section.take("connect_rate", number(above=0, most=1000), 4.0),
            connect_burst=section.take("connect_burst", integer(1, 1000), 4),
            state_file=section.take("state_file", self._file, self._state_file),
            calendars=types.MappingProxyType(self._calendars),
            warnings=(*self._accounts.warnings, *self._bridges.warnings),
            secrets=tuple(self._accounts.secrets),
            source=root.source,
        )

    def _terminal(self, section: Section, name: str) -> TerminalConfig:
        plain = TerminalConfig(name=name)
        take = section.take
        return TerminalConfig(
            name=name,
            driver=take("driver", one_of(DRIVERS), plain.driver),
            path=take("path", _path, plain.path),
            portable=take("portable", boolean, plain.portable),
            command=take("command", _command, None),
            environment=take("environment", _environment, plain.environment),
            launch=take("launch", boolean, plain.launch),
            select=take("select", boolean, plain.select),
            preflight=take("preflight", boolean, plain.preflight),
            login=take("login", boolean, plain.login),
            account=take("account", self._accounts.decode, None),
            interval=take("interval", duration(1, HOUR), plain.interval),
            timeout=take("timeout", DEADLINE, plain.timeout),
            poll_timeout=take("poll_timeout", DEADLINE, 0.0),
            connect_timeout=take("connect_timeout", DEADLINE, plain.connect_timeout),
            start_timeout=take("start_timeout", DEADLINE, plain.start_timeout),
            stale_after=take("stale_after", duration(1, WEEK), 0.0),
            account_interval=take("account_interval", duration(1, HOUR), 0.0),
            symbols=take("symbols", list_of(SYMBOL), plain.symbols),
            aliases=take("aliases", _aliases, plain.aliases),
            max_symbols=take("max_symbols", integer(1, 10_000), plain.max_symbols),
            strategies=take("strategies", _strategies, plain.strategies),
            heartbeat_files=take("heartbeat_files", self._heartbeat_files, plain.heartbeat_files),
            history_lookback=take("history_lookback", duration(HOUR, 5 * WEEK), plain.history_lookback),
            risk=take("risk", decode_risk, None),
            limits=take("limits", decode_limits, plain.limits),
            market=take("market", self._market, plain.market),
            symbol_markets=take("symbol_markets", self._symbol_markets, plain.symbol_markets),
            max_worker_memory=take("max_worker_memory", size, plain.max_worker_memory),
            breaker=take("breaker", _breaker, plain.breaker),
            backoff=take("backoff", _backoff, plain.backoff),
            login_retry=take("login_retry", duration(1, WEEK), plain.login_retry),
            simulation=take("simulation", self._simulation, None),
            bridge=take("bridge", self._bridges.decode, None),
        )

    def _check(self, section: Section, terminal: TerminalConfig) -> None:
        """Check what two keys say together."""
        simulated = terminal.driver == "simulated"
        if simulated and section.has("path"):
            raise section.where("path").error("belongs to drivers metatrader5 and rpyc only")
        self._bridges.check(section, terminal)
        if not simulated and section.has("simulation"):
            raise section.where("simulation").error("belongs to driver simulated only")
        if not simulated:
            section.need("path", _path)
        if terminal.path and terminal.bridge is None:
            others = self._programs.setdefault(PureWindowsPath(terminal.path), [])
            same = next((other.name for other in others if _same_world(terminal, other)), None)
            if same is not None:
                raise section.where("path").error(f"is the path of terminal {same!r} already")
            others.append(terminal)
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

    def _file(self, value: Value) -> Path:
        return self._directory / text("a file's name")(value)

    def _heartbeat_files(self, value: Value) -> Mapping[str, Path]:
        files = {name: self._file(entry) for name, entry in value.table().items()}
        return types.MappingProxyType(files)

    def _market(self, value: Value) -> str:
        return one_of(self._calendars)(value)

    def _symbol_markets(self, value: Value) -> Mapping[str, str]:
        return types.MappingProxyType({name: self._market(entry) for name, entry in value.table().items()})

    def _simulation(self, value: Value) -> SimulationConfig:
        plain = SimulationConfig()
        section = value.section(SimulationConfig.__dataclass_fields__)
        return SimulationConfig(
            seed=section.take("seed", integer(0, 2**32 - 1), plain.seed),
            scenario=section.take("scenario", self._file, None),
            deposit=section.take("deposit", number(above=0, most=1e12), plain.deposit),
            currency=section.take("currency", one_of(IN_DOLLARS), plain.currency),
            login=section.take("login", LOGIN, plain.login),
            server=section.take("server", SERVER, plain.server),
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
    name = text("the name of an environment variable, without its value", pattern=VARIABLE)
    return list_of(name)(value.hide())


def _aliases(value: Value) -> Mapping[str, str]:
    """Return the broker's name of each of ours; no symbol has two of ours."""
    found: dict[str, str] = {}
    for ours, entry in value.table().items():
        theirs = SYMBOL(entry)
        if theirs in found.values():
            raise entry.error("is the broker's name of another alias already")
        found[ours] = theirs
    return types.MappingProxyType(found)


def _strategies(value: Value) -> Mapping[int, str]:
    """Return the strategy of each magic number; in the file each strategy lists its numbers."""
    found: dict[int, str] = {}
    for name, numbers in value.table().items():
        for entry in numbers.items():
            magic = MAGIC(entry)
            if magic in found:
                raise entry.error(f"is a magic number of {found[magic]!r} already")
            found[magic] = name
    return types.MappingProxyType(found)


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


def _same_world(one: TerminalConfig, other: TerminalConfig) -> bool:
    """Return whether one path is one program to both; another command may reach another Wine prefix."""
    return one.command == other.command or not one.command or not other.command
