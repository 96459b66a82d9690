"""A broker's March of 2025 on one account, from a seed: step by step what the terminal shows.

A netting account turns its positions round (in_out), a hedging one closes them by each other (out_by). The
rest is alike: partial closes, stops, swap at New York's 17:00, commission and fees of either sign, orders
that end in every way, and a calendar of what happens once: money in and out, a stop-out, cancelled, late
and back-dated deals. The server's clock is two hours before UTC, three from the American change of the
clocks on, and none from the day on which the broker moves its server.

Prices are whole ticks and money is whole cents, so that `ledger.py` can reckon all of it again by itself,
from nothing but the rows that were shown.
"""

import datetime as dt
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

from tests.scripted.world import World

HOUR = 3600.0
NEW_YORK = ZoneInfo("America/New_York")
CENT = Decimal("0.01")
LOT = Decimal("0.01")
MARGIN_PER_LOT = Decimal(4000)
STOP_OUT = Decimal(50)
COMMISSION_PER_LOT = Decimal("-3.50")
ROLLOVER = 17

BUY, SELL = 0, 1
IN, OUT, IN_OUT, OUT_BY = range(4)
CLIENT, MOBILE, WEB, EXPERT, BY_STOP_LOSS, BY_TAKE_PROFIT, BY_STOP_OUT = range(7)
BALANCE, CREDIT, CHARGE, CORRECTION = 2, 3, 4, 5
MONTHLY_COMMISSION, INTEREST, BUY_CANCELLED, SELL_CANCELLED, DIVIDEND, TAX = 9, 12, 13, 14, 15, 17
CANCELLED_ORDER, PARTIAL, FILLED, REJECTED, EXPIRED = 2, 3, 4, 5, 6
MAGICS = (0, 1001, 1002, 777)

Row = dict[str, object]


def utc(text: str) -> float:
    """Return the Unix time of a UTC time of March 2025, such as `09 07:00`."""
    day, clock = text.split()
    return dt.datetime.fromisoformat(f"2025-03-{day}T{clock}:00+00:00").timestamp()


BEGIN, END = utc("03 00:00"), utc("28 20:00")
AMERICAN_CHANGE = utc("09 07:00")
MOVE = utc("19 12:00")
"""When the broker moves its server to UTC: its clock is three hours back from now on."""


def show(at: float) -> str:
    """Return a Unix time for a person."""
    return f"{dt.datetime.fromtimestamp(at, dt.UTC):%a %d %H:%M}"


def server_offset(at: float) -> int:
    """Return the server's clock less UTC in seconds."""
    if at >= MOVE:
        return 0
    return 3 * 3600 if at >= AMERICAN_CHANGE else 2 * 3600


def is_open(at: float) -> bool:
    """Tell whether the market is open: from Sunday to Friday, 17:00 in New York."""
    local = dt.datetime.fromtimestamp(at, NEW_YORK)
    week = local.weekday() * 24 + local.hour
    return week < 4 * 24 + ROLLOVER or week >= 6 * 24 + ROLLOVER


def hours() -> Iterator[float]:
    """Return every other hour in which the market is open, every 17:00 in New York, and weekends' noons."""
    at = BEGIN
    while (at := at + HOUR) <= END:
        if (is_open(at) and (at % (2 * HOUR) == 0 or at == last_rollover(at))) or at % 86400 == 12 * HOUR:
            yield at


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """What is traded; `price` and `stride` are ticks, `value` and `swap` dollars of a lot."""

    name: str
    tick: Decimal
    value: Decimal
    price: int
    spread: int
    stride: int
    swap: Decimal


INSTRUMENTS = (
    Instrument(
        name="EURUSD", tick=Decimal("0.00001"), value=Decimal(1), price=104_000, spread=8, stride=70,
        swap=Decimal("-6.30"),
    ),
    Instrument(
        name="XAUUSD", tick=Decimal("0.01"), value=Decimal(1), price=286_000, spread=25, stride=350,
        swap=Decimal("-31.15"),
    ),
    Instrument(
        name="USDJPY", tick=Decimal("0.001"), value=Decimal("0.67"), price=150_300, spread=12, stride=90,
        swap=Decimal("11.07"),
    ),
    Instrument(
        name="DE40", tick=Decimal("0.1"), value=Decimal("0.11"), price=226_000, spread=14, stride=420,
        swap=Decimal("-2.45"),
    ),
)  # fmt: skip
GOLD = INSTRUMENTS[1]


