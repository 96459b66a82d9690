"""When an alert must have reached a person, from the rules and routes as they stand."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.stack.scaling import DURATION, seconds

RANGE = re.compile(rf"(\w+)\s*\(([^()\[]*)\[({DURATION})")
MEMORY = 86_400.0
"""A range this long, or of last_over_time, is how long something is remembered, and delays nothing."""
NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
SEVERITIES = ("critical", "warning", "info", "none")
SLACK = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert's durations, in seconds; the longest of all rules of its name.

    Attributes:
        name: The alert's.
        severities: Of all rules of this name.
        window: The longest range that its expression looks back over, recording rules included.
        pending: Its `for`.
        keeps: Its `keep_firing_for`.
    """

    name: str
    severities: frozenset[str]
    window: float
    pending: float
    keeps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast the rest of the chain is, in seconds.

    Attributes:
        poll: The poll interval and a poll's deadline.
        scrape: The scrape interval.
        evaluation: The evaluation interval.
        waits: The wait of a new group, by severity.
        intervals: The wait of a group that was told before, by severity.
        repeats: How long after it something that still fires is told again, by severity.
    """

    poll: float
    scrape: float
    evaluation: float
    waits: dict[str, float]
    intervals: dict[str, float]
    repeats: dict[str, float]

    def page(self, alert: Alert) -> float:
        """Return how long after a fault its notification must have come."""
        waiting = max(max(self.waits[severity], self.intervals[severity]) for severity in alert.severities)
        chain = self.poll + self.scrape + self.evaluation
        return chain + alert.window + alert.pending + waiting + SLACK

    def resolution(self, alert: Alert) -> float:
        """Return how long after the recovery the message that says so must have come."""
        waiting = max(self.intervals[severity] for severity in alert.severities)
        chain = self.poll + self.scrape + self.evaluation
        return chain + alert.window + alert.keeps + waiting + SLACK


def alerts(folder: Path, factor: int = 1) -> dict[str, Alert]:
    """Return every alert of a folder's rule files, whose durations were divided by `factor`, by name."""
    rules = [rule for path in sorted(folder.glob("*.rules.yml")) for rule in _rules(path)]
    recorded = {rule.record: rule.expr for rule in rules if rule.record}
    found: dict[str, Alert] = {}
    for rule in rules:
        if not rule.alert:
            continue
        new = Alert(
            name=rule.alert,
            severities=frozenset({rule.severity}),
            window=_window(rule.expr, recorded, MEMORY / factor),
            pending=seconds(rule.pending),
            keeps=seconds(rule.keeps),
        )
        found[rule.alert] = _longer(found[rule.alert], new) if rule.alert in found else new
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """One rule as it is written."""

    expr: str
    record: str = ""
    alert: str = ""
    severity: str = ""
    pending: str = "0s"
    keeps: str = "0s"


def _rules(path: Path) -> Iterator[_Rule]:
    for group in yaml.safe_load(path.read_text())["groups"]:
        for rule in group["rules"]:
            yield _Rule(
                expr=rule["expr"],
                record=rule.get("record", ""),
                alert=rule.get("alert", ""),
                severity=rule.get("labels", {}).get("severity", ""),
                pending=rule.get("for", "0s"),
                keeps=rule.get("keep_firing_for", "0s"),
            )


def _window(expression: str, recorded: dict[str, str], memory: float) -> float:
    ranges = [(function, seconds(span)) for function, _, span in RANGE.findall(expression)]
    own = max(
        (span for function, span in ranges if function != "last_over_time" and span < memory), default=0.0
    )
    names = set(NAME.findall(expression)) & recorded.keys()
    others = {name: recorded[name] for name in recorded if name not in names}
    return own + max((_window(recorded[name], others, memory) for name in names), default=0.0)


def _longer(one: Alert, other: Alert) -> Alert:
    return Alert(
        name=one.name,
        severities=one.severities | other.severities,
        window=max(one.window, other.window),
        pending=max(one.pending, other.pending),
        keeps=max(one.keeps, other.keeps),
    )


def pace(alertmanager: Path, prometheus: Path, *, poll: float) -> Pace:
    """Return the chain's pace, from its configurations.

    Args:
        alertmanager: Its configuration; a severity is routed by the first route that names it.
        prometheus: Its configuration.
        poll: The exporter's poll interval and deadline in seconds.
    """
    root = yaml.safe_load(alertmanager.read_text())["route"]
    settings = yaml.safe_load(prometheus.read_text())["global"]

    def of(key: str) -> dict[str, float]:
        found = dict.fromkeys(SEVERITIES, seconds(root[key]))
        for route in root["routes"]:
            for severity in SEVERITIES:
                if f'severity="{severity}"' in route["matchers"] and key in route:
                    found[severity] = seconds(route[key])
        return found

    return Pace(
        poll=poll,
        scrape=seconds(settings["scrape_interval"]),
        evaluation=seconds(settings["evaluation_interval"]),
        waits=of("group_wait"),
        intervals=of("group_interval"),
        repeats=of("repeat_interval"),
    )
