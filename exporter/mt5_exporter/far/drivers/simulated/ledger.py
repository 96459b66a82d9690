"""An account's book: its deals so far, its balance and its open trades at any instant."""

import bisect
import itertools
from typing import NamedTuple

from mt5_exporter.far.drivers.simulated.account import Account
from mt5_exporter.far.drivers.simulated.constants import Constants
from mt5_exporter.far.drivers.simulated.market import Market
from mt5_exporter.far.drivers.simulated.trades import FIRST_TICKET, STRATEGIES, Trade, plan_trade

FIRST_DEAL = 20_000_000
"""Deals have numbers of their own: mistaking one for its order must not go unnoticed."""


class Deal(NamedTuple):
    """One entry of the book; `trade` is None for the deposit."""

    instant: int
    """Epoch milliseconds, UTC."""
    ticket: int
    trade: Trade | None
    entry: int
    amount: float
    """By how much it changes the balance."""


class Ledger:
    """The book of one account. It plans as far as it was asked; what it planned never changes."""

    def __init__(self, account: Account, market: Market) -> None:
        self.account = account
        self._market = market
        self._cycles = [0] * len(STRATEGIES)
        self._deals = [_deposit(account)]
        self._instants: list[int] = []
        self._balances: list[float] = []
        self._trades: list[Trade] = []
        self._ends: list[int] = []
        self._index()

    def deals(self, instant: int) -> list[Deal]:
        """Return the deals up to an instant (epoch ms, UTC), oldest first."""
        self._plan(instant)
        return self._deals[: bisect.bisect_right(self._instants, instant)]

    def balance(self, instant: int) -> float:
        """Return the sum of all deals up to an instant, 0.0 before the deposit."""
        self._plan(instant)
        known = bisect.bisect_right(self._instants, instant)
        return self.account.money(self._balances[known - 1]) if known else 0.0

    def open_trades(self, instant: int) -> list[Trade]:
        """Return the trades that are open at an instant, oldest first."""
        self._plan(instant)
        unfinished = self._trades[bisect.bisect_right(self._ends, instant) :]
        return sorted(
            (trade for trade in unfinished if trade.opened <= instant), key=lambda trade: trade.ticket
        )

    def started_trades(self, instant: int) -> list[Trade]:
        """Return every trade opened up to an instant, closed ones too."""
        self._plan(instant)
        return [trade for trade in self._trades if trade.opened <= instant]

    def _plan(self, instant: int) -> None:
        """Plan every cycle that began at or before an instant."""
        planned: list[Trade] = []
        for slot, strategy in enumerate(STRATEGIES):
            while self.account.opened + self._cycles[slot] * strategy.period <= instant:
                trade = plan_trade(self.account, self._market, slot, self._cycles[slot])
                if trade is not None:
                    planned.append(trade)
                self._cycles[slot] += 1
        if planned:
            self._trades += planned
            self._deals += [deal for trade in planned for deal in _deals_of(trade)]
            self._index()

    def _index(self) -> None:
        self._deals.sort(key=lambda deal: (deal.instant, deal.ticket))
        self._instants = [deal.instant for deal in self._deals]
        self._balances = list(itertools.accumulate(deal.amount for deal in self._deals))
        self._trades.sort(key=lambda trade: (trade.closed, trade.ticket))
        self._ends = [trade.closed for trade in self._trades]


def _deposit(account: Account) -> Deal:
    return Deal(
        instant=account.opened,
        ticket=FIRST_DEAL - 1,
        trade=None,
        entry=Constants.DEAL_ENTRY_IN,
        amount=account.money(account.deposit),
    )


def _deals_of(trade: Trade) -> tuple[Deal, Deal]:
    return (
        Deal(
            instant=trade.opened,
            ticket=trade.ticket - FIRST_TICKET + FIRST_DEAL,
            trade=trade,
            entry=Constants.DEAL_ENTRY_IN,
            amount=trade.commission,
        ),
        Deal(
            instant=trade.closed,
            ticket=trade.closing_ticket - FIRST_TICKET + FIRST_DEAL,
            trade=trade,
            entry=Constants.DEAL_ENTRY_OUT,
            amount=trade.commission + trade.swap + trade.profit,
        ),
    )
