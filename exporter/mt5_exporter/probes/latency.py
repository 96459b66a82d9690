"""Does the terminal answer quickly, and its trade server, too?"""

from mt5_exporter.probes.base import PASSED, Verdict, failed
from mt5_exporter.round import Round

MICROSECONDS = 1e6


class LatencyProbe:
    """Passes while our round trip and the terminal's own ping keep below their limits."""

    name = "latency"
    requires = frozenset({"connection"})

    async def run(self, asked: Round) -> Verdict:
        """Look at the connection probe's round trip, and at the ping it brought."""
        terminal = await asked.terminal_info()
        settings = asked.terminal
        if terminal.seconds > settings.max_round_trip:
            text = (
                f"the terminal took {terminal.seconds:.3f} s to answer, limit {settings.max_round_trip:g} s"
            )
            return failed("slow_terminal", text)
        ping = terminal.value.ping_last / MICROSECONDS
        # Without a link the ping is the last one there was.
        if terminal.value.connected and ping > settings.max_ping:
            text = f"ping to the trade server is {ping:.3f} s, limit {settings.max_ping:g} s"
            return failed("slow_trade_server", text)
        return PASSED
