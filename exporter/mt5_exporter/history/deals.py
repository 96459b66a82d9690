"""What new deals change: a pure function of the account as it is kept and of the deals there are."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict

from mt5_exporter import catalogue, strategies
from mt5_exporter.config import TerminalConfig
from mt5_exporter.history import kinds
from mt5_exporter.history.kinds import DealKind
from mt5_exporter.history.mark import Mark
from mt5_exporter.history.money import UNIT, units
from mt5_exporter.history.rows import DealRow
from mt5_exporter.history.sums import Sums
from mt5_exporter.store import Change, Saved

DEAL, CANCELLED = "deal", "cancelled"
"""Kinds of seen tickets; a deal that is cancelled keeps its ticket and is seen once more."""

MARK = "history.deals"
STOP_OUT = "history.stop_out"
"""The fact that is the Unix time at which the last stop-out was first seen."""

FLOWS = "flows"
"""A total of ours: what was brought, less what was taken away."""

PAIRS = (
    ("commission", catalogue.DEALS_COMMISSION_PAID, catalogue.DEALS_COMMISSION_RECEIVED),
    ("swap", catalogue.DEALS_SWAP_PAID, catalogue.DEALS_SWAP_RECEIVED),
    ("fee", catalogue.DEALS_FEE_PAID, catalogue.DEALS_FEE_RECEIVED),
    ("profit", catalogue.DEALS_LOSS, catalogue.DEALS_PROFIT),
)


def kind_of(row: DealRow) -> DealKind:
    """Return what a deal is."""
    return kinds.DEALS.get(row.type, kinds.UNKNOWN_DEAL)


def money_units(row: DealRow) -> int:
    """Return what a deal has earned and cost."""
    return units(row.profit) + units(row.commission) + units(row.swap) + units(row.fee)


def balance_units(row: DealRow) -> int:
    """Return what a deal changed the balance by."""
    return money_units(row) if kind_of(row).balance else 0


def flow_units(row: DealRow) -> int:
    """Return how much of that was brought, or taken away where it is negative."""
    return money_units(row) if kind_of(row).flow else 0


def count_deals(
    saved: Saved, mark: Mark, rows: Iterable[DealRow], terminal: TerminalConfig, wall: float
) -> Change:
    """Return what deals change.

    A deal counts once, by its ticket. One from before the baseline does not; its series begin at 0 then, so
    that the first one that counts is an increase.

    Args:
        saved: The account; it is not changed.
        mark: How far its deals have been taken over.
        rows: All the deals of a span, known ones among them.
        terminal: Who asks: its strategies, aliases, `max_symbols` and look-back.
        wall: Unix time.
    """
    sums = Sums(saved, terminal)
    seen: dict[tuple[str, int], int | None] = {}
    facts: dict[str, object] = {}
    times: list[int] = []
    for row in sorted(rows, key=lambda row: (row.time, row.ticket)):
        if row.time < mark.floor:
            continue
        ticket, cancellation = (DEAL, row.ticket), (CANCELLED, row.ticket)
        known = ticket in saved.seen or ticket in seen
        again = row.type in kinds.CANCELLED and cancellation not in saved.seen and cancellation not in seen
        if known and not again:
            continue
        times.append(row.time)
        seen[ticket] = row.time
        if again:
            seen[cancellation] = row.time
        counts = known or not mark.is_late(row.ticket, row.time)
        if kind_of(row).side:
            _add_trade(sums, row, terminal.strategies, counts=counts)
            if counts and row.reason == kinds.STOP_OUT:
                sums.add(catalogue.STOP_OUTS, (), UNIT)
                facts[STOP_OUT] = wall
        else:
            # A trade that was counted has brought its commission with it already.
            _add_operation(sums, row, 0 if known else money_units(row), counts=counts)
    after = mark.after(times, wall=wall, lookback=terminal.history_lookback)
    seen.update(forgotten(saved, after.floor, DEAL, CANCELLED))
    if after != mark or MARK not in saved.facts:
        facts[MARK] = asdict(after)
    return Change(totals=sums.totals, seen=seen, facts={**facts, **sums.facts})


def forgotten(saved: Saved, floor: int, *of: str) -> Mapping[tuple[str, int], None]:
    """Return the seen tickets that are too old to come up again."""
    return {ticket: None for ticket, time in saved.seen.items() if time < floor and ticket[0] in of}


def _add_trade(sums: Sums, row: DealRow, magics: Mapping[int, str], *, counts: bool) -> None:
    kind = kind_of(row)
    entry = kinds.ENTRIES.get(row.entry, kinds.UNKNOWN_ENTRY)
    labels = (
        sums.symbol(row.symbol),
        kinds.position_side(kind, entry),
        entry.name,
        kinds.REASONS.get(row.reason, kinds.OTHER),
        strategies.label(magics, row.magic),
    )
    sums.add(catalogue.DEALS, labels, UNIT * counts)
    sums.add(catalogue.DEALS_VOLUME, labels, units(row.volume) * counts)
    for field, negative, positive in PAIRS:
        amount: float = getattr(row, field)
        sums.add(negative, labels, max(0, -units(amount)) * counts)
        sums.add(positive, labels, max(0, units(amount)) * counts)


def _add_operation(sums: Sums, row: DealRow, money: int, *, counts: bool) -> None:
    kind = kind_of(row)
    sums.add(catalogue.OPERATIONS, (kind.name,), UNIT * counts)
    sums.add(catalogue.OPERATIONS_PAID, (kind.name,), max(0, -money) * counts)
    sums.add(catalogue.OPERATIONS_RECEIVED, (kind.name,), max(0, money) * counts)
    sums.add(FLOWS, (), money * (counts and kind.flow))
