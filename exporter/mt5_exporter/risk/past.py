"""What an account was worth in the past, as its deals tell: from what it is worth now, walked back."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

LOT_NOISE = 1e-6
"""Lots; the smallest step of any broker is a thousand times that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One deal.

    Attributes:
        at: Unix time.
        money: What it changed the balance by: profit, commission, swap and fee, or a deposit.
        flow: How much of that is a deposit, or a withdrawal where it is negative.
        position: The position that it changed, 0 for none.
        lots: What it added to that position, negative for a sale.
    """

    at: float
    money: float
    flow: float = 0.0
    position: int = 0
    lots: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """An account's balance, and the flows counted, after a moment's deals."""

    at: float
    balance: float
    flows: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The deals since a moment, oldest first, and where they led.

    Attributes:
        since: Unix time from which no deal is missing.
        balance: Now.
        flows: Now.
        held: Lots of each open position now, negative for a sold one.
    """

    since: float
    entries: tuple[Entry, ...]
    balance: float
    flows: float
    held: Mapping[int, float]

    def before(self, at: float) -> Level:
        """Return the account just before `at`; what happens at a reset belongs to the new day."""
        later = [entry for entry in self.entries if entry.at >= at]
        return Level(
            at=at,
            balance=self.balance - sum(entry.money for entry in later),
            flows=self.flows - sum(entry.flow for entry in later),
        )

    def was_flat(self, at: float) -> bool:
        """Return whether the deals prove that no position was open just before `at`."""
        lots = dict(self.held)
        for entry in self.entries:
            if entry.at >= at and entry.position:
                lots[entry.position] = lots.get(entry.position, 0.0) - entry.lots
        return all(abs(held) < LOT_NOISE for held in lots.values())

    def without_flows(self) -> "Past":
        """Return the same past, in which a deposit is money like any other."""
        return replace(self, flows=0.0, entries=tuple(replace(entry, flow=0.0) for entry in self.entries))

    def levels(self) -> Iterator[Level]:
        """Return the balance after each deal."""
        level = self.before(self.since)
        for entry in self.entries:
            level = Level(at=entry.at, balance=level.balance + entry.money, flows=level.flows + entry.flow)
            yield level
