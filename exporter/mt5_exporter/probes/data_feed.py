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
        calendars = {s: asked.config.calendar_of(asked.terminal, s) for s in asked.terminal.symbols}
        opened = {
            s: calendar.opened_at(now) or 0.0 for s, calendar in calendars.items() if calendar.is_open(now)
        }
        if not opened:
            return unknown("market_closed", "the market of every symbol is closed")
        missing = [symbol for symbol in opened if symbol in ticks.failed]
        if missing:
            return failed("no_tick", f"no tick for {', '.join(missing)}: {ticks.failed[missing[0]].message}")
        limit = asked.terminal.max_tick_age
        # A market that has just opened owes its first tick only from then on.
        stale = [s for s, since in opened.items() if now - max(asked.feed.changes[s].at, since) > limit]
        if stale:
            return failed("stale", f"no new tick for {limit:g} s: {', '.join(stale)}")
        return PASSED
