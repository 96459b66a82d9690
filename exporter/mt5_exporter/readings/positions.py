"""How many positions are open."""

from collections.abc import Sequence

from mt5_exporter import catalogue
from mt5_exporter.catalogue import Sample
from mt5_exporter.readings.base import OUR_ACCOUNT
from mt5_exporter.round import Round


class PositionsReading:
    """`mt5_account_positions{terminal="desk-1"} 3`."""

    name = "positions"
    requires = OUR_ACCOUNT
    metrics = (catalogue.ACCOUNT_POSITIONS,)

    async def read(self, asked: Round) -> Sequence[Sample]:
        """Read `positions_total`."""
        total = (await asked.positions_total()).value
        return (Sample(catalogue.ACCOUNT_POSITIONS, (asked.terminal.name,), total),)
