"""The open positions, summed by symbol, side and strategy."""

from collections.abc import Iterator, Sequence

from mt5_exporter import catalogue
from mt5_exporter.catalogue import Sample
from mt5_exporter.exposure import Names, oldest, sum_positions
from mt5_exporter.readings.base import OUR_ACCOUNT
from mt5_exporter.round import Round
from mt5_exporter.threads import off_loop


class PositionsReading:
    """`mt5_positions_volume_lots{terminal="desk-1",symbol="EURUSD",side="buy",strategy="scalper"} 0.3`."""

    name = "positions"
    requires = OUR_ACCOUNT
    metrics = (
        catalogue.ACCOUNT_POSITIONS,
        catalogue.POSITIONS,
        catalogue.POSITIONS_VOLUME,
        catalogue.POSITIONS_PROFIT,
        catalogue.POSITIONS_SWAP,
        catalogue.POSITIONS_EXPOSURE,
        catalogue.POSITIONS_WITHOUT_SL,
        catalogue.POSITIONS_WITHOUT_TP,
        catalogue.POSITIONS_OLDEST,
        catalogue.POSITIONS_LEFT_OUT,
    )

    async def read(self, asked: Round) -> Sequence[Sample]:
        """Read `positions_get`, and `symbol_info` of the symbols that have positions and series.

        Nothing open is an empty answer and a total of 0; no answer is an error.
        """
        positions = (await asked.positions()).value
        terminal = asked.terminal
        names = Names(terminal, (position.symbol for position in positions))
        specifications = await asked.specifications(names.kept)
        groups = await off_loop(
            len(positions), sum_positions, positions, names, specifications, terminal.strategies
        )

        def samples() -> Iterator[Sample]:
            name = (terminal.name,)
            yield Sample(catalogue.ACCOUNT_POSITIONS, name, len(positions))
            yield Sample(catalogue.POSITIONS_LEFT_OUT, name, names.left_out)
            opened, offset = oldest(positions), asked.memory.server_clock.offset
            if opened is not None and offset is not None:
                yield Sample(catalogue.POSITIONS_OLDEST, name, opened - offset)
            for key, group in groups.items():
                labels = (terminal.name, *key)
                yield Sample(catalogue.POSITIONS, labels, group.count)
                yield Sample(catalogue.POSITIONS_VOLUME, labels, group.volume)
                yield Sample(catalogue.POSITIONS_PROFIT, labels, group.profit)
                yield Sample(catalogue.POSITIONS_SWAP, labels, group.swap)
                if group.exposure is not None:
                    yield Sample(catalogue.POSITIONS_EXPOSURE, labels, group.exposure)
                yield Sample(catalogue.POSITIONS_WITHOUT_SL, labels, group.without_stop_loss)
                yield Sample(catalogue.POSITIONS_WITHOUT_TP, labels, group.without_take_profit)

        return tuple(samples())
