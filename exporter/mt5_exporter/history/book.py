"""One account's book: its totals and facts, for every terminal that is logged in to it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mt5_exporter.catalogue import Metric, Sample
from mt5_exporter.history.deals import FLOWS, STOP_OUT, balance_units, flow_units, kind_of, money_units
from mt5_exporter.history.follower import Follower, Window
from mt5_exporter.history.money import amount
from mt5_exporter.history.rows import DealRow, Identity
from mt5_exporter.history.source import DEALS, END, ORDERS, no_data, value
from mt5_exporter.history.sums import left_out
from mt5_exporter.lease import count, parse
from mt5_exporter.link import Call
from mt5_exporter.model import Account
from mt5_exporter.store import Change, Saved, StateStore
from mt5_exporter.threads import off_loop

if TYPE_CHECKING:
    # It hands out the books.
    from mt5_exporter.round import Round

TRIES = 4
"""How often deals that come while an account is looked at are read, before it is too busy to be looked at."""

WAIT = 1.0
"""Seconds that a terminal waits for another one that reads the same account's history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """An account at a moment at which its book knew all its deals."""

    account: Account
    book: "Book"


class Book:
    """One account's. One terminal at a time reads; the totals are the same for all.

    Args:
        account: Whose.
        key: Its name in the store.
        store: Where changes are kept.
        saved: What was kept.
    """

    def __init__(self, account: Identity, key: str, store: StateStore, saved: Saved) -> None:
        self.account = account
        self._key = key
        self._store = store
        self._saved = saved
        self._turn = asyncio.Lock()
        self._deals = Follower(DEALS, account, saved, self._commit)
        self._orders = Follower(ORDERS, account, saved, self._commit)
        self._earned: dict[int, tuple[int, int]] = {}
        self._earned_since: int | None = None
        self._version = 0
        self._samples: dict[tuple[str, tuple[Metric, ...]], tuple[int, Sequence[Sample]]] = {}

    # -- what it tells --------------------------------------------------------------------------------------

    @property
    def facts(self) -> Mapping[str, object]:
        """Plain JSON by name, as it was remembered."""
        return self._saved.facts

    @property
    def flows(self) -> float:
        """What was deposited, less what was withdrawn, since the baseline; in the deposit currency."""
        return amount(self._saved.totals.get((FLOWS, ()), 0))

    @property
    def since(self) -> float | None:
        """Unix time of the baseline, None before it."""
        mark = self._deals.mark
        return mark.since if mark else None

    @property
    def last_stop_out(self) -> float:
        """Unix time at which the last stop-out was first seen, 0 before any."""
        at = self._saved.facts.get(STOP_OUT)
        return at if isinstance(at, (int, float)) else 0.0

    @property
    def left_out(self) -> int:
        """How many symbols have no series of their own."""
        return len(left_out(self._saved))

    def total(self, metric: Metric, *labels: str) -> float:
        """Return a total, 0 where nothing was counted; `labels` without the terminal."""
        return amount(self._saved.totals.get((metric.name, labels), 0))

    def samples(self, terminal: str, metrics: tuple[Metric, ...]) -> Sequence[Sample]:
        """Return every total of some metrics as one terminal's."""
        version, samples = self._samples.get((terminal, metrics), (-1, ()))
        if version != self._version:
            by_name = {metric.name: metric for metric in metrics}
            samples = tuple(
                Sample(by_name[name], (terminal, *labels), amount(whole))
                for (name, labels), whole in self._saved.totals.items()
                if name in by_name
            )
            self._samples[terminal, metrics] = self._version, samples
        return samples

    def earned_since(self, start: float) -> float | None:
        """Return what trades earned from a server's time on, less their costs; None if not all are known."""
        if self._earned_since is None or start < self._earned_since:
            return None
        return amount(sum(money for time, money in self._earned.values() if time >= start))

    # -- what it learns -------------------------------------------------------------------------------------

    async def follow_deals(self, asked: "Round") -> None:
        """Take over the deals that are new.

        Raises:
            MT5Error: They cannot be had; nothing has changed.
        """
        async with self._reading(asked):
            await self._follow_deals(asked)

    async def follow_orders(self, asked: "Round") -> None:
        """Take over the orders that ended since the last time; raises what `follow_deals` raises."""
        async with self._reading(asked):
            await self._orders.follow(asked)

    async def observe(self, asked: "Round") -> Observed:
        """Return the account at a moment at which all its deals have been taken over.

        Raises:
            MT5DataError: The baseline is still to come, or deals come faster than they can be read.
            MT5Error: The terminal does not answer.
        """
        async with self._reading(asked):
            for _ in range(TRIES):
                window = self._deals.window(asked.terminal.name)
                account = await self._look(asked, window) if window else None
                if account is not None:
                    return Observed(account=account, book=self)
                await self._follow_deals(asked)
                if self._deals.mark is None:
                    raise no_data("its history is not known yet", asked.terminal.name)
        raise no_data("its deals come faster than they can be read", asked.terminal.name)

    async def remember(self, facts: Mapping[str, object]) -> None:
        """Keep plain JSON by name.

        Raises:
            TypeError, ValueError: Something is no plain JSON.
        """
        await self._commit(Change(facts=facts))

    async def deals_since(self, asked: "Round", start: float) -> list[DealRow]:
        """Return every deal from a server's time on, oldest first, whether or not it was counted.

        Raises:
            MT5Error: They cannot be had.
        """
        rows = await self._deals.history(asked).rows(int(start))
        return sorted(rows, key=lambda row: (row.time, row.time_msc, row.ticket))

    async def money_since(self, asked: "Round", start: float) -> tuple[float, float]:
        """Return what the deals from a server's time on changed the balance by, and the flows among that.

        Raises:
            MT5Error: They cannot be had.
        """
        rows = await self.deals_since(asked, start)
        return amount(sum(map(balance_units, rows))), amount(sum(map(flow_units, rows)))

    # -- behind it ------------------------------------------------------------------------------------------

    async def _follow_deals(self, asked: "Round") -> None:
        rows = await self._deals.follow(asked)
        window = self._deals.window(asked.terminal.name)
        if rows is None or window is None:
            return
        self._earned = await off_loop(len(rows), earned, rows, self._earned, window.start)
        self._earned_since = window.start

    async def _look(self, asked: "Round", window: Window) -> Account | None:
        """Return the account if all deals are known both before and after it is looked at."""
        total = Call(function="history_deals_total", args=(window.start, END))
        look = Call(function="account_info", struct=Account)
        before, seen, after = await asked.ask([total, look, total])
        name = asked.terminal.name
        account = parse(Account, look, value(seen), name)
        if (account.login, account.server) != (self.account.login, self.account.server):
            raise no_data("the terminal has gone over to another account", name)
        found = {count(total, value(answer), name) for answer in (before, after)}
        return account if found == {window.total} else None

    async def _commit(self, change: Change) -> None:
        # Before anything of it is told: whether or not the file could be written, the book goes on.
        await self._store.commit(self._key, change)
        self._version += 1

    @asynccontextmanager
    async def _reading(self, asked: "Round") -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(WAIT):
                await self._turn.acquire()
        except TimeoutError:
            raise no_data("another terminal reads this account's history", asked.terminal.name) from None
        try:
            yield
        finally:
            self._turn.release()


def earned(
    rows: Sequence[DealRow], before: Mapping[int, tuple[int, int]], start: int
) -> dict[int, tuple[int, int]]:
    """Return, by ticket, the server's time of each trade and what it earned, its costs included, in units.

    Args:
        rows: The deals from `start` on, as a terminal has them.
        before: What was returned last: a trade that another terminal had counts, unless it was cancelled.
        start: The server's time from which on trades are wanted.
    """
    read = {row.ticket for row in rows}
    kept = {t: entry for t, entry in before.items() if entry[0] >= start and t not in read}
    return kept | {row.ticket: (row.time, money_units(row)) for row in rows if kind_of(row).side}
