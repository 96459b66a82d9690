"""How orders ended, by symbol and strategy: totals that outlive the exporter."""

from collections.abc import Sequence

from mt5_exporter import catalogue
from mt5_exporter.catalogue import Sample
from mt5_exporter.readings.base import OUR_ACCOUNT
from mt5_exporter.round import Round


class HistoryOrdersReading:
    """`mt5_history_orders_total{terminal="desk-1",symbol="EURUSD",state="rejected",strategy="manual"} 2`."""

    name = "history_orders"
    requires = OUR_ACCOUNT
    metrics = (catalogue.HISTORY_ORDERS,)

    async def read(self, asked: Round) -> Sequence[Sample]:
        """Read the orders that ended since the last time."""
        account = (await asked.account_info()).value
        book = await asked.books.of(account.server, account.login)
        await book.follow_orders(asked)
        return book.samples(asked.terminal.name, self.metrics)
