"""The pending orders, summed by symbol, type and strategy."""

from collections.abc import Iterator, Sequence

from mt5_exporter import catalogue
from mt5_exporter.catalogue import Sample
from mt5_exporter.exposure import Names, sum_orders
from mt5_exporter.readings.base import OUR_ACCOUNT
from mt5_exporter.round import Round
from mt5_exporter.threads import off_loop


class OrdersReading:
    """`mt5_orders{terminal="desk-1",symbol="EURUSD",type="buy_limit",strategy="manual"} 2`."""

    name = "orders"
    requires = OUR_ACCOUNT
    metrics = (
        catalogue.ACCOUNT_ORDERS,
        catalogue.ACCOUNT_ORDERS_USED,
        catalogue.ORDERS,
        catalogue.ORDERS_VOLUME,
        catalogue.ORDERS_LEFT_OUT,
    )

    async def read(self, asked: Round) -> Sequence[Sample]:
        """Read `orders_get`, and the account's `limit_orders`, which is 0 where there is no limit."""
        orders = (await asked.orders()).value
        limit = (await asked.account_info()).value.limit_orders
        terminal = asked.terminal
        names = Names(terminal, (order.symbol for order in orders))
        groups = await off_loop(len(orders), sum_orders, orders, names, terminal.strategies)

        def samples() -> Iterator[Sample]:
            name = (terminal.name,)
            yield Sample(catalogue.ACCOUNT_ORDERS, name, len(orders))
            if limit > 0:
                yield Sample(catalogue.ACCOUNT_ORDERS_USED, name, len(orders) / limit)
            yield Sample(catalogue.ORDERS_LEFT_OUT, name, names.left_out)
            for key, group in groups.items():
                labels = (terminal.name, *key)
                yield Sample(catalogue.ORDERS, labels, group.count)
                yield Sample(catalogue.ORDERS_VOLUME, labels, group.volume)

        return tuple(samples())
