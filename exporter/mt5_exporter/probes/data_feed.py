"""Do fresh prices arrive for the symbols whose market is open?"""

from mt5_exporter.probes.base import PASSED, Verdict, failed, unknown
from mt5_exporter.round import Round


class DataFeedProbe:
    """Passes when every symbol of an open market has had a new tick within `max_tick_age`."""

    name = "data_feed"
    requires = frozenset({"connection", "authentication"})

    async def run(self, asked: Round) -> Verdict:
        """Ask for the ticks and their ages."""
        if not asked.terminal.symbols:
            return unknown("no_symbols", "no symbols are configured")
        if not (await asked.terminal_info()).value.connected:
            return failed("disconnected", "the terminal does not reach its trade server")
        ticks = (await asked.ticks()).value
        now = asked.clock.wall()
        opened = {symbol: opening(asked, symbol, now) for symbol in asked.terminal.symbols}
        trading = [symbol for symbol, since in opened.items() if since is not None]
        if not trading:
            return unknown("market_closed", "the market of every symbol is closed")
        missing = [symbol for symbol in trading if symbol in ticks.failed]
        if missing:
            return failed("no_tick", f"no tick for {', '.join(missing)}: {ticks.failed[missing[0]].message}")
        stale = [symbol for symbol in trading if age(asked, symbol, now, opened[symbol]) > limit(asked)]
        if stale:
            return failed("stale", f"no new tick for {limit(asked):g} s: {', '.join(stale)}")
        return PASSED


def limit(asked: Round) -> float:
    """Return the seconds after which a tick is stale."""
    return asked.terminal.max_tick_age


def opening(asked: Round, symbol: str, now: float) -> float | None:
    """Return when the symbol's market opened, None while it is closed."""
    return asked.config.calendar_of(asked.terminal, symbol).opened_at(now)


def age(asked: Round, symbol: str, now: float, opened: float | None) -> float:
    """Return the seconds without a new tick, counted from the session's opening at the earliest."""
    return now - max(asked.feed.changes[symbol].at, opened or 0.0)
