"""A configuration as a file would spell it: its defaults included, its secrets hidden."""

import datetime as dt
import hashlib
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import TypeAlias

import yaml

from mt5_exporter.config import Config, TerminalConfig
from mt5_exporter.limits import Limits
from mt5_exporter.market import BUILT_IN, DAY_MINUTES, DAYS, Calendar
from mt5_exporter.risk.rules import Kind, Limit, RiskConfig
from mt5_exporter.scalars import show_duration
from mt5_exporter.secret import HIDDEN

HASH_LENGTH = 16

DURATIONS = frozenset(
    {
        *("interval", "account_interval", "timeout", "poll_timeout", "connect_timeout", "start_timeout"),
        *("stale_after", "history_lookback", "login_retry", "slow_call", "initial", "maximum"),
    }
)
RENAMED = {"slow_call_seconds": "slow_call"}
NOT_IN_FILES = frozenset({"max_half_open_seconds"})
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_/-]+")

Said: TypeAlias = "str | int | list[Said] | dict[str, Said]"


class _Bare(str):
    """A text that a file writes without quotes, such as a number or a span of time."""

    __slots__ = ()


def spell(config: Config) -> str:
    """Return the configuration as YAML."""
    calendars: dict[str, Said] = {
        name: _calendar(found) for name, found in config.calendars.items() if name not in BUILT_IN
    }
    said: dict[str, Said] = {
        "connect_rate": _number(config.connect_rate),
        "connect_burst": config.connect_burst,
        **({"state_file": str(config.state_file)} if config.state_file else {}),
        **({"calendars": calendars} if calendars else {}),
        "terminals": [_terminal(terminal) for terminal in config.terminals],
    }
    return str(yaml.dump(said, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000))


def fingerprint(spelled: str) -> str:
    """Return a short hash of what `spell` returned: none of a secret, which could be guessed from one."""
    return hashlib.sha256(spelled.encode()).hexdigest()[:HASH_LENGTH]


def _terminal(terminal: TerminalConfig) -> dict[str, Said]:
    said: dict[str, Said] = {}
    for name, value in _values(terminal).items():
        match name, value:
            case "command", _:
                # A command line is where people put passwords.
                said[name] = [HIDDEN]
            case "strategies", Mapping():
                said[name] = _strategies(terminal.strategies)
            case "max_worker_memory", int():
                said[name] = _size(value)
            case _:
                said[name] = _say(name, value)
    return said


def _say(key: str, value: object) -> Said:
    """Return any value as a file has it."""
    match value:
        case bool():
            return value
        case int() | float():
            return _quantity(key, value)
        case Limits() | RiskConfig() | Mapping():
            return _mapping(value)
        case list() | tuple():
            return [_say("", entry) for entry in value]
        case _ if is_dataclass(value):
            said = {name: _say(name, entry) for name, entry in _values(value).items()}
            # The number of an account is personal.
            return {**said, "login": HIDDEN} if key == "account" and "login" in said else said
        case _:
            # A secret says itself that it is one.
            return str(value)


def _quantity(key: str, value: float) -> "_Bare":
    if key in DURATIONS:
        return _Bare(show_duration(value))
    if key == "opened":
        return _Bare(f"{dt.datetime.fromtimestamp(value, dt.UTC):%Y-%m-%dT%H:%M:%SZ}")
    return _number(value)


def _mapping(value: "Limits | RiskConfig | Mapping[object, object]") -> dict[str, Said]:
    match value:
        case Limits():
            return {name: _limits(by_pattern) for name, by_pattern in value.configured.items()}
        case RiskConfig():
            return _risk(value)
        case _:
            return {str(name): _say("", entry) for name, entry in value.items()}


def _values(of: object) -> dict[str, object]:
    """Return what is set of a value, by the keys of the file."""
    assert is_dataclass(of)
    found = {field.name: getattr(of, field.name) for field in fields(of) if field.name not in NOT_IN_FILES}
    return {
        RENAMED.get(name, name): value for name, value in found.items() if value is not None and value != ""
    }


