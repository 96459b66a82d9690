"""How an account stands against a rule, or why nobody can say."""

from dataclasses import dataclass
from enum import StrEnum

from mt5_exporter.risk.rules import Limit

DECIMALS = 8
"""Of money: a bitcoin has as many, and adding floats makes less noise."""

NOISE = 1e-6
"""Money that is no difference between two sums of deals."""


class Source(StrEnum):
    """How an anchor came: seen then, told by the deals since, configured, or simply what was there first."""

    OBSERVED = "observed"
    REBUILT = "rebuilt"
    CONFIGURED = "configured"
    FIRST_SEEN = "first_seen"


class Reason(StrEnum):
    """Why a rule has no value.

    NO_BASELINE: the account's history has not been taken over yet.
    MISSED: nobody saw the account at a reset, and its deals cannot tell what its equity was.
    SERVER_CLOCK_UNKNOWN: the deals cannot be placed in time.
    HISTORY_UNAVAILABLE: the deals could not be had, or reach too far back.
    NO_MONEY: there is nothing to lose.
    """

    NO_BASELINE = "no_baseline"
    MISSED = "missed"
    SERVER_CLOCK_UNKNOWN = "server_clock_unknown"
    HISTORY_UNAVAILABLE = "history_unavailable"
    NO_MONEY = "no_money"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A rule's values, in the deposit currency.

    Attributes:
        loss: From the anchor, 0 above it.
        allowed: What may be lost from there.
        anchor: With what was deposited and withdrawn since it was made.
        at: Unix time at which the anchor was made.
        source: How.
    """

    loss: float
    allowed: float
    anchor: float
    at: float
    source: Source

    @property
    def used(self) -> float:
        """The share that is lost; from 1 on the rule is broken."""
        return self.loss / self.allowed


@dataclass(frozen=True, slots=True)
class Unavailable:
    """There is no value now."""

    reason: Reason


def stand(*, anchor: float, limit: Limit, value: float, at: float, source: Source) -> Standing | Unavailable:
    """Return how `value` stands to `anchor`."""
    anchor = round(anchor, DECIMALS)
    allowed = round(limit.of(anchor), DECIMALS)
    if anchor <= 0 or allowed <= 0:
        return Unavailable(Reason.NO_MONEY)
    loss = round(max(0.0, anchor - value), DECIMALS)
    return Standing(loss=loss, allowed=allowed, anchor=anchor, at=at, source=source)
