"""Do fresh prices arrive for the symbols whose market is open?"""

from collections.abc import Sequence

from mt5_exporter.probes.base import PASSED, Verdict, failed, unknown
from mt5_exporter.round import Round, Ticks

SHOWN = 10
"""Symbols that a message names; of a thousand nobody reads the rest."""


class DataFeedProbe:
    """Passes when every symbol of an open market has had a new tick within its `symbol_tick_age_seconds`.

    A symbol that only a pattern found need not be in Market Watch and so need not have a tick; one that has
    had one owes the next.
    """

    name = "data_feed"
    requires = frozenset({"connection", "authentication"})

    async def run(self, asked: Round) -> Verdict:
        """Ask for the ticks and their ages."""
        if not asked.terminal.symbols:
            return unknown("no_symbols", "no symbols are configured")
        if not (await asked.terminal_info()).value.connected:
            return failed("disconnected", "the terminal does not reach its trade server")
        ticks = (await asked.ticks()).value
        if not asked.memory.symbols.resolution.watched:
            return unknown("no_symbols", "the terminal has no symbol that the configuration means")
        return _judge(asked, ticks, asked.clock.wall())


def _judge(asked: Round, ticks: Ticks, now: float) -> Verdict:
    opened = _opened(asked, now)
    if not opened:
        return unknown("market_closed", "the market of every symbol is closed")
    ticking = [label for label in opened if label in ticks.by_symbol]
    watched = asked.memory.symbols.resolution.watched
    owed = [symbol.label for symbol in watched if symbol.exact or not ticking]
    missing = [label for label in owed if label in opened and label in ticks.failed]
    if missing:
        return failed("no_tick", f"no tick for {_names(missing)}: {ticks.failed[missing[0]].message}")
    limits = {label: asked.terminal.limits.of("symbol_tick_age_seconds", label) for label in ticking}
    changes = asked.memory.feed.changes
    # A market that has just opened owes its first tick only from then on.
    stale = [label for label in ticking if now - max(changes[label].at, opened[label]) > limits[label]]
    if stale:
        return failed("stale", f"no new tick for {limits[stale[0]]:g} s: {_names(stale)}")
    return PASSED


def _opened(asked: Round, now: float) -> dict[str, float]:
    """Return when the market of each symbol opened, by label: 0 where it always is; none that is closed."""
    opened: dict[str, float] = {}
    by_calendar: dict[str, float | None] = {}
    for label in asked.memory.symbols.resolution.labels:
        calendar = asked.config.calendar_of(asked.terminal, label)
        if calendar.name not in by_calendar:
            is_open = calendar.is_open(now)
            by_calendar[calendar.name] = calendar.opened_at(now) or 0.0 if is_open else None
        since = by_calendar[calendar.name]
        if since is not None:
            opened[label] = since
    return opened


def _names(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - SHOWN} more" if len(labels) > SHOWN else ""
    return ", ".join(labels[:SHOWN]) + more
