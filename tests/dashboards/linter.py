"""The 17 rules of Grafana's dashboard-linter, by its names, over what promql-parser reads."""

import re
from collections.abc import Callable, Iterator, Mapping

import promql_parser as promql

from tests.dashboards.reading import (
    RATE_INTERVAL,
    Json,
    at,
    chosen,
    listed,
    matchers,
    nodes,
    panels,
    selectors,
    targets,
    variables,
)

UNITS = frozenset(
    {"none", "short", "percentunit", "s", "bytes", "ops", "reqps", "dtdurations", "dateTimeAsIso"}
)
"""Those of Grafana's that we use; a misspelt one is shown as it is written."""

NUMERIC = frozenset({"stat", "singlestat", "graph", "table", "timeseries", "gauge"})
RATES = frozenset({"rate", "irate"})
COUNTING = frozenset({*RATES, "increase"})

NO_JOB: Mapping[str, str] = {
    "ALERTS": "an alert about a missing job has no job of its own, and Watchdog has none at all",
    "prometheus_rule_evaluation_failures_total": "Prometheus is another job than the exporter",
    "prometheus_rule_group_iterations_missed_total": "Prometheus is another job than the exporter",
    "prometheus_notifications_alertmanagers_discovered": "Prometheus is another job than the exporter",
    "alertmanager_notifications_failed_total": "Alertmanager is another job than the exporter",
    "mt5:availability_objective:ratio": "one number for all",
}
"""Metrics that are not selected by job and instance, with the reason: the linter's own `.lint` file."""

Rule = Callable[[Json], Iterator[str]]


def template_datasource(board: Json) -> Iterator[str]:
    """The data source is a variable."""
    found = [variable for variable in variables(board) if variable["type"] == "datasource"]
    if len(found) != 1:
        yield f"has {len(found)} variables of a data source"
    for variable in found:
        if variable["name"] != "datasource" or variable.get("label") != "Data source":
            yield f"calls its data source {variable['name']}, {variable.get('label')}"
        if variable.get("query") != "prometheus":
            yield f"has a data source of {variable.get('query')}"


def _template(board: Json, name: str) -> Iterator[str]:
    found = next((variable for variable in variables(board) if variable["name"] == name), None)
    if found is None:
        yield f"has no variable {name}"
        return
    wanted = {"type": "query", "label": name, "multi": True, "includeAll": True, "allValue": ".+"}
    for key, value in wanted.items():
        if found.get(key) != value:
            yield f"has a variable {name} with {key} {found.get(key)!r}"
    if at(found, "datasource", "uid") != "${datasource}":
        yield f"has a variable {name} of another data source"


def template_job(board: Json) -> Iterator[str]:
    """The job is a variable."""
    yield from _template(board, "job")


def template_instance(board: Json) -> Iterator[str]:
    """The instance is a variable."""
    yield from _template(board, "instance")


def template_label_promql(board: Json) -> Iterator[str]:
    """Queries of variables parse."""
    for variable in variables(board):
        asked = str(variable.get("query"))
        if variable["type"] == "query" and not re.fullmatch(r"label_values\(.+, \w+\)", asked):
            yield f"asks {asked} for a variable"
    for query in chosen(board):
        if problem := _unparsed(query.promql):
            yield f"{query.where}: {problem}"


def template_on_time_change_reload(board: Json) -> Iterator[str]:
    """Variables follow the time that is shown."""
    for variable in variables(board):
        if variable["type"] == "query" and variable.get("refresh") != 2:
            yield f"has a variable {variable['name']} that is not asked anew"


def panel_datasource(board: Json) -> Iterator[str]:
    """Panels take the data source that was chosen."""
    for panel in panels(board):
        if at(panel, "datasource", "uid") != "${datasource}":
            yield f"{panel.get('title')}: has another data source"


def panel_title_description(board: Json) -> Iterator[str]:
    """Panels say what they are."""
    for panel in panels(board):
        if not panel.get("title") or not panel.get("description"):
            yield f"panel {panel['id']}: has no title, or no description"


def panel_units(board: Json) -> Iterator[str]:
    """Numbers have a unit, or words."""
    for panel in panels(board):
        defaults = at(panel, "fieldConfig", "defaults")
        if panel["type"] in NUMERIC and not at(defaults, "mappings") and at(defaults, "unit") not in UNITS:
            yield f"{panel.get('title')}: has the unit {at(defaults, 'unit')}"


