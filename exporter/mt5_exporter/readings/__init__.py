"""The readings: what is read when the probes below them pass; a new one is a file here and a line below."""

from mt5_exporter.readings.account import AccountReading
from mt5_exporter.readings.base import Reading
from mt5_exporter.readings.deals import DealsReading
from mt5_exporter.readings.experts import ExpertsReading
from mt5_exporter.readings.history_orders import HistoryOrdersReading
from mt5_exporter.readings.orders import OrdersReading
from mt5_exporter.readings.positions import PositionsReading
from mt5_exporter.readings.risk import RiskReading
from mt5_exporter.readings.symbols import SymbolsReading
from mt5_exporter.readings.terminal import TerminalReading

READINGS: tuple[Reading, ...] = (
    TerminalReading(),
    AccountReading(),
    # Before risk: fresh ticks tell the server's clock, and deals what was deposited.
    SymbolsReading(),
    PositionsReading(),
    OrdersReading(),
    DealsReading(),
    HistoryOrdersReading(),
    RiskReading(),
    ExpertsReading(),
)

ACCOUNT_READINGS = frozenset({"account", "risk"})
"""Those that `account_interval` may ask for more often than the rest."""

__all__ = ["ACCOUNT_READINGS", "READINGS", "Reading"]
