"""The round trips that an account's strategies make, each a pure function of (account, slot, cycle)."""

import math
from typing import NamedTuple

from mt5_exporter.far.drivers.simulated import noise
from mt5_exporter.far.drivers.simulated.account import LEVERAGE, Account
from mt5_exporter.far.drivers.simulated.catalogue import CATALOGUE, Symbol
from mt5_exporter.far.drivers.simulated.constants import Constants
from mt5_exporter.far.drivers.simulated.hours import MINUTE_MS
from mt5_exporter.far.drivers.simulated.market import Market, Quote, rate

BUY, SELL = Constants.POSITION_TYPE_BUY, Constants.POSITION_TYPE_SELL
ACTIVE = 0.85
"""Share of cycles in which a strategy trades."""
SKILL = 0.55
"""Share of trades that would win at their planned end; the rest of a random walk only pays spreads."""
LOOKS = 40
"""How often between opening and planned end the broker looks whether a stop is reached."""
FIRST_TICKET = 50_000_000


class Strategy(NamedTuple):
    """One slot of an account: at most one trade a cycle."""

    period: int
    """Milliseconds of a cycle."""
    magic: int
    comment: str
    stop_loss: float = 0.95
    """Share of its trades that have a stop loss."""
    take_profit: float = 0.8

    @property
    def by_hand(self) -> bool:
        """Tell whether a person trades here and no expert advisor."""
        return self.magic == 0


# Periods without a common measure: otherwise all of them would rest at the same hours of each day.
STRATEGIES = (
    Strategy(period=97 * MINUTE_MS, magic=1001, comment="scalper"),
    Strategy(period=187 * MINUTE_MS, magic=1002, comment="breakout"),
    Strategy(period=311 * MINUTE_MS, magic=1003, comment="reversion"),
    Strategy(period=547 * MINUTE_MS, magic=0, comment="", stop_loss=0.5, take_profit=0.3),
    Strategy(period=251 * MINUTE_MS, magic=1004, comment="session"),
    Strategy(period=1213 * MINUTE_MS, magic=1005, comment="trend", take_profit=0.4),
    Strategy(period=1993 * MINUTE_MS, magic=1006, comment="swing", take_profit=0.6),
)


class Trade(NamedTuple):
    """A position from its opening to its end; instants in epoch ms (UTC), money in the deposit currency."""

    ticket: int
    closing_ticket: int
    strategy: Strategy
    symbol: Symbol
    side: int
    volume: float
    opened: int
    price_open: float
    stop_loss: float
    take_profit: float
    closed: int
    price_close: float
    close_reason: int
    commission: float
    """Booked at either end."""
    swap: float
    profit: float

    def exit_price(self, quote: Quote) -> float:
        """Return the price at which this side would close."""
        return quote.bid if self.side == BUY else quote.ask


def ticket_of(opened: int, instant: int, number: int) -> int:
    """Return a ticket that grows with time; `number`, below 128, keeps those of one second apart."""
    return FIRST_TICKET + (instant - opened) // 1000 * 128 + number


def profit_of(symbol: Symbol, side: int, volume: float, move: float, value: float) -> float:
    """Return what a move of the price earns; `value` is the worth of the profit currency."""
    return (move if side == BUY else -move) * symbol.contract * volume * value


def swap_of(symbol: Symbol, side: int, volume: float, nights: int, value: float) -> float:
    """Return what holding over some nights earns; `value` is the worth of the profit currency."""
    points = symbol.swap_long if side == BUY else symbol.swap_short
    return nights * points * symbol.point * symbol.contract * volume * value


def margin_of(symbol: Symbol, volume: float, price: float, value: float) -> float:
    """Return the margin of a position; `value` is the worth of the profit currency."""
    return symbol.contract * volume * price / min(LEVERAGE, symbol.leverage) * value


