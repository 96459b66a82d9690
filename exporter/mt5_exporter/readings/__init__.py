"""The readings: what is read when the probes below them pass; a new one is a file here and a line below."""

from mt5_exporter.readings.account import AccountReading
from mt5_exporter.readings.base import Reading
from mt5_exporter.readings.orders import OrdersReading
from mt5_exporter.readings.positions import PositionsReading
from mt5_exporter.readings.symbols import SymbolsReading
from mt5_exporter.readings.terminal import TerminalReading

READINGS: tuple[Reading, ...] = (
    TerminalReading(),
    AccountReading(),
    SymbolsReading(),
    PositionsReading(),
    OrdersReading(),
)

__all__ = ["READINGS", "Reading"]
