"""What orders that ended change: a pure function of the account as it is kept and of the orders there are."""

from collections.abc import Iterable
from dataclasses import asdict

from mt5_exporter import catalogue, strategies
from mt5_exporter.config import TerminalConfig
from mt5_exporter.history import kinds
from mt5_exporter.history.deals import forgotten
from mt5_exporter.history.mark import Mark
from mt5_exporter.history.money import UNIT
from mt5_exporter.history.rows import OrderRow
from mt5_exporter.history.sums import Sums
from mt5_exporter.store import Change, Saved

ORDER = "order"
MARK = "history.orders"


def count_orders(
    saved: Saved, mark: Mark, rows: Iterable[OrderRow], terminal: TerminalConfig, wall: float
) -> Change:
    """Return what finished orders change; the arguments are those of `count_deals`."""
    sums = Sums(saved, terminal)
    seen: dict[tuple[str, int], int | None] = {}
    times: list[int] = []
    for row in sorted(rows, key=lambda row: (row.time, row.ticket)):
        kind = kinds.ORDERS.get(row.state, kinds.UNKNOWN_ORDER)
        ticket = (ORDER, row.ticket)
        if row.time < mark.floor or not kind.ended:
            continue
        if ticket in saved.seen or ticket in seen:
            continue
        times.append(row.time)
        seen[ticket] = row.time
        labels = (sums.symbol(row.symbol), kind.name, strategies.label(terminal.strategies, row.magic))
        sums.add(catalogue.HISTORY_ORDERS, labels, UNIT * (not mark.is_late(row.ticket, row.time)))
    after = mark.after(times, wall=wall, lookback=terminal.history_lookback)
    seen.update(forgotten(saved, after.floor, ORDER))
    facts: dict[str, object] = {}
    if after != mark or MARK not in saved.facts:
        facts[MARK] = asdict(after)
    return Change(totals=sums.totals, seen=seen, facts={**facts, **sums.facts})