def plan_trade(account: Account, market: Market, slot: int, cycle: int) -> Trade | None:
    """Return what a strategy does in one of its cycles, to the end, or None when it sits the cycle out."""
    strategy = STRATEGIES[slot]
    key = noise.derive_key(account.seed, "trade", slot, cycle)
    start = account.opened + cycle * strategy.period
    symbol = CATALOGUE[account.symbols[int(noise.unit(key, 1) * len(account.symbols))]]
    opened = start + round((0.02 + 0.20 * noise.unit(key, 2)) * strategy.period)
    if noise.unit(key, 0) >= ACTIVE or not symbol.hours.is_open(opened):
        return None
    planned = _while_open(symbol, start + round((0.55 + 0.42 * noise.unit(key, 3)) * strategy.period), key)
    quotes = market.quotes(opened)
    entry, end = quotes(symbol.name), market.quote(symbol.name, planned)
    side = BUY if (end.bid > entry.ask) == (noise.unit(key, 4) < SKILL) else SELL
    price = entry.ask if side == BUY else entry.bid
    stops = _stops(strategy, symbol, key, side, price)
    closed, reason = _end(market, symbol, side, stops, opened=opened, planned=planned)
    if closed == planned and strategy.by_hand:
        reason = Constants.DEAL_REASON_CLIENT
    closing = market.quotes(closed)
    price_close = closing(symbol.name).bid if side == BUY else closing(symbol.name).ask
    volume = _volume(account, symbol, price * rate(quotes, symbol.profit, account.currency), key)
    value = rate(closing, symbol.profit, account.currency)
    number = (slot * 4 + cycle % 4) * 2
    return Trade(
        ticket=ticket_of(account.opened, opened, number),
        closing_ticket=ticket_of(account.opened, closed, number + 1),
        strategy=strategy,
        symbol=symbol,
        side=side,
        volume=volume,
        opened=opened,
        price_open=price,
        stop_loss=stops[0],
        take_profit=stops[1],
        closed=closed,
        price_close=price_close,
        close_reason=reason,
        commission=account.money(-symbol.commission * volume * rate(quotes, "USD", account.currency)),
        swap=account.money(swap_of(symbol, side, volume, symbol.hours.nights(opened, closed), value)),
        profit=account.money(profit_of(symbol, side, volume, price_close - price, value)),
    )


def _while_open(symbol: Symbol, instant: int, key: int) -> int:
    """Return an instant at which the symbol trades: itself, or some minutes after the next opening."""
    reopening = symbol.hours.next_open(instant)
    return instant if reopening == instant else reopening + 5000 + noise.bits(key, 5) % 900_000


def _stops(strategy: Strategy, symbol: Symbol, key: int, side: int, price: float) -> tuple[float, float]:
    """Return stop loss and take profit, 0.0 for one that is not set."""
    usual = price * symbol.volatility * math.sqrt(strategy.period / 1000.0 / noise.DAY)
    distance = max(usual, 5.0 * symbol.spread * symbol.point) * (1.0 if side == BUY else -1.0)
    loss = symbol.rounded(price - distance * (0.6 + noise.unit(key, 6)))
    gain = symbol.rounded(price + distance * (0.6 + 1.2 * noise.unit(key, 7)))
    return (
        loss if noise.unit(key, 8) < strategy.stop_loss else 0.0,
        gain if noise.unit(key, 9) < strategy.take_profit else 0.0,
    )


def _end(
    market: Market, symbol: Symbol, side: int, stops: tuple[float, float], *, opened: int, planned: int
) -> tuple[int, int]:
    """Return when a trade ends and why: at a stop, or as planned."""
    direction = 1.0 if side == BUY else -1.0
    stop_loss, take_profit = stops
    pace = (planned - opened) // LOOKS
    for instant in range(opened + pace, planned, pace):
        if not symbol.hours.is_open(instant):
            continue
        quote = market.quote(symbol.name, instant)
        price = quote.bid if side == BUY else quote.ask
        if stop_loss and direction * (price - stop_loss) <= 0.0:
            return instant, Constants.DEAL_REASON_SL
        if take_profit and direction * (price - take_profit) >= 0.0:
            return instant, Constants.DEAL_REASON_TP
    return planned, Constants.DEAL_REASON_EXPERT


def _volume(account: Account, symbol: Symbol, worth: float, key: int) -> float:
    """Return the lots of a trade, 20 to 150 percent of the deposit; `worth` is that of one unit."""
    lots = account.deposit * (0.2 + 1.3 * noise.unit(key, 10)) / (symbol.contract * worth)
    steps = round(lots / symbol.volume_step)
    return round(min(max(steps * symbol.volume_step, symbol.volume_min), symbol.volume_max), 2)