def panel_no_targets(board: Json) -> Iterator[str]:
    """Panels ask something."""
    for panel in panels(board):
        if not panel.get("targets"):
            yield f"{panel.get('title')}: asks nothing"


def _loki(board: Json) -> Iterator[tuple[str, str]]:
    for panel in panels(board):
        for target in listed(panel.get("targets", [])):
            if at(target, "datasource", "type") == "loki":
                yield str(panel.get("title")), str(target.get("expr"))


def target_logql(board: Json) -> Iterator[str]:
    """LogQL parses: nothing here can tell, so there is none."""
    for where, expr in _loki(board):
        yield f"{where}: nobody here can parse {expr}"


def target_logql_auto(board: Json) -> Iterator[str]:
    """LogQL takes its range from the time that is shown."""
    for where, expr in _loki(board):
        if re.search(r"\[(?!\$__auto\])", expr):
            yield f"{where}: has a range of its own in {expr}"


def target_promql(board: Json) -> Iterator[str]:
    """PromQL parses."""
    for query in targets(board):
        if problem := _unparsed(query.promql):
            yield f"{query.where}: {problem}"


def target_rate_interval(board: Json) -> Iterator[str]:
    """A rate looks back as far as the resolution asks for."""
    wanted = promql.parse_duration(RATE_INTERVAL)
    for query in targets(board):
        for node, above in _nodes(query.promql):
            if not isinstance(node, promql.MatrixSelector) or not above or node.range == wanted:
                continue
            if isinstance(above[-1], promql.Call) and above[-1].func.name in RATES:
                yield f"{query.where}: a rate over another range than $__rate_interval"


def _matched(board: Json, label: str) -> Iterator[str]:
    for query in targets(board):
        if _unparsed(query.promql):
            continue
        for selector, _ in selectors(query.promql):
            found = matchers(selector).get(label, ())
            if selector.name not in NO_JOB and f"=~${label}" not in found:
                yield f"{query.where}: {selector.name} is not selected by {label}"


def target_job(board: Json) -> Iterator[str]:
    """What is shown is of the chosen jobs."""
    yield from _matched(board, "job")


def target_instance(board: Json) -> Iterator[str]:
    """What is shown is of the chosen instances."""
    yield from _matched(board, "instance")


def target_counter_agg(board: Json) -> Iterator[str]:
    """A counter is shown by how fast it grows."""
    for query in targets(board):
        if _unparsed(query.promql):
            continue
        for selector, above in selectors(query.promql):
            if not (selector.name or "").endswith("_total"):
                continue
            call = above[-2] if len(above) > 1 and isinstance(above[-1], promql.MatrixSelector) else None
            if not isinstance(call, promql.Call) or call.func.name not in COUNTING:
                yield f"{query.where}: the counter {selector.name} is shown as it stands"


def uneditable(board: Json) -> Iterator[str]:
    """Nobody edits it in the browser."""
    if board.get("editable") is not False:
        yield "may be edited"


RULES: Mapping[str, Rule] = {
    "template-datasource-rule": template_datasource,
    "template-job-rule": template_job,
    "template-instance-rule": template_instance,
    "template-label-promql-rule": template_label_promql,
    "template-on-time-change-reload-rule": template_on_time_change_reload,
    "panel-datasource-rule": panel_datasource,
    "panel-title-description-rule": panel_title_description,
    "panel-units-rule": panel_units,
    "panel-no-targets-rule": panel_no_targets,
    "target-logql-rule": target_logql,
    "target-logql-auto-rule": target_logql_auto,
    "target-promql-rule": target_promql,
    "target-rate-interval-rule": target_rate_interval,
    "target-job-rule": target_job,
    "target-instance-rule": target_instance,
    "target-counter-agg-rule": target_counter_agg,
    "uneditable-dashboard": uneditable,
}


def _unparsed(text: str) -> str:
    """Return why an expression does not parse, empty where it does."""
    try:
        promql.parse(text)
    except ValueError as wrong:
        return f"{text} does not parse: {wrong}"
    return ""


def _nodes(text: str) -> Iterator[tuple[promql.Expr, tuple[promql.Expr, ...]]]:
    if not _unparsed(text):
        yield from nodes(promql.parse(text))
