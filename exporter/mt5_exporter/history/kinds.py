"""Every kind of deal and finished order that MetaTrader 5 knows: what it is, and how it counts."""

import types
from collections.abc import Mapping
from dataclasses import dataclass

OTHER = "other"
BUY, SELL = "buy", "sell"


@dataclass(frozen=True, slots=True)
class DealKind:
    """A row of DEAL_TYPE.

    Attributes:
        name: As a label.
        what: What it is.
        side: The side of a trade; empty for an operation, which is no trade.
        flow: Whether its money is brought or taken away, and not earned or lost; such moves risk's anchors.
        balance: Whether its money goes to the balance.
    """

    name: str
    what: str
    side: str = ""
    flow: bool = False
    balance: bool = True


UNKNOWN_DEAL = DealKind(OTHER, "a type that this version does not know; taken for cost or profit")

DEALS: Mapping[int, DealKind] = types.MappingProxyType(
    {
        0: DealKind("buy", "a purchase", side=BUY),
        1: DealKind("sell", "a sale", side=SELL),
        2: DealKind("balance", "a deposit, or a withdrawal where it is negative", flow=True),
        # The credit is no part of the balance, and risk looks at equity without it.
        3: DealKind("credit", "money that the broker lends, or takes back", balance=False),
        4: DealKind("charge", "an additional charge"),
        # It makes good what a deal has earned or lost wrongly, and is profit as that was.
        5: DealKind("correction", "a correction"),
        6: DealKind("bonus", "a bonus", flow=True),
        7: DealKind("commission", "additional commission"),
        8: DealKind("commission_daily", "commission charged at the end of the day"),
        9: DealKind("commission_monthly", "commission charged at the end of the month"),
        10: DealKind("commission_agent_daily", "an agent's commission charged at the end of the day"),
        11: DealKind("commission_agent_monthly", "an agent's commission charged at the end of the month"),
        12: DealKind("interest", "interest on the balance"),
        # A trade that was cancelled later: it keeps its ticket, its profit becomes 0, and what it had earned
        # or lost goes back by a balance operation of its own, which nothing tells from a deposit. What it
        # added to the totals as a trade stays, since a counter does not go back.
        13: DealKind("buy_canceled", "a purchase that was cancelled"),
        14: DealKind("sell_canceled", "a sale that was cancelled"),
        15: DealKind("dividend", "a dividend"),
        16: DealKind("dividend_franked", "a dividend that is free of tax"),
        17: DealKind("tax", "a tax"),
        # Of the trade server's list only; the terminal's ends with the one above.
        18: DealKind("commission_agent", "an agent's commission charged at once"),
        19: DealKind("stop_out_compensation", "a negative balance that the broker makes good", flow=True),
        20: DealKind("stop_out_compensation_credit", "credit that goes with a stop-out", balance=False),
    }
)
"""DEAL_TYPE."""

CANCELLED = frozenset({13, 14})


@dataclass(frozen=True, slots=True)
class EntryKind:
    """A row of DEAL_ENTRY.

    Attributes:
        name: As a label.
        what: What it is.
        closes: Whether the position that the deal's money belongs to was of the other side.
    """

    name: str
    what: str
    closes: bool


UNKNOWN_ENTRY = EntryKind(OTHER, "an entry that this version does not know", closes=False)

ENTRIES: Mapping[int, EntryKind] = types.MappingProxyType(
    {
        0: EntryKind("in", "opens a position or adds to it", closes=False),
        1: EntryKind("out", "closes a position or a part of it", closes=True),
        # On a netting account a sale of 3 lots turns 1 bought into 2 sold. All its profit is that of the
        # position it closed, whose side it has here; its volume is that of both.
        2: EntryKind("in_out", "closes a position and opens one of the other side", closes=True),
        # Two positions of one symbol close each other, by a deal for each; both are against their position.
        3: EntryKind("out_by", "closes a position by one of the other side", closes=True),
    }
)
"""DEAL_ENTRY."""

REASONS: Mapping[int, str] = types.MappingProxyType(
    {
        0: "client",
        1: "mobile",
        2: "web",
        3: "expert",
        4: "sl",
        5: "tp",
        6: "so",
        7: "rollover",
        8: "vmargin",
        9: "split",
        10: "corporate_action",
    }
)
"""DEAL_REASON; the last one is MQL5's, and not yet in the Python package."""

STOP_OUT = 6


@dataclass(frozen=True, slots=True)
class OrderKind:
    """A row of ORDER_STATE.

    Attributes:
        name: As a label.
        ended: Whether it is final; an order in the history that is not has still to become something.
    """

    name: str
    ended: bool = True


UNKNOWN_ORDER = OrderKind(OTHER)

ORDERS: Mapping[int, OrderKind] = types.MappingProxyType(
    {
        0: OrderKind("started", ended=False),
        1: OrderKind("placed", ended=False),
        2: OrderKind("cancelled"),
        3: OrderKind("partial"),
        4: OrderKind("filled"),
        5: OrderKind("rejected"),
        6: OrderKind("expired"),
        7: OrderKind("request_add", ended=False),
        8: OrderKind("request_modify", ended=False),
        9: OrderKind("request_cancel", ended=False),
    }
)
"""ORDER_STATE."""


def position_side(kind: DealKind, entry: EntryKind) -> str:
    """Return the side of the position that a trade's money belongs to."""
    if not entry.closes:
        return kind.side
    return SELL if kind.side == BUY else BUY
