"""From a history's deals and the open positions to the past that a rule looks at."""

from collections.abc import Iterable

from mt5_exporter.history.deals import balance_units, flow_units, kind_of
from mt5_exporter.history.kinds import BUY, SELL
from mt5_exporter.history.money import amount
from mt5_exporter.history.rows import DealRow
from mt5_exporter.model import Position
from mt5_exporter.risk.past import Entry, Past

SIGNS = {BUY: 1, SELL: -1}
POSITION_SIGNS = {0: 1, 1: -1}
"""POSITION_TYPE: bought, sold."""


def past_of(
    rows: Iterable[DealRow],
    positions: Iterable[Position],
    *,
    since: float,
    offset: float,
    balance: float,
    flows: float,
) -> Past:
    """Return the past that led to a balance.

    Args:
        rows: The deals from `since` on, oldest first.
        positions: What is open; asked before the deals, or a position that is closed in between goes unseen.
        since: Unix time.
        offset: Seconds of the trade server's clock less UTC.
        balance: Now.
        flows: Counted by now.
    """
    held: dict[int, float] = {}
    for position in positions:
        lots = position.volume * POSITION_SIGNS.get(position.type, 0)
        held[position.identifier or position.ticket] = lots
    entries = (_entry(row, offset) for row in rows)
    return Past(
        since=since,
        entries=tuple(entry for entry in entries if entry.at >= since),
        balance=balance,
        flows=flows,
        held=held,
    )


def _entry(row: DealRow, offset: float) -> Entry:
    return Entry(
        at=(row.time_msc / 1000 or row.time) - offset,
        money=amount(balance_units(row)),
        flow=amount(flow_units(row)),
        position=row.position_id,
        lots=row.volume * SIGNS.get(kind_of(row).side, 0),
    )
