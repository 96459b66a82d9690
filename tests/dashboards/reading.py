"""What a dashboard's JSON holds, as values: its panels, its queries, and what they select."""

import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import promql_parser as promql

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "dashboards" / "generated"

Json = dict[str, object]

RATE_INTERVAL, RANGE = "7m13s", "11m17s"
"""What Grafana's own durations are replaced by, so that they are told from any that is written."""


def mapping(value: object) -> Json:
    """Return a value that is an object."""
    assert isinstance(value, dict)
    return value


def listed(value: object) -> list[Json]:
    """Return a value that is a list of objects."""
    assert isinstance(value, list)
    return value


def at(value: object, *path: str | int) -> object:
    """Return what stands there, None where nothing does."""
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def committed() -> list[Json]:
    """Return the dashboards as they are shipped."""
    return [
        mapping(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(GENERATED.glob("*.json"))
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One expression of a dashboard.

    Attributes:
        uid: The dashboard.
        where: The panel's title, or what else asks.
        expr: In Grafana's PromQL.
        legend: Its series' names.
        instant: Whether it is asked for now, and not over time.
    """

    uid: str
    where: str
    expr: str
    legend: str = ""
    instant: bool = False

    @property
    def promql(self) -> str:
        """The expression as Prometheus reads it, the variables inside of strings left as they are."""
        return self.expr.replace("$__rate_interval", RATE_INTERVAL).replace("$__range", RANGE)


def rows(board: Json) -> list[Json]:
    """Return the rows."""
    return [panel for panel in listed(board["panels"]) if panel["type"] == "row"]


def panels(board: Json) -> Iterator[Json]:
    """Yield every panel that is no row, those of collapsed rows included."""
    for panel in listed(board["panels"]):
        yield from listed(panel["panels"]) if panel["type"] == "row" else [panel]


def variables(board: Json) -> list[Json]:
    """Return the variables."""
    return listed(at(board, "templating", "list"))


def targets(board: Json) -> Iterator[Asked]:
    """Yield what the panels ask."""
    for panel in panels(board):
        for target in listed(panel.get("targets", [])):
            yield Asked(
                uid=str(board.get("uid")),
                where=str(panel.get("title")),
                expr=str(target.get("expr")),
                legend=str(target.get("legendFormat")),
                instant=bool(target.get("instant")),
            )


def annotations(board: Json) -> Iterator[Asked]:
    """Yield what the annotations ask."""
    for told in listed(at(board, "annotations", "list")):
        yield Asked(uid=str(board.get("uid")), where=f"annotation {told['name']}", expr=str(told["expr"]))


def chosen(board: Json) -> Iterator[Asked]:
    """Yield the selectors of the variables' queries, and the label each asks for as its legend."""
    for variable in variables(board):
        asked = str(variable.get("query"))
        if asked.startswith("label_values("):
            selector, _, label = asked.removeprefix("label_values(").removesuffix(")").rpartition(", ")
            where = f"variable {variable['name']}"
            yield Asked(uid=str(board.get("uid")), where=where, expr=selector, legend=label)


def asked(board: Json) -> Iterator[Asked]:
    """Yield everything that is asked of Prometheus."""
    yield from targets(board)
    yield from annotations(board)
    yield from chosen(board)


def nodes(
    expr: promql.Expr, above: tuple[promql.Expr, ...] = ()
) -> Iterator[tuple[promql.Expr, tuple[promql.Expr, ...]]]:
    """Yield each node after those above it; a range's selector comes after its range."""
    yield expr, above
    inside: list[promql.Expr] = []
    match expr:
        case promql.ParenExpr() | promql.SubqueryExpr() | promql.UnaryExpr():
            inside = [expr.expr]
        case promql.AggregateExpr():
            inside = [expr.expr, *([expr.param] if expr.param is not None else [])]
        case promql.MatrixSelector():
            inside = [expr.vector_selector]
        case promql.Call():
            inside = list(expr.args)
        case promql.BinaryExpr():
            inside = [expr.lhs, expr.rhs]
        case _:
            pass
    for node in inside:
        yield from nodes(node, (*above, expr))


def selectors(text: str) -> Iterator[tuple[promql.VectorSelector, tuple[promql.Expr, ...]]]:
    """Yield the selectors of an expression, each with what is above it."""
    for node, above in nodes(promql.parse(text)):
        if isinstance(node, promql.VectorSelector):
            yield node, above


def matchers(selector: promql.VectorSelector) -> Mapping[str, Sequence[str]]:
    """Return a selector's matchers: each label's operators and values, such as `=~$job`."""
    found: dict[str, list[str]] = {}
    for matcher in selector.matchers.matchers:
        found.setdefault(matcher.name, []).append(f"{OPERATORS[str(matcher.op)]}{matcher.value}")
    return found


OPERATORS = {"MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}


def changed(boards: Sequence[Json], uid: str, change: Callable[[Json], None]) -> list[Json]:
    """Return the dashboards, one of them a copy that is changed."""
    fresh = [copy.deepcopy(board) if board["uid"] == uid else board for board in boards]
    change(next(board for board in fresh if board["uid"] == uid))
    return fresh


def all_panels(boards: Sequence[Json]) -> Iterator[tuple[Json, Json]]:
    """Yield every panel with its dashboard."""
    for board in boards:
        yield from ((board, panel) for panel in panels(board))


def strings(value: object) -> list[str]:
    """Return the entries of a list as texts."""
    return [str(entry) for entry in value] if isinstance(value, list) else []


def everywhere(value: object, *keys: str, where: str = "") -> Iterator[tuple[str, object]]:
    """Yield each value that stands under one of the keys, at any depth, with where that is."""
    if isinstance(value, list):
        for entry in value:
            yield from everywhere(entry, *keys, where=where)
    elif isinstance(value, dict):
        named = f"{where} {value['title']!r}" if isinstance(value.get("title"), str) else where
        for key, entry in value.items():
            if key in keys:
                yield named, entry
            yield from everywhere(entry, *keys, where=named)
