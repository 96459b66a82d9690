"""Limits as data: what is configured for a terminal, resolved to exactly one value for each series."""

import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mt5_exporter.catalogue.limits import LIMITS
from mt5_exporter.catalogue.metric import Sample
from mt5_exporter.patterns import is_pattern, matches
from mt5_exporter.scalars import number
from mt5_exporter.strict_yaml import Value

LIMIT = number(least=0, most=1e15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """One terminal's limits, each in its metric's unit.

    Attributes:
        configured: Name to value by symbol pattern, in the file's order; `*` where all are alike.
    """

    configured: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: types.MappingProxyType({}))

    def of(self, name: str, symbol: str = "") -> float:
        """Return a limit: the symbol's own, else the first pattern's that matches, else the default.

        Raises:
            KeyError: There is no such limit.
        """
        default = LIMITS[name].default
        by_pattern = self.configured.get(name, {})
        if symbol in by_pattern and not is_pattern(symbol):
            return by_pattern[symbol]
        found = (limit for pattern, limit in by_pattern.items() if matches(pattern, symbol))
        return next(found, default)

    def samples(self, terminal: str, symbols: Iterable[str]) -> Iterator[Sample]:
        """Return every limit, once for each terminal or for each of its symbols."""
        watched = tuple(symbols)
        for name, limit in LIMITS.items():
            if limit.per_symbol:
                for symbol in watched:
                    yield Sample(limit.metric, (terminal, symbol), self.of(name, symbol))
            else:
                yield Sample(limit.metric, (terminal,), self.of(name))


def decode_limits(value: Value) -> Limits:
    """Return the limits that a file sets, `limits: {symbol_spread_points: {EURUSD: 20, 'XAU*': 60}}`.

    Raises:
        ConfigError: A name is unknown, a number is none, or one that is not by symbol is given by symbol.
    """
    section = value.section(LIMITS)
    found = {
        name: section.need(name, _by_symbol if LIMITS[name].per_symbol else _plain)
        for name in LIMITS
        if section.has(name)
    }
    for least, most in _ORDERED:
        low, high = (found.get(name, {}).get("*", LIMITS[name].default) for name in (least, most))
        if low > high:
            raise section.where(least, most).error(f"{least} {low:g} is over {most} {high:g}")
    return Limits(configured=types.MappingProxyType(found))


_ORDERED = (
    ("account_margin_level_ratio", "warning_account_margin_level_ratio"),
    ("warning_account_daily_loss_used_ratio", "account_daily_loss_used_ratio"),
    ("warning_account_drawdown_used_ratio", "account_drawdown_used_ratio"),
)
"""A warning comes before a page, or it is none."""


def _plain(value: Value) -> Mapping[str, float]:
    return {"*": LIMIT(value)}


def _by_symbol(value: Value) -> Mapping[str, float]:
    if not value.is_mapping:
        return _plain(value)
    return {pattern: LIMIT(entry) for pattern, entry in value.table().items()}
