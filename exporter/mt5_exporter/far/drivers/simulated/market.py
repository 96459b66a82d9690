"""Quotes, ticks and conversion rates at any instant, without what came before it."""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

from mt5_exporter.far.drivers.simulated import noise
from mt5_exporter.far.drivers.simulated.catalogue import CATALOGUE, IN_DOLLARS, Symbol
from mt5_exporter.far.drivers.simulated.clock import DAY_MS, server_time, utc_time

MIDNIGHT_MS = 15 * 60_000
"""Within this of the broker's midnight spreads are wide."""

NEWS_EVERY = 3600.0
NEWS_SHARE = 0.06
"""In this share of hours a piece of news widens the spread for a while."""


class Quote(NamedTuple):
    """A tick: bid and ask from an instant on, in epoch milliseconds, UTC."""

    instant: int
    bid: float
    ask: float


Quotes = Callable[[str], Quote]
"""Gives a symbol's quote as someone sees it at one instant."""


class Day(NamedTuple):
    """A broker's day so far: its extremes and where it and the one before it ended."""

    bid_high: float
    bid_low: float
    open: float
    previous_close: float


class Market:
    """The prices of one seed. It keeps what it computed last, which never changes an answer."""

    def __init__(self, seed: int) -> None:
        self._walks = {name: noise.Walk.of(noise.derive_key(seed, name)) for name in CATALOGUE}
        self._tick_keys = {name: noise.derive_key(seed, name, "ticks") for name in CATALOGUE}
        self._spread_keys = {name: noise.derive_key(seed, name, "spread") for name in CATALOGUE}
        self._last: dict[str, Quote] = {}
        self._sampled = functools.lru_cache(maxsize=64)(self.quote)

    def quote(self, name: str, instant: int) -> Quote:
        """Return a symbol's latest tick at or before an instant (epoch ms, UTC).

        A closed market keeps showing its last one.
        """
        symbol = CATALOGUE[name]
        ticked = self._tick_instant(symbol, instant)
        last = self._last.get(name)
        if last is not None and last.instant == ticked:
            return last
        middle = self._middle(symbol, ticked / 1000.0)
        steps = max(1, round(self._spread(symbol, ticked) * symbol.point / symbol.step))
        bid = symbol.rounded(middle - steps * symbol.step / 2.0)
        quote = Quote(instant=ticked, bid=bid, ask=symbol.rounded(bid + steps * symbol.step))
        self._last[name] = quote
        return quote

    def quotes(self, instant: int) -> Quotes:
        """Return every symbol's quote at one instant."""
        return lambda name: self.quote(name, instant)

    def day(self, name: str, instant: int) -> Day:
        """Return the day of a symbol's latest tick, up to it, from a sample every half hour."""
        instant = self.quote(name, instant).instant
        midnight = utc_time(server_time(instant) // DAY_MS * DAY_MS)
        half_hours = range(midnight, instant + 1, 30 * 60_000)
        # The first sample still shows the evening before.
        previous, *samples = [self._sampled(name, at) for at in half_hours]
        bids = [quote.bid for quote in samples if quote.instant >= midnight]
        bids.append(self.quote(name, instant).bid)
        return Day(bid_high=max(bids), bid_low=min(bids), open=bids[0], previous_close=previous.bid)

    def _tick_instant(self, symbol: Symbol, instant: int) -> int:
        """Return when the latest tick at or before an instant came.

        Each stretch of `tick_every` holds one tick at a hashed place, so ticks come 0 to 2 stretches apart.
        """
        key, every = self._tick_keys[symbol.name], symbol.tick_every
        while True:
            start, end = symbol.hours.session(instant)
            instant = min(instant, end - 1)
            index = instant // every
            ticked = index * every + noise.bits(key, index) % every
            if ticked > instant:
                index -= 1
                ticked = index * every + noise.bits(key, index) % every
            if ticked >= start:
                return ticked
            # Just opened: the evening before still shows.
            instant = start - 1

    def _middle(self, symbol: Symbol, seconds: float) -> float:
        if symbol.legs is not None:
            over, under = (self._middle(CATALOGUE[leg], seconds) for leg in symbol.legs)
            return over / under
        return symbol.price * math.exp(symbol.volatility * self._walks[symbol.name].at(seconds))

    def _spread(self, symbol: Symbol, instant: int) -> float:
        """Return the spread in points."""
        key, seconds = self._spread_keys[symbol.name], instant / 1000.0
        factor = 1.0 + 0.3 * noise.smooth(key, 20.0, seconds) + 0.2 * noise.smooth(key + 1, 900.0, seconds)
        if noise.unit(key + 2, int(seconds // NEWS_EVERY)) < NEWS_SHARE:
            factor += 1.5 * max(0.0, noise.smooth(key + 3, 300.0, seconds))
        from_midnight = (server_time(instant) + DAY_MS // 2) % DAY_MS - DAY_MS // 2
        nearness = max(0.0, 1.0 - abs(from_midnight) / MIDNIGHT_MS)
        return symbol.spread * (factor + (symbol.widening - 1.0) * nearness)


def rate(quotes: Quotes, currency: str, deposit: str) -> float:
    """Return how many units of the deposit currency one unit of `currency` is worth."""
    return 1.0 if currency == deposit else _dollars(quotes, currency) / _dollars(quotes, deposit)


def _dollars(quotes: Quotes, currency: str) -> float:
    name, direction = IN_DOLLARS[currency]
    if direction == 0:
        return 1.0
    quote = quotes(name)
    return float(((quote.bid + quote.ask) / 2.0) ** direction)


def tick_value(symbol: Symbol, quotes: Quotes, deposit: str) -> float:
    """Return what one step of the price is worth for one lot, in the deposit currency."""
    return symbol.step * symbol.contract * rate(quotes, symbol.profit, deposit)
