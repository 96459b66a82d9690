"""What a month's counters, profit, exposure, daily loss and drawdown must be: reckoned by hand, so to say.

It has nothing of the exporter: it reads the rows that the broker has shown, in exact decimals, by its own
reading of what each number in them means. `python -m tests.scripted [SEED]` prints the month day by
day, for a person with a pencil.

How a row of `history_deals_get` is read:

    type      0 buy, 1 sell: a trade. 13, 14: a buy or a sell that the broker has cancelled; what it had
              earned comes back as an entry of type 2. All others are entries without a trade: 2 a deposit
              or a withdrawal, 3 credit, lent and not owned, 4 a charge, 5 a correction, 7 to 11 commission
              that is booked by itself, 12 interest, 15 and 16 a dividend, 17 a tax.
    entry     0 opens, 1 closes, 2 turns round: closes one side and opens the other, 3 closes by an opposite.
    side      That of the position which the deal is about: a sale that opens is of a `sell` position, a sale
              that closes is of a `buy` position, and one that turns round, too: it earned there.
    money     Profit, commission, swap and fee: each deal carries its own, of either sign.
"""

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from zoneinfo import ZoneInfo

Row = Mapping[str, object]
Labels = tuple[str, ...]
Sums = dict[Labels, Decimal]

TRADES = {0: "buy", 1: "sell"}
OPPOSITE = {"buy": "sell", "sell": "buy"}
ENTRIES = {0: "in", 1: "out", 2: "in_out", 3: "out_by"}
REASONS = {0: "client", 1: "mobile", 2: "web", 3: "expert", 4: "sl", 5: "tp", 6: "so"}
OPERATIONS = {
    2: "balance",
    3: "credit",
    4: "charge",
    5: "correction",
    9: "commission_monthly",
    12: "interest",
    13: "buy_canceled",
    14: "sell_canceled",
    15: "dividend",
    17: "tax",
}
ORDER_STATES = {2: "cancelled", 3: "partial", 4: "filled", 5: "rejected", 6: "expired"}
STRATEGIES = {0: "manual", 1001: "trend", 1002: "grid"}
STOP_OUT = 6
DEPOSIT, CREDIT = 2, 3
CANCELLED = (13, 14)


def exact(row: Row, name: str) -> Decimal:
    """Return a number of a row as it is written, 0 where it is not there."""
    return Decimal(str(row.get(name, 0)))


def whole(row: Row, name: str) -> int:
    return int(exact(row, name))


def strategy(row: Row) -> str:
    return STRATEGIES.get(whole(row, "magic"), "other")


def money(row: Row) -> Decimal:
    """Return all that a deal did to the account."""
    return sum((exact(row, name) for name in ("profit", "commission", "swap", "fee")), Decimal(0))


@dataclass(slots=True, kw_only=True)
class Ledger:
    """The sums of one account, over the deals and orders that were shown since the baseline.

    Attributes:
        sums: Metric's name to label values to amount.
        seen: Tickets of deals, so that none is counted twice.
        trades: Each trade that is not cancelled, by ticket, with the Unix time at which it happened.
    """

    sums: dict[str, Sums] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Decimal)))
    seen: set[int] = field(default_factory=set)
    orders_seen: set[int] = field(default_factory=set)
    trades: dict[int, tuple[float, Row]] = field(default_factory=dict)
    booked: list[tuple[float, Decimal, Decimal]] = field(default_factory=list)
    """Whatever moved the balance: when it happened, by how much, and how much of that was paid in or out."""

    def know(self, deals: Iterable[tuple[float, Row]], orders: Iterable[Row]) -> None:
        """Take over what was there before the baseline: it is known, and not counted."""
        for at, row in deals:
            self.seen.add(whole(row, "ticket"))
            self._book(at, row)
        self.orders_seen |= {whole(row, "ticket") for row in orders}

    def deal(self, at: float, row: Row) -> None:
        """Count one deal, which happened at the Unix time `at`; one that is shown again is cancelled."""
        ticket, kind = whole(row, "ticket"), whole(row, "type")
        if ticket in self.seen:
            assert kind in CANCELLED
            # The trade stays counted, and that it was cancelled is counted as well.
            self.trades.pop(ticket)
            self._operation(OPERATIONS[kind], Decimal(0))
            return
        self.seen.add(ticket)
        self._book(at, row)
        if kind in TRADES:
            self._trade(row)
        else:
            self._operation(OPERATIONS[kind], money(row))

    def order(self, row: Row) -> None:
        """Count one order that ended."""
        if whole(row, "ticket") in self.orders_seen:
            return
        self.orders_seen.add(whole(row, "ticket"))
        labels = (str(row["symbol"]), ORDER_STATES[whole(row, "state")], strategy(row))
        self.sums["mt5_history_orders_total"][labels] += 1

    def _book(self, at: float, row: Row) -> None:
        if whole(row, "type") in TRADES:
            self.trades[whole(row, "ticket")] = at, row
        if whole(row, "type") != CREDIT:
            flow = money(row) if whole(row, "type") == DEPOSIT else Decimal(0)
            self.booked.append((at, money(row), flow))

    def _trade(self, row: Row) -> None:
        entry, side = ENTRIES[whole(row, "entry")], TRADES[whole(row, "type")]
        labels = (
            str(row["symbol"]),
            side if entry == "in" else OPPOSITE[side],
            entry,
            REASONS[whole(row, "reason")],
            strategy(row),
        )
        self._add("mt5_deals_total", labels, Decimal(1))
        self._add("mt5_deals_volume_lots_total", labels, exact(row, "volume"))
        self._pair("mt5_deals_profit_total", "mt5_deals_loss_total", labels, exact(row, "profit"))
        for name in ("commission", "swap", "fee"):
            got, gave = f"mt5_deals_{name}_received_total", f"mt5_deals_{name}_paid_total"
            self._pair(got, gave, labels, exact(row, name))
        if whole(row, "reason") == STOP_OUT:
            self._add("mt5_account_stop_outs_total", (), Decimal(1))

    def _operation(self, kind: str, amount: Decimal) -> None:
        name = "mt5_account_operations"
        self._add(f"{name}_total", (kind,), Decimal(1))
        self._pair(f"{name}_received_total", f"{name}_paid_total", (kind,), amount)

    def _pair(self, positive: str, negative: str, labels: Labels, amount: Decimal) -> None:
        self._add(positive if amount > 0 else negative, labels, abs(amount))

    def _add(self, name: str, labels: Labels, amount: Decimal) -> None:
        self.sums[name][labels] += amount

    def since(self, moment: float) -> tuple[Decimal, Decimal]:
        """Return what moved the balance since a moment, and how much of that was paid in or out."""
        later = [(amount, flow) for at, amount, flow in self.booked if at >= moment]
        return sum((amount for amount, _ in later), Decimal(0)), sum((flow for _, flow in later), Decimal(0))

    def profit_since(self, moment: float) -> Decimal:
        """Return what trading has earned since a moment, all costs taken off."""
        return sum((money(row) for at, row in self.trades.values() if at >= moment), Decimal(0))


