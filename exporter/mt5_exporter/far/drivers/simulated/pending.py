"""Orders that wait far from the market until they are cancelled or expire, and the odd rejected one."""

import bisect
from typing import NamedTuple

from mt5_exporter.far.drivers.simulated import noise
from mt5_exporter.far.drivers.simulated.account import Account
from mt5_exporter.far.drivers.simulated.catalogue import CATALOGUE, Symbol
from mt5_exporter.far.drivers.simulated.constants import Constants
from mt5_exporter.far.drivers.simulated.hours import MINUTE_MS
from mt5_exporter.far.drivers.simulated.market import Market
from mt5_exporter.far.drivers.simulated.trades import ticket_of

PERIODS = (241 * MINUTE_MS, 661 * MINUTE_MS, 1567 * MINUTE_MS)
"""Milliseconds of each slot's cycle; a slot has at most one order a cycle."""

KINDS = (
    Constants.ORDER_TYPE_BUY_LIMIT,
    Constants.ORDER_TYPE_SELL_LIMIT,
    Constants.ORDER_TYPE_BUY_STOP,
    Constants.ORDER_TYPE_SELL_STOP,
)
BELOW = frozenset({Constants.ORDER_TYPE_BUY_LIMIT, Constants.ORDER_TYPE_SELL_STOP})
"""The kinds that wait below the market."""

REJECTED, EXPIRED = 0.06, 0.35
"""Bounds of the shares that end so; the rest is cancelled."""


class Pending(NamedTuple):
    """An order from its placing to its end; instants in epoch ms (UTC), volume in lots."""

    ticket: int
    symbol: Symbol
    kind: int
    volume: float
    price: float
    placed: int
    done: int
    """Equal to `placed` for an order that the broker rejected."""
    state: int
    """How it ends."""


class PendingOrders:
    """The orders of one account. It plans as far as it was asked; what it planned never changes."""

    def __init__(self, account: Account, market: Market) -> None:
        self._account = account
        self._market = market
        self._cycles = [0] * len(PERIODS)
        self._orders: list[Pending] = []

    def waiting(self, instant: int) -> list[Pending]:
        """Return the orders that wait at an instant (epoch ms, UTC), oldest first."""
        return [order for order in self._placed(instant) if order.done > instant]

    def finished(self, instant: int) -> list[Pending]:
        """Return the orders that ended up to an instant, by the time of their placing."""
        return [order for order in self._placed(instant) if order.done <= instant]

    def _placed(self, instant: int) -> list[Pending]:
        for slot, period in enumerate(PERIODS):
            while self._account.opened + self._cycles[slot] * period <= instant:
                order = plan_order(self._account, self._market, slot, self._cycles[slot])
                if order is not None:
                    bisect.insort(self._orders, order, key=lambda order: (order.placed, order.ticket))
                self._cycles[slot] += 1
        return self._orders[: bisect.bisect_right(self._orders, instant, key=lambda order: order.placed)]


def plan_order(account: Account, market: Market, slot: int, cycle: int) -> Pending | None:
    """Return the order of one cycle, to its end, or None when its market is closed."""
    key = noise.derive_key(account.seed, "order", slot, cycle)
    period = PERIODS[slot]
    start = account.opened + cycle * period
    symbol = CATALOGUE[account.symbols[int(noise.unit(key, 0) * len(account.symbols))]]
    placed = start + round(0.2 * noise.unit(key, 1) * period)
    if not symbol.hours.is_open(placed):
        return None
    fate = noise.unit(key, 2)
    kind = KINDS[noise.bits(key, 3) % len(KINDS)]
    quote = market.quote(symbol.name, placed)
    # So far away that the market does not come by within the order's life.
    distance = quote.bid * symbol.volatility * (4.0 + 3.0 * noise.unit(key, 4))
    price = symbol.rounded(quote.bid - distance if kind in BELOW else quote.ask + distance)
    done = start + round((0.5 + 0.45 * noise.unit(key, 5)) * period)
    state = Constants.ORDER_STATE_CANCELED
    if fate < REJECTED:
        state, done = Constants.ORDER_STATE_REJECTED, placed
        kind = Constants.ORDER_TYPE_BUY if kind in BELOW else Constants.ORDER_TYPE_SELL
        price = quote.ask if kind == Constants.ORDER_TYPE_BUY else quote.bid
    elif fate < EXPIRED:
        # Expirations are set to full seconds.
        state, done = Constants.ORDER_STATE_EXPIRED, done // 1000 * 1000
    return Pending(
        ticket=ticket_of(account.opened, placed, 64 + slot * 16 + cycle % 16),
        symbol=symbol,
        kind=kind,
        volume=round(symbol.volume_min * (1 + noise.bits(key, 6) % 5), 2),
        price=price,
        placed=placed,
        done=done,
        state=state,
    )
