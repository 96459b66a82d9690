"""The last tick of every configured symbol."""

from collections.abc import Iterator

from mt5_exporter import catalogue
from mt5_exporter.catalogue import Sample
from mt5_exporter.readings.base import TERMINAL_ANSWERS
from mt5_exporter.round import Round


class SymbolsReading:
    """`mt5_symbol_bid{terminal="desk-1",symbol="EURUSD"} 1.08512`."""

    name = "symbols"
    requires = TERMINAL_ANSWERS
    metrics = (
        catalogue.SYMBOL_BID,
        catalogue.SYMBOL_ASK,
        catalogue.SYMBOL_TICK_CHANGED,
        catalogue.SYMBOL_TICK_SERVER_TIME,
    )

    async def read(self, asked: Round) -> Iterator[Sample]:
        """Read the ticks; a symbol without one is left out and disturbs no other.

        Raises:
            MT5Error: Not one symbol has a tick.
        """
        ticks = (await asked.ticks()).value
        if ticks.failed and not ticks.by_symbol:
            raise next(iter(ticks.failed.values()))
        name = asked.terminal.name

        def samples() -> Iterator[Sample]:
            for symbol, tick in ticks.by_symbol.items():
                labels = (name, symbol)
                # A price of 0 is the API's word for none.
                if tick.bid:
                    yield Sample(catalogue.SYMBOL_BID, labels, tick.bid)
                if tick.ask:
                    yield Sample(catalogue.SYMBOL_ASK, labels, tick.ask)
                yield Sample(catalogue.SYMBOL_TICK_CHANGED, labels, asked.feed.changes[symbol].at)
                yield Sample(catalogue.SYMBOL_TICK_SERVER_TIME, labels, tick.time_msc / 1000)

        return samples()
