"""A rule with its state in a book's facts: what every reader of rules asks, whatever the rule is."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Protocol

from mt5_exporter.risk import daily, drawdown
from mt5_exporter.risk.days import Day
from mt5_exporter.risk.drawdown import Mark
from mt5_exporter.risk.facts import recall
from mt5_exporter.risk.observation import Observation
from mt5_exporter.risk.opening import Opening
from mt5_exporter.risk.past import Past
from mt5_exporter.risk.rules import DailyLossRule, DrawdownRule, RiskConfig
from mt5_exporter.risk.standing import Reason, Standing, Unavailable

FURTHEST = 35 * 86400.0
"""Seconds that deals are looked back for; after a longer absence nobody knows what was missed."""

Facts = Mapping[str, object]


class Watch(Protocol):
    """One rule."""

    def wants(self, facts: Facts, seen: Observation) -> float | None:
        """Return the Unix time from which on deals would tell more than the facts, None for nothing."""
        ...

    def step(
        self, facts: Facts, seen: Observation, past: Past | Unavailable
    ) -> tuple[Facts, Standing | Unavailable]:
        """Return the facts that change, and how the account stands.

        Args:
            facts: As they were returned before, others among them.
            seen: The account now.
            past: The deals that led there; ones that do not reach back far enough are as good as none.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyLossWatch:
    """The daily loss of one account."""

    rule: DailyLossRule
    day: Day

    def wants(self, facts: Facts, seen: Observation) -> float | None:
        """See `Watch`."""
        return daily.wants(self.day, self._state(facts), seen)

    def step(
        self, facts: Facts, seen: Observation, past: Past | Unavailable
    ) -> tuple[Facts, Standing | Unavailable]:
        """See `Watch`."""
        state, past = self._state(facts), reaching(past, self.wants(facts, seen))
        after, standing = daily.step(self.rule, self.day, state, seen, past)
        return {} if after == state else {daily.fact_name(self.day): asdict(after)}, standing

    def _state(self, facts: Facts) -> Opening | None:
        return recall(Opening, facts.get(daily.fact_name(self.day)))


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawdownWatch:
    """The maximum drawdown of one account."""

    rule: DrawdownRule
    day: Day

    def wants(self, facts: Facts, seen: Observation) -> float | None:
        """See `Watch`."""
        since = drawdown.wants(self.rule, self.day, self._state(facts), seen)
        return None if since is None or seen.at - since > FURTHEST else since

    def step(
        self, facts: Facts, seen: Observation, past: Past | Unavailable
    ) -> tuple[Facts, Standing | Unavailable]:
        """See `Watch`."""
        state = self._state(facts)
        past = reaching(past, drawdown.wants(self.rule, self.day, state, seen))
        after, standing = drawdown.step(self.rule, self.day, state, seen, past)
        if after is None or after == state:
            return {}, standing
        return {drawdown.fact_name(self.rule, self.day): asdict(after)}, standing

    def _state(self, facts: Facts) -> Mark | None:
        return recall(Mark, facts.get(drawdown.fact_name(self.rule, self.day)))


def watches(config: RiskConfig) -> Mapping[str, Watch]:
    """Return what is configured, by the label `rule`."""
    found: dict[str, Watch] = {}
    if config.daily_loss is not None:
        found["daily_loss"] = DailyLossWatch(rule=config.daily_loss, day=config.day)
    if config.drawdown is not None:
        found["drawdown"] = DrawdownWatch(rule=config.drawdown, day=config.day)
    return found


def reaching(past: Past | Unavailable, since: float | None) -> Past | Unavailable:
    """Return the deals if they reach back far enough."""
    if isinstance(past, Past) and since is not None and past.since > since:
        return Unavailable(Reason.HISTORY_UNAVAILABLE)
    return past
