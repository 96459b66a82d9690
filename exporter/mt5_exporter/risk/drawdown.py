"""The maximum drawdown, as a state machine: its state is the mark that the loss counts from."""

import math
from dataclasses import dataclass, replace

from mt5_exporter.risk.days import Day
from mt5_exporter.risk.observation import Observation
from mt5_exporter.risk.opening import opening
from mt5_exporter.risk.past import Past
from mt5_exporter.risk.rules import DrawdownRule, Kind, Measure
from mt5_exporter.risk.standing import NOISE, Reason, Source, Standing, Unavailable, stand

STRIDE = 60.0
"""Seconds after which the deals are searched for peaks of the balance that no observation has met."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a drawdown counts from.

    Attributes:
        value: Money, as it was at the time.
        flows: Counted then.
        at: Unix time at which it was made.
        source: How.
        began: Flows that had been counted when the account was first seen; a lock moves with those since.
        through: Unix time up to which nothing is missing in it.
        earned: Balance less flows at `through`; while it is the same there is nothing to look for.
        missed: Whether a reset is missing in it, since nobody knows the equity then.
    """

    value: float
    flows: float
    at: float
    source: Source
    began: float
    through: float
    earned: float
    missed: bool

    def raised(self, value: float, flows: float, at: float, source: Source) -> "Mark":
        """Return the higher mark, of this and another one, deposits and withdrawals left out."""
        if value - flows <= self.value - self.flows + NOISE:
            return self
        return replace(self, value=value, flows=flows, at=at, source=source)


def fact_name(rule: DrawdownRule, day: Day) -> str:
    """Return what the mark is kept under: what two rules must share to share it, which is not the limit."""
    flows = "counted" if rule.flows_count else "excluded"
    begin = f"{rule.kind} {rule.basis} {rule.initial_balance} {rule.high_water} {flows}"
    ends = f" {day.reset} {day.timezone}" if rule.kind is Kind.END_OF_DAY else ""
    return f"risk.drawdown {begin}{ends}"


def wants(rule: DrawdownRule, day: Day, state: Mark | None, seen: Observation) -> float | None:
    """Return the Unix time from which on deals would tell more than the state does, None for nothing."""
    seen = _counting(rule, seen)
    mark = state or _begin(rule, day, seen)
    if rule.kind is Kind.END_OF_DAY:
        return next(day.resets(mark.through, seen.at), None)
    if rule.kind is Kind.STATIC or rule.basis is Measure.EQUITY:
        return None
    quiet = abs(seen.balance - seen.flows - mark.earned) < NOISE
    return None if quiet and seen.at - mark.through < STRIDE else mark.through


def step(
    rule: DrawdownRule,
    day: Day,
    state: Mark | None,
    seen: Observation,
    past: Past | Unavailable,
) -> tuple[Mark | None, Standing | Unavailable]:
    """Return the next state, None before there is any money, and how the account stands.

    Args:
        rule: The rule.
        day: When a trading day ends.
        state: As it was returned last, None at first.
        seen: The account now.
        past: The deals from when `wants` said, or why there are none.
    """
    if state is None and max(seen.balance, seen.equity) <= 0:
        return None, Unavailable(Reason.NO_MONEY)
    seen = _counting(rule, seen)
    if rule.flows_count and isinstance(past, Past):
        past = past.without_flows()
    mark, doubt = state or _begin(rule, day, seen), None
    if rule.kind is Kind.TRAILING:
        mark, doubt = _trail(rule, mark, seen, past)
    elif rule.kind is Kind.END_OF_DAY:
        mark, doubt = _end_days(rule, day, mark, seen, past)
    anchor = mark.value + seen.flows - mark.flows
    highest = math.inf
    if rule.lock is not None:
        highest = rule.limit.anchor_above(rule.lock + seen.flows - mark.began)
    if doubt is not None and anchor < highest:
        return mark, doubt
    return mark, stand(
        anchor=min(anchor, highest),
        limit=rule.limit,
        value=rule.compare.of(seen.balance, seen.equity),
        at=mark.at,
        source=mark.source,
    )


def _counting(rule: DrawdownRule, seen: Observation) -> Observation:
    """Return what is seen as the rule sees it: flows that count are no different from profit and loss."""
    return replace(seen, flows=0.0) if rule.flows_count else seen


def _begin(rule: DrawdownRule, day: Day, seen: Observation) -> Mark:
    configured = [money for money in (rule.initial_balance, rule.high_water) if money is not None]
    return Mark(
        value=max(configured) if configured else rule.basis.of(seen.balance, seen.equity),
        flows=seen.flows,
        at=seen.at,
        source=Source.CONFIGURED if configured else Source.FIRST_SEEN,
        began=seen.flows,
        through=day.begun(seen.at - seen.spacing) if rule.kind is Kind.END_OF_DAY else seen.at,
        earned=seen.balance - seen.flows,
        missed=False,
    )


def _trail(
    rule: DrawdownRule, mark: Mark, seen: Observation, past: Past | Unavailable
) -> tuple[Mark, Unavailable | None]:
    """Return the mark with what is seen, and with every peak of the balance since it was last complete."""
    mark = mark.raised(rule.basis.of(seen.balance, seen.equity), seen.flows, seen.at, Source.OBSERVED)
    earned = seen.balance - seen.flows
    blind = seen.at - mark.through
    if rule.basis is Measure.EQUITY or (abs(earned - mark.earned) < NOISE and blind < STRIDE):
        return mark, None
    if isinstance(past, Past):
        # Earlier ones are in the mark, or from before it began.
        for level in (level for level in past.levels() if level.at >= mark.through):
            mark = mark.raised(level.balance, level.flows, level.at, Source.REBUILT)
    elif blind > STRIDE + seen.spacing:
        return mark, past
    return replace(mark, through=seen.at, earned=earned), None


def _end_days(
    rule: DrawdownRule, day: Day, mark: Mark, seen: Observation, past: Past | Unavailable
) -> tuple[Mark, Unavailable | None]:
    """Return the mark with every reset since it was last complete."""
    if mark.through > seen.at:
        # The clock was set back.
        mark = replace(mark, through=day.begun(seen.at))
    for reset in day.resets(mark.through, seen.at):
        then = opening(reset, seen, past)
        value = then.value(rule.basis)
        if not then.settled:
            return mark, Unavailable(then.reason or Reason.MISSED)
        if isinstance(value, Unavailable):
            mark = replace(mark, missed=True)
        else:
            mark = mark.raised(value, then.flows, reset, then.source)
        mark = replace(mark, through=reset)
    return mark, Unavailable(Reason.MISSED) if mark.missed else None