def _number(value: float) -> _Bare:
    return _Bare(f"{Decimal(repr(value)).normalize():f}")


def _size(value: int) -> _Bare:
    unit, shift = next(
        pair for pair in (("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0)) if not value % (1 << pair[1])
    )
    return _Bare(f"{value >> shift}{unit}")


def _strategies(by_magic: Mapping[int, str]) -> dict[str, Said]:
    found: dict[str, list[Said]] = {}
    for magic, name in by_magic.items():
        found.setdefault(name, []).append(magic)
    return dict(found)


def _limits(by_pattern: Mapping[str, float]) -> Said:
    if list(by_pattern) == ["*"]:
        return _number(by_pattern["*"])
    return {pattern: _number(value) for pattern, value in by_pattern.items()}


def _calendar(calendar: Calendar) -> dict[str, Said]:
    sessions = [f"{_moment(span.start)}-{_moment(span.end, end=True)}" for span in calendar.sessions]
    holidays = sorted(calendar.holidays)
    return {
        "timezone": calendar.timezone,
        "sessions": list(sessions),
        "holidays": [_Bare(day.isoformat()) for day in holidays],
    }


def _moment(minutes: int, *, end: bool = False) -> str:
    """Return a moment of the week; an end at midnight is that of the day before."""
    midnight = end and minutes % DAY_MINUTES == 0
    day = (minutes - midnight) // DAY_MINUTES % len(DAYS)
    return f"{DAYS[day]} {'24:00' if midnight else _clock(minutes)}"


def _clock(minutes: int) -> str:
    return f"{minutes % DAY_MINUTES // 60:02}:{minutes % 60:02}"


def _risk(risk: RiskConfig) -> dict[str, Said]:
    """Return the rules; a share of the initial balance is the money that it came to."""
    said: dict[str, Said] = {}
    rule = risk.drawdown
    if rule is not None and rule.initial_balance is not None:
        said["initial_balance"] = _number(rule.initial_balance)
    said["day"] = {"reset": _clock(risk.day.reset), "timezone": risk.day.timezone}
    if risk.daily_loss is not None:
        daily = risk.daily_loss
        said["daily_loss"] = {
            **_limit(daily.limit),
            "basis": daily.basis.value,
            "compare": daily.compare.value,
        }
    if rule is not None:
        drawdown: dict[str, Said] = {
            "kind": rule.kind.value,
            **_limit(rule.limit),
            "compare": rule.compare.value,
        }
        if rule.kind is not Kind.STATIC:
            drawdown["basis"] = rule.basis.value
        if rule.high_water is not None:
            drawdown["high_water"] = _number(rule.high_water)
        if rule.lock is not None and rule.initial_balance is not None:
            drawdown["lock"] = _number(rule.lock - rule.initial_balance)
        drawdown["flows"] = "counted" if rule.flows_count else "excluded"
        said["drawdown"] = drawdown
    return said


def _limit(limit: Limit) -> dict[str, Said]:
    if limit.share:
        return {"limit": _Bare(f"{_number(round(limit.share * 100, 4))}%"), "of": "anchor"}
    return {"limit": _number(limit.money)}


class _Dumper(yaml.SafeDumper):
    """Quotes every text but single words; what those words could mean besides, PyYAML quotes itself."""

    def ignore_aliases(self, data: object) -> bool:
        """Write out what is there twice: a configuration has no aliases."""
        del data
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = None if WORD.fullmatch(text) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_bare(dumper: yaml.SafeDumper, bare: _Bare) -> yaml.Node:
    # Whatever YAML takes it for without quotes is what it is.
    tag: str = dumper.resolve(yaml.ScalarNode, str(bare), (True, False))  # type: ignore[no-untyped-call]
    return dumper.represent_scalar(tag, str(bare))


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(_Bare, _represent_bare)
