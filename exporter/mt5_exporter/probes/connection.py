"""Does the terminal answer?"""

from mt5_exporter.probes.base import PASSED, Verdict
from mt5_exporter.round import Round


class ConnectionProbe:
    """Passes when `terminal_info` answers; whether the broker is reached is another question."""

    name = "connection"
    requires: frozenset[str] = frozenset()

    async def run(self, asked: Round) -> Verdict:
        """Ask for the terminal."""
        await asked.terminal_info()
        return PASSED
