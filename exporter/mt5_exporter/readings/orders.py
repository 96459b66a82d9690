"""How many orders are pending."""

from collections.abc import Sequence

from mt5_exporter import catalogue
from mt5_exporter.catalogue import Sample
from mt5_exporter.readings.base import OUR_ACCOUNT
from mt5_exporter.round import Round


class OrdersReading:
    """`mt5_account_orders{terminal="desk-1"} 2`."""

    name = "orders"
    requires = OUR_ACCOUNT
    metrics = (catalogue.ACCOUNT_ORDERS,)

    async def read(self, asked: Round) -> Sequence[Sample]:
        """Read `orders_total`."""
        total = (await asked.orders_total()).value
        return (Sample(catalogue.ACCOUNT_ORDERS, (asked.terminal.name,), total),)
