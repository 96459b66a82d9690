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
        limits = asked.terminal.limits
        longest = limits.of("probe_duration_seconds")
        if terminal.seconds > longest:
            text = f"the terminal took {terminal.seconds:.3f} s to answer, limit {longest:g} s"
            return failed("slow_terminal", text)
        ping = terminal.value.ping_last / MICROSECONDS
        # Without a link the ping is the last one there was.
        slowest = limits.of("terminal_ping_seconds")
        if terminal.value.connected and ping > slowest:
            text = f"ping to the trade server is {ping:.3f} s, limit {slowest:g} s"
            return failed("slow_trade_server", text)
        return PASSED
