"""What is remembered of one terminal from round to round, in RAM, across the lives of its workers."""

from mt5_exporter.config import TerminalConfig
from mt5_exporter.feed import Feed
from mt5_exporter.heartbeat import Heartbeats
from mt5_exporter.server_clock import ServerClock
from mt5_exporter.symbol_table import SymbolTable


class Memory:
    """One terminal's.

    Attributes:
        feed: When its ticks last changed.
        heartbeats: Looks at its files.
        server_clock: What its ticks show of its trade server's clock.
        symbols: Those of its broker that are watched.
    """

    def __init__(self, terminal: TerminalConfig) -> None:
        self.feed = Feed()
        self.heartbeats = Heartbeats()
        self.server_clock = ServerClock()
        self.symbols = SymbolTable(terminal)
