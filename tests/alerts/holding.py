"""What holds an alert, its unit tests, its runbook, its links and the catalogue together."""

import datetime as dt
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

from mt5_exporter.catalogue.limits import LIMITS
from tests.alerts import promql, runbooks, unit_tests
from tests.alerts.promql import Labels, Reader, Unsound
from tests.alerts.shipped import Alert, Recording, Shipped

OURS = re.compile("MT5([A-Z][a-z]+)+")
OTHERS = frozenset(
    {
        "AlertmanagerFailedToSendAlerts",
        "InfoInhibitor",
        "PrometheusMissingRuleEvaluations",
        "PrometheusNotConnectedToAlertmanagers",
        "PrometheusRuleFailures",
        "Watchdog",
    }
)
"""Names that the whole world knows; they are about Prometheus and Alertmanager."""

NO_ALERTS = frozenset({"InfoInhibitor", "Watchdog"})
SEVERITIES = frozenset({"critical", "warning", "info"})
DASHBOARDS = ("mt5-fleet", "mt5-terminal", "mt5-risk", "mt5-market", "mt5-orders", "mt5-exporter", "mt5-slo")

STATES = frozenset({0.0, 1.0})
"""Off and on; nothing, none left, all of it."""

NUMBERS: Mapping[tuple[str, float], str] = {
    ("MT5ExporterDown", 0.5): "more often down than up",
    ("MT5TerminalDown", 0.5): "more often down than up",
    ("MT5CircuitBreakerOpen", 0.5): "more often open than not",
    ("MT5ReadingFailing", 0.5): "fails more often than it succeeds",
    ("MT5SchedulerMissedRuns", 4.0): "a restarted host misses a few",
    ("MT5WorkerRestarting", 3.0): "a worker that is replaced twice may have had bad luck",
    ("MT5BrokerConnectionFlapping", 4.0): "two losses and two returns",
    ("MT5CircuitBreakerFlapping", 4.0): "three outages in an hour are said by their own alerts",
    ("MT5ExporterClockWrong", 30.0): "seconds; a quarter of the default limit of a tick's age",
    ("MT5MarginExhaustionPredicted", 3600.0): "seconds that are looked ahead: time enough to add margin",
    ("MT5StopOutHappened", 3600.0): "seconds for which it is news, and the page is repeated",
    ("MT5OrdersRejected", 0.2): "a share; the exporter has no limit of it",
    ("MT5OrdersRejected", 5.0): "orders, so that one of one is not all of them",
    ("MT5AvailabilityBudgetBurn", 14.4): "2 % of 30 days' budget in an hour",
    ("MT5AvailabilityBudgetBurn", 6.0): "5 % of it in six hours",
}
"""The numbers that stand in an expression and not among the limits, with the reason."""

LIMIT_TOLD: Mapping[str, str] = {
    "MT5AllFeedsStale": "its value is the ratio to the limits of many symbols",
    "MT5LimitMissing": "it has none",
    "MT5MarginExhaustionPredicted": "the limit is a condition, and not what its value is compared with",
}
"""The alerts whose descriptions say no limit, with the reason."""

KEPT = dt.timedelta(minutes=15)
AT_RISK = "mt5-risk"
NO_LONGER, NO_SHORTER = dt.timedelta(minutes=2), dt.timedelta(minutes=10)
"""A restarted Prometheus goes on with a `for` of ten minutes and more, and begins any other anew: if that
takes longer than the four minutes that Alertmanager waits, it resolves, and pages a second time."""

LINK = '{{{{ with query "mt5:links:info" }}}}{{{{ . | first | label "{0}" }}}}{{{{ end }}}}'


def complaints(shipped: Shipped) -> list[str]:
    """Return what is missing or wrong; nothing where all is well."""
    known = promql.catalogue()
    found = [f"{rule}: {text}" for rule, text in _recordings(shipped, known)]
    reader = Reader(known=known)
    for alert in shipped.alerts:
        try:
            labels = reader.labels(alert.expr)
        except Unsound as unsound:
            found.append(f"{alert.name}: {unsound}")
            continue
        found += [
            f"{alert.name}: {text}"
            for text in itertools.chain(
                _named(alert),
                _timed(alert),
                _limited(alert),
                _told(alert, labels),
                _names(alert, labels, known),
                unit_tests.complaints(alert, labels, shipped),
            )
        ]
    found += runbooks.complaints(shipped, reader)
    found += _limits(shipped)
    keys = [(alert.name, alert.severity) for alert in shipped.alerts]
    found += [
        f"{name}: twice with severity {severity}"
        for name, severity in {*keys}
        if keys.count((name, severity)) > 1
    ]
    return found