@dataclass(slots=True, kw_only=True)
class Position:
    """An open position; `price`, `stop_loss` and `take_profit` are ticks, 0 for none."""

    ticket: int
    instrument: Instrument
    side: int
    lots: Decimal
    price: int
    magic: int
    opened: float
    stop_loss: int = 0
    take_profit: int = 0
    swap: Decimal = Decimal(0)

    def profit(self, price: int, lots: Decimal) -> Decimal:
        """Return what `lots` of it earn at a price, in dollars."""
        move = price - self.price if self.side == BUY else self.price - price
        return cents(move * self.instrument.value * lots)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A deal or a finished order as the terminal shows it from `at` on; both times are Unix times.

    A deal that is cancelled later is shown once more.
    """

    at: float
    happened: float
    row: Row


@dataclass(slots=True, kw_only=True)
class Broker:
    """One account and its terminal.

    Attributes:
        shown: Every deal that was shown, in that order.
        shown_orders: Every order that ended, likewise.
    """

    seed: int
    login: int
    netting: bool = False
    restless: int = 28
    """Most acts of trading from one step to the next."""
    cancels: bool = True
    """Whether deals are cancelled that were shown before: what counts then is whether anybody saw them."""
    stamp: Callable[[float, float], float] = field(default=lambda at, _: at + server_offset(at))
    """Returns the server's time of a moment, both in seconds, when now is the other moment."""
    balance: Decimal = Decimal(0)
    credit: Decimal = Decimal(0)
    shown: list[Shown] = field(default_factory=list)
    shown_orders: list[Shown] = field(default_factory=list)
    positions: dict[int, Position] = field(default_factory=dict)
    pending: dict[int, Row] = field(default_factory=dict)
    _prices: dict[str, int] = field(init=False)
    _chance: random.Random = field(init=False)
    _ticket: int = 1000
    _now: float = BEGIN
    _withheld: list[Shown] = field(default_factory=list)
    _news: list[Callable[[World], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._prices = {instrument.name: instrument.price for instrument in INSTRUMENTS}

    # -- time goes on ----------------------------------------------------------------------------------

    def open_account(self, deposit: int) -> None:
        """Pay in, and trade a little, before anybody looks."""
        self._now = BEGIN - HOUR
        self._operate(BALANCE, Decimal(deposit))
        for _ in range(6):
            self._open(self._pick())
        for late in self._withheld:
            self._show(late.row, late.happened)
        self._withheld.clear()

    def step(self, at: float) -> None:
        """Live from the last step to `at`: what happens gets times in between, the last a second ago."""
        before, self._now = self._now, at
        for late in [entry for entry in self._withheld if entry.at <= at]:
            self._withheld.remove(late)
            self._show(late.row, late.happened)
        if is_open(at - 1):
            self._move_prices()
            if before < last_rollover(at) <= at:
                self._charge_swap()
            self._meet_stops()
            for _ in range(self._chance.randint(0, self.restless)):
                self._trade()
        if (event := CALENDAR.get((self.netting, at))) is not None:
            event(self)
        self._stop_out()

    def _moment(self) -> float:
        """Return a moment of the hour that has just gone by."""
        return self._now - self._chance.randint(1, 3599)

    def _move_prices(self) -> None:
        for instrument in INSTRUMENTS:
            moved = self._prices[instrument.name] + round(self._chance.gauss(0, instrument.stride))
            self._prices[instrument.name] = max(moved, instrument.price // 2)

    def _pick(self) -> Instrument:
        return self._chance.choice(INSTRUMENTS)

    def quote(self, instrument: Instrument) -> tuple[int, int]:
        """Return bid and ask, in ticks."""
        bid = self._prices[instrument.name]
        return bid, bid + instrument.spread

    def exit_price(self, position: Position) -> int:
        """Return the price at which a position would be closed, in ticks."""
        bid, ask = self.quote(position.instrument)
        return bid if position.side == BUY else ask

    # -- trading ---------------------------------------------------------------------------------------

    def _trade(self) -> None:
        acts: list[Callable[[], None]] = [self._place, lambda: self._open(self._pick())]
        if self.positions:
            acts += [self._close_some] * (1 + len(self.positions) // 4)
        if not self.netting:
            acts.append(self._close_by)
        self._chance.choice(acts)()

    def _open(self, instrument: Instrument, lots: Decimal | None = None, side: int | None = None) -> None:
        """Buy or sell: what comes of it depends on the account, and on what is open already."""
        side = self._chance.choice((BUY, SELL)) if side is None else side
        lots = lots or LOT * self._chance.randint(1, 60)
        magic = self._chance.choice(MAGICS)
        reason = EXPERT if magic else self._chance.choice((CLIENT, CLIENT, MOBILE, WEB))
        price = self.quote(instrument)[1 if side == BUY else 0]
        held = next((each for each in self.positions.values() if each.instrument is instrument), None)
        if self.netting and held is not None:
            self._net(held, side, lots, price, reason=reason, magic=magic)
            return
        ticket = self._next()
        at = self._moment()
        position = Position(
            ticket=ticket, instrument=instrument, side=side, lots=lots, price=price, magic=magic, opened=at
        )
        self._set_stops(position)
        self.positions[ticket] = position
        self._deal(position, IN, side, lots, price, reason=reason, magic=magic, at=at, order=ticket)

    def _net(self, held: Position, side: int, lots: Decimal, price: int, *, reason: int, magic: int) -> None:
        """Add to the one position of a netting account, reduce it, or turn it round."""
        if side == held.side:
            self._deal(held, IN, side, lots, price, reason=reason, magic=magic)
            # The mean price, to a whole tick; what that takes or gives is the broker's.
            held.price = int((held.price * held.lots + price * lots) / (held.lots + lots))
            held.lots += lots
        elif lots <= held.lots:
            self._close(held, lots, reason, magic)
        else:
            profit = held.profit(price, held.lots)
            self._deal(
                held, IN_OUT, side, lots, price, reason=reason, magic=magic, profit=profit, swap=held.swap
            )
            held.side, held.lots, held.price, held.swap = side, lots - held.lots, price, Decimal(0)
            held.magic, held.stop_loss, held.take_profit = magic, 0, 0

    def _set_stops(self, position: Position) -> None:
        sign = 1 if position.side == BUY else -1
        far = position.instrument.stride * self._chance.randint(1, 6)
        if self._chance.random() < 0.7:
            position.stop_loss = position.price - sign * far
        if self._chance.random() < 0.5:
            position.take_profit = position.price + sign * far

    def _close_some(self) -> None:
        """Close a position, or a part of it, by hand or by its expert advisor."""
        position = self._chance.choice(list(self.positions.values()))
        part = LOT * self._chance.randint(1, int(position.lots / LOT))
        lots = part if self._chance.random() < 0.4 else position.lots
        by_hand = self._chance.random() < 0.3
        self._close(position, lots, CLIENT if by_hand else EXPERT, 0 if by_hand else position.magic)

    def _close(
        self, position: Position, lots: Decimal, reason: int, magic: int, price: int | None = None
    ) -> None:
        price = self.exit_price(position) if price is None else price
        self._deal(
            position, OUT, 1 - position.side, lots, price, reason=reason, magic=magic,
            profit=position.profit(price, lots), swap=self._part_of_swap(position, lots),
        )  # fmt: skip
        self._reduce(position, lots)

    def _close_by(self) -> None:
        """Close two opposite positions by each other: a deal for each, at one price, without a spread."""
        pairs = [
            (one, other)
            for one in self.positions.values()
            for other in self.positions.values()
            if one.instrument is other.instrument and one.side == BUY and other.side == SELL
        ]
        if not pairs:
            return
        one, other = self._chance.choice(pairs)
        lots, order = min(one.lots, other.lots), self._next()
        at, price = self._moment(), other.price
        for position in (one, other):
            self._deal(
                position, OUT_BY, 1 - position.side, lots, price, reason=CLIENT, magic=0,
                profit=position.profit(price, lots), swap=self._part_of_swap(position, lots),
                at=at, order=order,
            )  # fmt: skip
        self._reduce(one, lots)
        self._reduce(other, lots)

    def _part_of_swap(self, position: Position, lots: Decimal) -> Decimal:
        part = position.swap if lots == position.lots else cents(position.swap * lots / position.lots)
        position.swap -= part
        return part

    def _reduce(self, position: Position, lots: Decimal) -> None:
        position.lots -= lots
        if not position.lots:
            del self.positions[position.ticket]
            ticket = position.ticket
            self._news.append(lambda world: world.close_position(ticket))

    def _meet_stops(self) -> None:
        for position in list(self.positions.values()):
            price, sign = self.exit_price(position), 1 if position.side == BUY else -1
            if position.stop_loss and sign * (price - position.stop_loss) <= 0:
                self._close(position, position.lots, BY_STOP_LOSS, position.magic, position.stop_loss)
            elif position.take_profit and sign * (price - position.take_profit) >= 0:
                self._close(position, position.lots, BY_TAKE_PROFIT, position.magic, position.take_profit)

    def _charge_swap(self) -> None:
        """Let every position pay or earn its swap, threefold on a Wednesday."""
        nights = 3 if dt.datetime.fromtimestamp(self._now, NEW_YORK).weekday() == 2 else 1
        for position in self.positions.values():
            sign = 1 if position.side == BUY else Decimal("-0.4")
            position.swap += cents(position.instrument.swap * position.lots * nights * sign)

    def _stop_out(self) -> None:
        """Close the position that has lost most, while equity is below the stop-out level of the margin."""
        while self.positions and self.equity / self.margin * 100 < STOP_OUT:
            worst = min(
                self.positions.values(), key=lambda each: each.profit(self.exit_price(each), each.lots)
            )
            self._close(worst, worst.lots, BY_STOP_OUT, worst.magic)

    # -- orders ----------------------------------------------------------------------------------------

    def _place(self) -> None:
        """Place an order that waits, or end one in any way but by a deal."""
        if self.pending and self._chance.random() < 0.6:
            ticket = self._chance.choice(list(self.pending))
            row = self.pending.pop(ticket)
            state = self._chance.choice((CANCELLED_ORDER, CANCELLED_ORDER, EXPIRED, REJECTED))
            self._end_order({**row, "state": state}, self._moment())
            self._news.append(lambda world: world.drop_order(ticket))
            return
        instrument, ticket = self._pick(), self._next()
        lots = float(LOT * self._chance.randint(1, 60))
        self.pending[ticket] = {
            "ticket": ticket,
            "symbol": instrument.name,
            "type": self._chance.choice((2, 3, 4, 5)),
            "volume_initial": lots,
            "volume_current": lots,
            "price_open": price_of(instrument, self._prices[instrument.name]),
            "magic": self._chance.choice(MAGICS),
            "time_setup": self._server(self._moment()),
        }

    def _end_order(self, row: Row, at: float) -> None:
        done: Row = {**row, "time_done": self._server(at), "time_done_msc": self._server(at) * 1000}
        self.shown_orders.append(Shown(at=self._now, happened=at, row=done))
        self._news.append(lambda world: write_order(world, done))

    # -- deals -----------------------------------------------------------------------------------------

    def _deal(
        self,
        position: Position,
        entry: int,
        kind: int,
        lots: Decimal,
        price: int,
        *,
        reason: int,
        magic: int,
        profit: Decimal = Decimal(0),
        swap: Decimal = Decimal(0),
        at: float = 0.0,
        order: int = 0,
    ) -> None:
        at, order = at or self._moment(), order or self._next()
        row: Row = {
            "ticket": self._next(),
            "order": order,
            "time": self._server(at),
            "type": kind,
            "entry": entry,
            "magic": magic,
            "position_id": position.ticket,
            "reason": reason,
            "volume": float(lots),
            "price": price_of(position.instrument, price),
            "commission": float(
                cents(COMMISSION_PER_LOT * lots) if self._chance.random() < 0.9 else CENT * 31
            ),
            "swap": float(swap),
            "profit": float(profit),
            "fee": self._chance.choice((0.0, 0.0, -0.12, 0.05)),
            "symbol": position.instrument.name,
        }
        order_row: Row = {
            "ticket": order,
            "symbol": position.instrument.name,
            "type": 8 if entry == OUT_BY else kind,
            "state": PARTIAL if self._chance.random() < 0.05 else FILLED,
            "magic": magic,
            "volume_initial": float(lots),
            "reason": reason,
            "time_setup": row["time"],
        }
        if all(shown.row["ticket"] != order for shown in self.shown_orders[-3:]):
            self._end_order(order_row, at)
        self._book(row)
        if self._chance.random() < 0.04:
            # The broker's bridge is slow: the account has it at once, the history only some hours later.
            due = self._now + HOUR * self._chance.randint(1, 5)
            self._withheld.append(Shown(at=due, happened=at, row=row))
        else:
            self._show(row, at)

    def _operate(self, kind: int, amount: Decimal, *, days_ago: float = 0.0, symbol: str = "") -> None:
        """Book what is no trade."""
        at = self._now - 60 - days_ago * 86400
        row: Row = {
            "ticket": self._next(),
            "time": self._server(at),
            "type": kind,
            "profit": float(amount),
            "symbol": symbol,
        }
        self._book(row)
        self._show(row, at)

    def _book(self, row: Row) -> None:
        amounts = [Decimal(str(row.get(name, 0))) for name in ("profit", "commission", "swap", "fee")]
        if row["type"] == CREDIT:
            self.credit += sum(amounts)
        else:
            self.balance += sum(amounts)

    def _show(self, row: Row, happened: float) -> None:
        self.shown.append(Shown(at=self._now, happened=happened, row=row))
        self._news.append(lambda world: write_deal(world, row))

    def _cancel_last_winner(self) -> None:
        """Cancel a deal as a broker does: it is none any more and earns nothing, its profit is taken back."""
        if not self.cancels:
            return
        won = next(
            shown for shown in reversed(self.shown)
            if shown.at < self._now
            and shown.row["type"] in {BUY, SELL}
            and float(str(shown.row["profit"])) > 0
        )  # fmt: skip
        profit = Decimal(str(won.row["profit"]))
        kind = BUY_CANCELLED if won.row["type"] == BUY else SELL_CANCELLED
        self._show({**won.row, "type": kind, "profit": 0.0}, won.happened)
        self._operate(BALANCE, -profit)

    def _show_cancelled(self) -> None:
        """Show a deal that is cancelled before anybody has seen it otherwise."""
        row: Row = {
            "ticket": self._next(),
            "order": self._next(),
            "time": self._server(self._now - 90),
            "type": SELL_CANCELLED,
            "entry": OUT,
            "reason": CLIENT,
            "volume": 0.5,
            "price": 1.05,
            "symbol": "EURUSD",
        }
        self._show(row, self._now - 90)

    def _crash(self) -> None:
        """Buy far too much gold just before it falls."""
        self._open(GOLD, Decimal(11), BUY)
        big = max(self.positions.values(), key=lambda each: each.lots)
        big.stop_loss = 0
        self._prices["XAUUSD"] -= 4300

    # -- the account -----------------------------------------------------------------------------------

    @property
    def floating(self) -> Decimal:
        """Profit and swap of what is open."""
        return sum(
            (each.profit(self.exit_price(each), each.lots) + each.swap for each in self.positions.values()),
            Decimal(0),
        )

    @property
    def equity(self) -> Decimal:
        """What the account is worth, with its credit."""
        return self.balance + self.credit + self.floating

    @property
    def margin(self) -> Decimal:
        """What the positions bind."""
        return sum((each.lots * MARGIN_PER_LOT for each in self.positions.values()), Decimal(0))

    def publish(self, world: World) -> None:
        """Let the terminal show how it stands now."""
        with world.change():
            for news in self._news:
                news(world)
            self._news.clear()
            self.tick(world, self._now)
            world.account(**self.account_row())
            for row in self.position_rows():
                world.position(**row)  # type: ignore[arg-type]
            for order in self.pending.values():
                world.order(**order)  # type: ignore[arg-type]

    def tick(self, world: World, at: float) -> None:
        """Let every symbol have a new tick, at the prices of the hour; a closed market has none."""
        for instrument in INSTRUMENTS:
            bid, ask = (price_of(instrument, price) for price in self.quote(instrument))
            time_msc = int(self.stamp(at, at) * 1000) - 40
            if is_open(at):
                world.tick(instrument.name, time_msc=time_msc, bid=bid, ask=ask)

    def account_row(self) -> Row:
        """Return what `account_info` says."""
        margin = self.margin
        return {
            "login": self.login,
            "margin_mode": 0 if self.netting else 2,
            "balance": float(self.balance),
            "credit": float(self.credit),
            "profit": float(self.floating),
            "equity": float(self.equity),
            "margin": float(margin),
            "margin_free": float(self.equity - margin),
            "margin_level": float(self.equity / margin * 100) if margin else 0.0,
            "margin_so_call": 100.0,
            "margin_so_so": float(STOP_OUT),
        }

    def position_rows(self) -> list[Row]:
        """Return what `positions_get` says."""
        rows: list[Row] = []
        for each in self.positions.values():
            price = self.exit_price(each)
            rows.append(
                {
                    "ticket": each.ticket,
                    "symbol": each.instrument.name,
                    "type": each.side,
                    "volume": float(each.lots),
                    "price_open": price_of(each.instrument, each.price),
                    "price_current": price_of(each.instrument, price),
                    "sl": price_of(each.instrument, each.stop_loss),
                    "tp": price_of(each.instrument, each.take_profit),
                    "profit": float(each.profit(price, each.lots)),
                    "swap": float(each.swap),
                    "magic": each.magic,
                    "time": self._server(each.opened),
                }
            )
        return rows

    def _server(self, at: float) -> int:
        return int(self.stamp(at, self._now))

    def _next(self) -> int:
        self._ticket += 1
        return self._ticket


Event = Callable[[Broker], None]

CALENDAR: Mapping[tuple[bool, float], Event] = {
    (False, utc("04 10:00")): lambda broker: broker._operate(BALANCE, Decimal(5000)),
    (False, utc("05 14:00")): lambda broker: broker._operate(CREDIT, Decimal(1500)),
    (False, utc("06 08:00")): lambda broker: broker._operate(BALANCE, Decimal(-1250)),
    (False, utc("08 12:00")): lambda broker: broker._operate(CORRECTION, Decimal("-17.35"), days_ago=1.5),
    (False, utc("11 10:00")): lambda broker: broker._cancel_last_winner(),
    (False, utc("12 10:00")): lambda broker: broker._operate(CHARGE, Decimal("-49.90")),
    (False, utc("13 14:00")): lambda broker: broker._operate(CREDIT, Decimal(-500)),
    (False, utc("14 08:00")): lambda broker: broker._show_cancelled(),
    (False, utc("18 14:00")): lambda broker: broker._crash(),
    (False, utc("20 08:00")): lambda broker: broker._operate(BALANCE, Decimal(45_000)),
    (False, utc("24 10:00")): lambda broker: broker._operate(CORRECTION, Decimal("204.11"), days_ago=1.5),
    (False, utc("27 10:00")): lambda broker: broker._operate(INTEREST, Decimal("3.07")),
    (True, utc("07 08:00")): lambda broker: broker._operate(BALANCE, Decimal(2000)),
    (True, utc("10 12:00")): lambda broker: broker._operate(DIVIDEND, Decimal("12.40"), symbol="DE40"),
    (True, utc("10 14:00")): lambda broker: broker._operate(TAX, Decimal("-3.27"), symbol="DE40"),
    (True, utc("13 08:00")): lambda broker: broker._cancel_last_winner(),
    (True, utc("25 08:00")): lambda broker: broker._operate(BALANCE, Decimal("-900.01")),
    (True, utc("28 08:00")): lambda broker: broker._operate(MONTHLY_COMMISSION, Decimal("-88.20")),
}
"""What happens once, in an hour of the hedging account (False) or of the netting one (True)."""


def write_deal(world: World, row: Row) -> None:
    """Put a deal into the terminal's history."""
    world.deal(**row)  # type: ignore[arg-type]


def write_order(world: World, row: Row) -> None:
    """Put an order that has ended into the terminal's history."""
    world.past_order(**row)  # type: ignore[arg-type]


def symbols(world: World) -> None:
    """Write what the broker trades."""
    for instrument in INSTRUMENTS:
        digits = -int(instrument.tick.normalize().as_tuple().exponent)
        world.symbol(
            instrument.name,
            digits=digits,
            point=float(instrument.tick),
            trade_tick_size=float(instrument.tick),
            trade_tick_value=float(instrument.value),
        )


def last_rollover(at: float) -> float:
    """Return New York's last 17:00."""
    local = dt.datetime.fromtimestamp(at, NEW_YORK)
    today = local.replace(hour=ROLLOVER, minute=0, second=0, microsecond=0)
    return (today if today <= local else today - dt.timedelta(days=1)).timestamp()


def price_of(instrument: Instrument, ticks: int) -> float:
    """Return ticks as the API writes them."""
    return float(ticks * instrument.tick)


def cents(amount: Decimal) -> Decimal:
    """Return money to the cent."""
    return amount.quantize(CENT, rounding=ROUND_HALF_EVEN)
