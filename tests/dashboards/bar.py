"""The bar: what is asked of every dashboard, D1 to D15, each as what is wrong with the ones at hand.

D7, that every query answers with data, takes a real Prometheus: tests/stack/test_dashboards_live.py.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import promql_parser as promql

from tests.alerts.shipped import Shipped
from tests.dashboards import grafana_types, known, looks, ways
from tests.dashboards.reading import (
    RANGE,
    RATE_INTERVAL,
    Json,
    all_panels,
    annotations,
    asked,
    at,
    everywhere,
    listed,
    mapping,
    matchers,
    nodes,
    selectors,
    strings,
    variables,
)

Boards = Sequence[Json]
Check = Callable[[Boards, Shipped], Iterator[str]]

SCHEMAS = range(39, 43)
IDENTITY = ("job", "instance", "terminal")

OWN_RANGE: Mapping[str, str] = {}
"""Panels whose queries look back by a time of their own, with the reason."""

ONE_FOR_ALL = frozenset({"mt5:availability_objective:ratio", "mt5:links:info"})
"""Recorded without any terminal."""


def d1_types(boards: Boards, _: Shipped) -> Iterator[str]:
    """Grafana's own types: no key too many, none too few, no null; a schema that all of today's read."""
    for board in boards:
        yield from (f"{board.get('uid')}: {text}" for text in grafana_types.complaints(board))
        if board.get("schemaVersion") not in SCHEMAS:
            yield f"{board.get('uid')}: has schemaVersion {board.get('schemaVersion')}"


def d2_identity(boards: Boards, _: Shipped) -> Iterator[str]:
    """A uid for ever, a title, a tag; nobody edits it."""
    for uid, count in Counter(board.get("uid") for board in boards).items():
        if uid is None or count > 1:
            yield f"{count} dashboards have the uid {uid}"
    for board in boards:
        if "id" in board or board.get("editable") is not False:
            yield f"{board.get('uid')}: has an id, or may be edited"
        if not str(board.get("title")).startswith("MT5 / ") or "mt5" not in strings(board.get("tags")):
            yield f"{board.get('uid')}: has the title {board.get('title')} and the tags {board.get('tags')}"


def d3_datasource(boards: Boards, _: Shipped) -> Iterator[str]:
    """The data source is a variable, everywhere."""
    for board in boards:
        if [variable["name"] for variable in variables(board) if variable["type"] == "datasource"] != [
            "datasource"
        ]:
            yield f"{board['uid']}: has no variable datasource"
        for where, found in everywhere(board, "datasource"):
            if found != {"type": "prometheus", "uid": "${datasource}"}:
                yield f"{board['uid']}: {where} has the data source {found}"


def d4_variables(boards: Boards, _: Shipped) -> Iterator[str]:
    """Variables are asked within those before them, by all that are chosen."""
    wanted = {"refresh": 2, "sort": 1, "multi": True, "includeAll": True}
    for board in boards:
        before: list[str] = []
        for variable in variables(board):
            name = str(variable["name"])
            if variable["type"] != "query" or variable.get("hide") == 2:
                continue
            wrong = {key: variable.get(key) for key, value in wanted.items() if variable.get(key) != value}
            if wrong or variable.get("label") != name or variable.get("allValue") not in {".+", ".*"}:
                yield f"{board['uid']}: the variable {name} has {wrong}, {variable.get('allValue')}"
            if at(variable, "current", "value") != ["$__all"]:
                yield f"{board['uid']}: the variable {name} begins with {at(variable, 'current', 'value')}"
            for other in before:
                if f'{other}=~"${other}"' not in str(variable["query"]):
                    yield f"{board['uid']}: the variable {name} is not asked within {other}"
            if name in IDENTITY:
                before.append(name)


def d5_panels(boards: Boards, _: Shipped) -> Iterator[str]:
    """A panel says what it shows, what is bad and what to do, in a unit or in words; series have names."""
    for board, panel in all_panels(boards):
        where = f"{board['uid']}: {panel.get('title')!r}"
        defaults = mapping(at(panel, "fieldConfig", "defaults"))
        if not re.fullmatch(r"[A-Z].+\.( .+\.)*", str(panel.get("description"))) or not panel.get("title"):
            yield f"{where} has no description of whole sentences"
        if not (defaults.get("unit") or defaults.get("mappings")):
            yield f"{where} has neither unit nor words"
        if not defaults.get("noValue"):
            yield f"{where} says nothing without data"
        found = listed(panel.get("targets", []))
        if len({target.get("refId") for target in found}) != len(found) or not found:
            yield f"{where} has no targets, or one letter twice"
        if any(not target.get("legendFormat") for target in found):
            yield f"{where} has series without a name"


def d6_queries(boards: Boards, shipped: Shipped) -> Iterator[str]:
    """Queries parse, ask for what there is, look back as far as is shown, and within what is chosen."""
    labels = known.labels(shipped)
    ranges = {promql.parse_duration(RATE_INTERVAL), promql.parse_duration(RANGE)}
    for board in boards:
        names = {str(variable["name"]) for variable in variables(board)}
        for query in asked(board):
            where = f"{query.uid}: {query.where!r}"
            try:
                expr = promql.parse(query.promql)
            except ValueError as wrong:
                yield f"{where} does not parse: {wrong}"
                continue
            for node, _ in nodes(expr):
                own = isinstance(node, promql.MatrixSelector) and node.range not in ranges
                if own and query.where not in OWN_RANGE:
                    yield f"{where} looks back by a time of its own"
            for selector, above in selectors(query.promql):
                yield from (
                    f"{where} {text}" for text in _selector(selector, above, labels, names, query.where)
                )


def _selector(
    selector: promql.VectorSelector,
    above: Sequence[promql.Expr],
    labels: Mapping[str, frozenset[str]],
    names: set[str],
    where: str,
) -> Iterator[str]:
    found = matchers(selector)
    name = selector.name or ""
    if not name and "__name__" in found:
        return
    if name not in labels:
        yield f"asks for {name}, which is not there"
        return
    for label in found:
        if label not in labels[name]:
            yield f"asks {name} for a label {label}"
    # A variable cannot be asked for within itself, or what comes after it.
    if not where.startswith("variable ") and "terminal" in labels[name] & names and name not in ONE_FOR_ALL:
        watchdog = "=Watchdog" in found.get("alertname", ())
        if not watchdog and not {"=~$terminal", "=~$terminal|"} & set(found.get("terminal", ())):
            yield f"asks for {name} of terminals that were not chosen"
    call = above[-2] if len(above) > 1 and isinstance(above[-1], promql.MatrixSelector) else None
    counting = isinstance(call, promql.Call) and call.func.name in {"rate", "increase", "resets"}
    if name.endswith("_total") and not counting and not where.startswith("variable "):
        yield f"shows the counter {name} as it stands"


def d9_annotations(boards: Boards, _: Shipped) -> Iterator[str]:
    """Alerts, restarts and trips are marked over every chart."""
    for board in boards:
        found = " ".join(told.expr for told in annotations(board))
        wanted = ["ALERTS{", "resets(mt5_exporter_renders_total"]
        if any(variable["name"] == "terminal" for variable in variables(board)):
            wanted.append("increase(mt5_breaker_transitions_total")
        yield from (f"{board['uid']}: does not mark {expr}" for expr in wanted if expr not in found)


def d13_charts(boards: Boards, _: Shipped) -> Iterator[str]:
    """Charts show all values at a glance, and gaps as gaps."""
    wanted: Mapping[tuple[str, ...], object] = {
        ("options", "tooltip", "mode"): "multi",
        ("options", "tooltip", "sort"): "desc",
        ("options", "legend", "displayMode"): "table",
        ("options", "legend", "showLegend"): True,
        ("options", "legend", "calcs"): ["lastNotNull", "max"],
        ("fieldConfig", "defaults", "custom", "spanNulls"): False,
        ("fieldConfig", "defaults", "custom", "stacking", "mode"): "none",
    }
    for board, panel in all_panels(boards):
        for path, value in wanted.items():
            if panel["type"] == "timeseries" and at(panel, *path) != value:
                yield f"{board['uid']}: {panel['title']!r} has {'.'.join(path)} {at(panel, *path)!r}"
        if panel["type"] == "state-timeline" and not at(panel, "fieldConfig", "defaults", "mappings"):
            yield f"{board['uid']}: {panel['title']!r} shows states as numbers"


def d14_time(boards: Boards, _: Shipped) -> Iterator[str]:
    """No more often than is scraped, six hours, one crosshair, the reader's time zone."""
    wanted: Json = {
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "graphTooltip": 1,
    }
    for board in boards:
        for key, value in wanted.items():
            if board.get(key) != value:
                yield f"{board['uid']}: has {key} {board.get(key)}"


CHECKS: Mapping[str, Check] = {
    "D1": d1_types,
    "D2": d2_identity,
    "D3": d3_datasource,
    "D4": d4_variables,
    "D5": d5_panels,
    "D6": d6_queries,
    "D8": ways.d8_links,
    "D9": d9_annotations,
    "D10": looks.d10_layout,
    "D11": looks.d11_accessibility,
    "D12": looks.d12_thresholds,
    "D13": d13_charts,
    "D14": d14_time,
}
