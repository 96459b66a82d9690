"""Every metric of ours is of use to somebody: a dashboard or a rule asks for it, or here is why not."""

import re
from collections.abc import Iterator, Mapping

from mt5_exporter.catalogue import METRICS
from tests.alerts.promql import metrics
from tests.alerts.shipped import load
from tests.dashboards import known
from tests.dashboards.reading import asked, committed, matchers, selectors

UNUSED: Mapping[str, str] = {
    "mt5_probe_last_run_timestamp_seconds": "a probe runs with each poll, whose own age is shown",
}
"""Metrics that no dashboard and no rule asks for, with the reason."""


def used_by_dashboards() -> Iterator[str]:
    """Yield the name of each series that a dashboard asks for."""
    for board in committed():
        for query in asked(board):
            for selector, _ in selectors(query.promql):
                named = [text.removeprefix("=~") for text in matchers(selector).get("__name__", ())]
                yield from (name for name in METRICS for pattern in named if re.fullmatch(pattern, name))
                if selector.name:
                    yield known.base(selector.name)


def used_by_rules() -> Iterator[str]:
    """Yield the name of each series that a rule asks for."""
    shipped = load()
    for expr in [*(rule.expr for rule in shipped.recordings), *(alert.expr for alert in shipped.alerts)]:
        yield from (known.base(name) for name in metrics(expr))


def test_every_metric_is_used_or_said_not_to_be() -> None:
    used = {*used_by_dashboards(), *used_by_rules()}

    assert sorted(set(METRICS) - used) == sorted(UNUSED)


def test_what_a_dashboard_or_a_rule_asks_for_is_there() -> None:
    there = known.labels(load())

    assert sorted({*used_by_dashboards(), *used_by_rules()} - set(there)) == []


def test_every_recording_is_used() -> None:
    recorded = {rule.record for rule in load().recordings}

    assert sorted(recorded - {*used_by_dashboards(), *used_by_rules()} - {"mt5:links:info"}) == []
