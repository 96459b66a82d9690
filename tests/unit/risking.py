"""An account whose every moment a test writes down, and an exporter that watches it under some rules."""

import datetime as dt
import json
from dataclasses import dataclass, field

from mt5_exporter import strict_yaml
from mt5_exporter.risk.observation import Observation
from mt5_exporter.risk.past import Entry, Past
from mt5_exporter.risk.rules import RiskConfig, decode_risk
from mt5_exporter.risk.standing import Reason, Standing, Unavailable
from mt5_exporter.risk.watch import watches

SPACING = 25.0
POSITION = 7


def utc(spelled: str) -> float:
    return dt.datetime.fromisoformat(spelled).replace(tzinfo=dt.UTC).timestamp()


def shown(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d %H:%M")


def rules(content: str) -> RiskConfig:
    return decode_risk(strict_yaml.parse(content, "rules.yml"))


@dataclass
class Account:
    """One position at most is open, which is whenever the equity is not the balance."""

    balance: float
    equity: float = 0.0
    flows: float = 0.0
    is_open: bool = False
    entries: list[Entry] = field(default_factory=list)

    def become(self, at: float, balance: float, equity: float, flow: float) -> None:
        """Let a deal at `at` lead there; `flow` of what it changes is a deposit."""
        is_open = equity != balance
        lots = float(is_open) - float(self.is_open)
        if balance != self.balance or flow or lots:
            money = balance - self.balance
            self.entries.append(Entry(at=at, money=money, flow=flow, position=POSITION, lots=lots))
        self.balance, self.equity, self.is_open = balance, equity, is_open
        self.flows += flow

    def seen(self, at: float) -> Observation:
        return Observation(at=at, balance=self.balance, equity=self.equity, flows=self.flows, spacing=SPACING)

    def past(self, since: float) -> Past:
        return Past(
            since=since,
            entries=tuple(entry for entry in self.entries if entry.at >= since),
            balance=self.balance,
            flows=self.flows,
            held={POSITION: 1.0} if self.is_open else {},
        )


class Watching:
    """What the reading does, with every fact through the store's JSON between two looks."""

    def __init__(self, config: RiskConfig, account: Account) -> None:
        self.config = config
        self.account = account
        self.facts: dict[str, object] = {}
        self.deals: Unavailable | None = None
        self.asked: list[float] = []

    def daily_loss(self, at: float) -> Standing | Unavailable:
        return self._look("daily_loss", at)

    def drawdown(self, at: float) -> Standing | Unavailable:
        return self._look("drawdown", at)

    def _look(self, label: str, at: float) -> Standing | Unavailable:
        rule, seen = watches(self.config)[label], self.account.seen(at)
        since = rule.wants(self.facts, seen)
        past: Past | Unavailable = Unavailable(Reason.HISTORY_UNAVAILABLE)
        if since is not None:
            self.asked.append(since)
            past = self.deals or self.account.past(since)
        changed, standing = rule.step(self.facts, seen, past)
        self.facts.update(json.loads(json.dumps(changed)))
        return standing
