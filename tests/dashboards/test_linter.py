"""Each of the dashboard-linter's rules holds for every dashboard, and finds the one that breaks it."""

from collections.abc import Mapping

import pytest

from tests.dashboards.breaking import Break, dropped, panel, put, query, replaced, variable
from tests.dashboards.linter import RULES
from tests.dashboards.reading import changed, committed

BOARDS = committed()
UID = "mt5-terminal"
ERRORS = "Which errors are there?"

BROKEN: Mapping[str, Break] = {
    "template-datasource-rule": variable("datasource", name="prometheus"),
    "template-job-rule": variable("job", allValue=".*"),
    "template-instance-rule": variable("instance", multi=False),
    "template-label-promql-rule": variable("terminal", query="label_values(mt5_up{, terminal)"),
    "template-on-time-change-reload-rule": variable("terminal", refresh=1),
    "panel-datasource-rule": panel(ERRORS, put("datasource", "uid", value="mt5-prometheus")),
    "panel-title-description-rule": panel(ERRORS, dropped("description")),
    "panel-units-rule": panel(ERRORS, put("fieldConfig", "defaults", "unit", value="second")),
    "panel-no-targets-rule": panel(ERRORS, put("targets", value=[])),
    "target-logql-rule": query(ERRORS, lambda expr: expr, loki=True),
    "target-logql-auto-rule": query(ERRORS, lambda expr: "count_over_time({a='b'}[5m])", loki=True),
    "target-promql-rule": query(ERRORS, lambda expr: f"{expr} +"),
    "target-rate-interval-rule": replaced("What became of the requests?", "$__rate_interval", "5m"),
    "target-job-rule": replaced(ERRORS, 'job=~"$job",', ""),
    "target-instance-rule": replaced(ERRORS, 'instance=~"$instance"', 'instance="$instance"'),
    "target-counter-agg-rule": query(ERRORS, lambda expr: 'mt5_errors_total{job=~"$job"}'),
    "uneditable-dashboard": put("editable", value=True),
}


@pytest.mark.parametrize("rule", RULES)
def test_every_dashboard_holds_to(rule: str) -> None:
    assert [f"{board['uid']}: {text}" for board in BOARDS for text in RULES[rule](board)] == []


@pytest.mark.parametrize("rule", RULES)
def test_a_broken_dashboard_is_found_by(rule: str) -> None:
    broken = changed(BOARDS, UID, BROKEN[rule])

    assert [board["uid"] for board in broken if [*RULES[rule](board)]] == [UID]