def _recordings(shipped: Shipped, known: dict[str, Labels]) -> Iterator[tuple[str, str]]:
    """Learn the labels of what is recorded; rules may stand in any order."""
    waiting: Sequence[Recording] = shipped.recordings
    while waiting:
        failed: dict[Recording, str] = {}
        for rule in waiting:
            try:
                known[rule.record] = Reader(known=known).labels(rule.expr) | frozenset(rule.labels)
            except Unsound as unsound:
                failed[rule] = str(unsound)
        if len(failed) == len(waiting):
            yield from ((rule.record, text) for rule, text in failed.items())
            return
        waiting = list(failed)
    for rule in shipped.recordings:
        if not re.fullmatch("[a-z0-9_]+:[a-z0-9_]+:[a-z0-9_]+", rule.record):
            yield rule.record, "is no level:metric:operation"


def _named(alert: Alert) -> Iterator[str]:
    if not OURS.fullmatch(alert.name) and alert.name not in OTHERS:
        yield "begins with MT5 and is CamelCase, or is known to the world"
    if alert.name in NO_ALERTS:
        if alert.severity != "none":
            yield "is no alert, and has severity none"
    elif alert.severity not in SEVERITIES:
        yield f"has severity {alert.severity!r}"
    if set(alert.labels) != {"severity"}:
        yield "has other labels than severity"


def _timed(alert: Alert) -> Iterator[str]:
    if NO_LONGER < alert.wait < NO_SHORTER:
        yield f"`for` is between {NO_LONGER} and {NO_SHORTER}: a restart of Prometheus would page again"
    if (alert.group == AT_RISK or alert.name == "MT5BlindWhileAtRisk") and alert.keep < KEPT:
        yield f"keeps firing for less than {KEPT}"


def _limited(alert: Alert) -> Iterator[str]:
    for number in set(promql.numbers(alert.expr)) - STATES:
        if (alert.name, number) not in NUMBERS:
            yield f"the number {number:g} is no limit of the exporter, and no exception"


def _told(alert: Alert, labels: Labels) -> Iterator[str]:
    texts = alert.annotations
    if set(texts) != {"summary", "description", "runbook_url", "dashboard_url"}:
        yield f"is told by {', '.join(sorted(texts))}"
        return
    if not re.fullmatch(r"[A-Z][^{}\n]*\.", texts["summary"]):
        yield "its summary is no constant sentence"
    if not texts["description"].endswith("."):
        yield "its description is no sentence"
    subject = next((label for label in ("terminal", "instance", "job") if label in labels), None)
    if subject and f"$labels.{subject}" not in texts["description"]:
        yield f"its description does not say which {subject}"
    for limit in promql.metrics(alert.expr) & {limit.metric.name for limit in LIMITS.values()}:
        if alert.name not in LIMIT_TOLD and f"{limit}{{" not in texts["description"]:
            yield f"its description does not say the limit {limit}"
    if texts["runbook_url"] != f"{LINK.format('runbooks')}/{alert.name}.md":
        yield "its runbook_url is not that of its runbook"
    if texts["dashboard_url"] not in set(_dashboard_urls(labels)):
        yield "its dashboard_url leads to no dashboard, or not with all of its variables"


def _names(alert: Alert, labels: Labels, known: Mapping[str, Labels]) -> Iterator[str]:
    texts = " ".join(alert.annotations.values())
    for name in sorted(promql.named(texts) - set(known) - {"mt5_limit"}):
        yield f"its annotations name {name}, which is not there"
    for label in sorted(set(re.findall(r"\$labels\.(\w+)", texts)) - labels):
        # Some of the limits are each symbol's own.
        if (alert.name, label) != ("MT5LimitMissing", "symbol"):
            yield f"its annotations use the label {label}, which it has not"


def _dashboard_urls(labels: Labels) -> Iterator[str]:
    """Yield the ways to a dashboard for an alert with these labels: to the terminal, to the symbol."""
    terminal = [label for label in ("job", "instance", "terminal") if label in labels]
    symbol = [*terminal, "symbol"] if "symbol" in labels else terminal
    for uid, variables in itertools.product(DASHBOARDS, (terminal, symbol)):
        query = "&".join(f"var-{label}={{{{ $labels.{label} | urlquery }}}}" for label in variables)
        yield f"{LINK.format('grafana')}/d/{uid}{'?' if query else ''}{query}"
    # What is about Prometheus and Alertmanager has no terminal to show.
    yield f"{LINK.format('grafana')}/d/mt5-fleet"


def _limits(shipped: Shipped) -> Iterator[str]:
    """Say which limits no alert compares with, and which may be missing without a word."""
    missing = next((alert.expr for alert in shipped.alerts if alert.name == "MT5LimitMissing"), "")
    used = " ".join(alert.expr for alert in shipped.alerts if alert.name != "MT5LimitMissing")
    for name in (limit.metric.name for limit in LIMITS.values()):
        if not re.search(rf"\b{name}\b", used):
            yield f"{name}: no alert compares with it"
        if not re.search(rf"\b{name}\b", missing):
            yield f"MT5LimitMissing: does not ask for {name}"
