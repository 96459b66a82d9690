"""What a terminal sees at one instant: its market, its account, and the faults that change the picture."""

from typing import NamedTuple

from mt5_exporter.far.drivers.simulated import noise
from mt5_exporter.far.drivers.simulated.account import Account, Scenario
from mt5_exporter.far.drivers.simulated.clock import ServerClock, server_time
from mt5_exporter.far.drivers.simulated.faults import Schedule
from mt5_exporter.far.drivers.simulated.ledger import Ledger
from mt5_exporter.far.drivers.simulated.market import Market, Quote, Quotes, rate
from mt5_exporter.far.drivers.simulated.pending import PendingOrders

SHIFT = 3600.0
"""Seconds by which `clock_shift` moves the broker's clock where it is not told."""


class Book(NamedTuple):
    """One account with all that happened on it."""

    account: Account
    ledger: Ledger
    pending: PendingOrders


class Moment(NamedTuple):
    """A terminal's view at one instant; nothing in it changes."""

    seed: int
    instant: int
    """What it knows ends here, in epoch milliseconds (UTC): now, or when it lost its trade server."""
    book: Book
    market: Market
    quotes: Quotes
    clock: ServerClock
    connected: bool
    algo_trading: bool

    @property
    def account(self) -> Account:
        """Return the account that the terminal is logged in to."""
        return self.book.account

    def worth(self, currency: str) -> float:
        """Return how many units of the deposit currency one unit of `currency` is worth."""
        return rate(self.quotes, currency, self.account.currency)


class World:
    """A scenario's market and accounts, kept as far as they were computed."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._market = Market(noise.derive_key(scenario.seed, "market"))
        self._own = self._book(scenario.account)
        self._other = self._book(scenario.account.other())

    def at(self, now: int, schedule: Schedule) -> Moment:
        """Return what the terminal sees at an instant (epoch ms, UTC) under a schedule of faults."""
        book = self._other if schedule.active("account_switch", now) else self._own
        instant = self._not_before_opening(schedule.frozen_at("disconnected", now), now)
        return Moment(
            seed=self.scenario.seed,
            instant=instant,
            book=book,
            market=self._market,
            quotes=self._quotes(instant, schedule),
            clock=_clock(schedule),
            connected=not schedule.active("disconnected", now),
            algo_trading=not schedule.active("algo_off", now),
        )

    def _quotes(self, instant: int, schedule: Schedule) -> Quotes:
        def quote(name: str) -> Quote:
            stopped = schedule.frozen_at("stale_ticks", instant, name)
            return self._market.quote(name, self._not_before_opening(stopped, instant))

        return quote

    def _not_before_opening(self, stopped: int, now: int) -> int:
        """Return when time stopped: a fault without a start is as old as the account."""
        return min(now, max(stopped, self.scenario.account.opened))

    def _book(self, account: Account) -> Book:
        return Book(
            account=account,
            ledger=Ledger(account, self._market),
            pending=PendingOrders(account, self._market),
        )


def _clock(schedule: Schedule) -> ServerClock:
    """Return the broker's clock; what happened while it was shifted keeps its shifted time."""
    if not any(fault.name == "clock_shift" for fault in schedule.faults):
        return server_time

    def shifted(instant: int) -> int:
        active = schedule.active("clock_shift", instant)
        shift = sum(SHIFT if fault.seconds is None else fault.seconds for fault in active)
        return server_time(instant) + round(shift * 1000.0)

    return shifted