# -- what is open --------------------------------------------------------------------------------------


def open_sums(positions: Sequence[Row], ticks: Mapping[str, tuple[Decimal, Decimal]]) -> dict[str, Sums]:
    """Return the sums of open positions; `ticks` has, by symbol, the size of a tick and what it is worth."""
    sums: dict[str, Sums] = defaultdict(lambda: defaultdict(Decimal))
    for row in positions:
        symbol = str(row["symbol"])
        labels = (symbol, TRADES[whole(row, "type")], strategy(row))
        size, worth = ticks[symbol]
        for name, amount in {
            "mt5_positions": Decimal(1),
            "mt5_positions_volume_lots": exact(row, "volume"),
            "mt5_positions_profit": exact(row, "profit"),
            "mt5_positions_swap": exact(row, "swap"),
            "mt5_positions_exposure": exact(row, "volume") * exact(row, "price_current") / size * worth,
            "mt5_positions_without_stop_loss": Decimal(not exact(row, "sl")),
            "mt5_positions_without_take_profit": Decimal(not exact(row, "tp")),
        }.items():
            sums[name][labels] += amount
    return sums


# -- what may be lost ----------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Rules:
    """A daily loss from the day's first balance, and a drawdown from the highest equity that was seen.

    Attributes:
        reset: The local hour at which a day begins.
        daily_share: Of the anchor, that may be lost in a day.
        drawdown_share: Of the mark, that may be lost from it.
    """

    zone: ZoneInfo
    reset: int
    daily_share: Decimal
    drawdown_share: Decimal
    day: float = 0.0
    _opening: Decimal = Decimal(0)
    _high: Decimal = Decimal("-Infinity")
    _equity: Decimal = Decimal(0)
    _flows: Decimal = Decimal(0)

    def look(self, at: float, balance: Decimal, equity: Decimal, ledger: Ledger) -> None:
        """Take the account as it was shown at the Unix time `at`; equity is without the broker's credit.

        The day's first balance is the present one, less all that came since. Deposits and withdrawals are
        taken out of every mark, and put on top where it is used.
        """
        self._equity, (_, self._flows) = equity, ledger.since(-math.inf)
        if (begun := self.begun(at)) != self.day:
            came, paid = ledger.since(begun)
            self.day, self._opening = begun, balance - came - (self._flows - paid)
        self._high = max(self._high, equity - self._flows)

    def begun(self, at: float) -> float:
        """Return when the day began: the last time that the clock there said so."""
        local = dt.datetime.fromtimestamp(at, self.zone)
        reset = local.replace(hour=self.reset, minute=0, second=0, microsecond=0)
        return (reset if reset <= local else reset - dt.timedelta(days=1)).timestamp()

    @property
    def values(self) -> dict[str, Decimal]:
        """Return what must be served."""
        anchor, mark = self._opening + self._flows, self._high + self._flows
        loss, drawdown = max(Decimal(0), anchor - self._equity), max(Decimal(0), mark - self._equity)
        return {
            "mt5_account_daily_loss": loss,
            "mt5_account_daily_loss_anchor": anchor,
            "mt5_account_daily_loss_allowed": anchor * self.daily_share,
            "mt5_account_daily_loss_used_ratio": loss / (anchor * self.daily_share),
            "mt5_account_drawdown": drawdown,
            "mt5_account_drawdown_anchor": mark,
            "mt5_account_drawdown_allowed": mark * self.drawdown_share,
            "mt5_account_drawdown_used_ratio": drawdown / (mark * self.drawdown_share),
        }
