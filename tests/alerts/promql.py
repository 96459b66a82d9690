"""What the series of an expression are told apart by, found without a Prometheus."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import promql_parser as promql

from mt5_exporter.catalogue import METRICS

Labels = frozenset[str]

IDENTITY: Labels = frozenset({"job", "instance", "terminal"})
TARGET: Labels = frozenset({"job", "instance"})
SAME: Labels = frozenset(
    {"abs", "changes", "deriv", "increase", "predict_linear", "rate", "timestamp"}
    | {f"{what}_over_time" for what in ("avg", "last", "max", "min", "quantile")}
)
"""Functions that leave labels alone."""

SET = frozenset({"and", "or", "unless"})

FOREIGN: Mapping[str, Labels] = {
    "up": TARGET,
    "process_cpu_seconds_total": TARGET,
    "ALERTS": IDENTITY | {"alertname", "alertstate", "severity"},
    "prometheus_rule_evaluation_failures_total": TARGET | {"rule_group"},
    "prometheus_rule_group_iterations_missed_total": TARGET | {"rule_group"},
    "prometheus_notifications_alertmanagers_discovered": TARGET,
    "alertmanager_notifications_failed_total": TARGET | {"integration", "reason"},
}
"""What every target, Prometheus and Alertmanager say of themselves, and no catalogue of ours."""


class Unsound(Exception):
    """An expression that does not do what it looks like; its text says why."""


def catalogue() -> dict[str, Labels]:
    """Return the labels of every metric there is, those of the target included."""
    ours = {name: TARGET | frozenset(metric.labels) for name, metric in METRICS.items()}
    return {**ours, **FOREIGN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads expressions; `known` are the labels of every metric by name."""

    known: Mapping[str, Labels]

    def labels(self, text: str) -> Labels:
        """Return what an expression's series are told apart by; a number has nothing.

        Raises:
            Unsound: A metric that is not there, or a join that loses the identity of a terminal.
        """
        return self._labels(promql.parse(text)) or frozenset()

    def _labels(self, expr: promql.Expr) -> Labels | None:
        labels: Labels | None = None
        match expr:
            case promql.NumberLiteral() | promql.StringLiteral():
                pass
            case promql.ParenExpr() | promql.SubqueryExpr() | promql.UnaryExpr():
                labels = self._labels(expr.expr)
            case promql.MatrixSelector():
                labels = self._selected(expr.vector_selector)
            case promql.VectorSelector():
                labels = self._selected(expr)
            case promql.Call():
                labels = self._called(expr)
            case promql.AggregateExpr():
                labels = self._aggregated(expr)
            case promql.BinaryExpr():
                labels = self._joined(expr)
            case _:
                raise Unsound(f"nobody knows what {type(expr).__name__} does to labels")
        return labels

    def _selected(self, expr: promql.VectorSelector) -> Labels:
        labels = self.known.get(expr.name or "")
        if labels is None:
            raise Unsound(f"there is no metric {expr.name}")
        for matcher in expr.matchers.matchers:
            if matcher.name not in labels:
                raise Unsound(f"{expr.name} has no label {matcher.name}")
        return labels

    def _called(self, expr: promql.Call) -> Labels | None:
        name = expr.func.name
        arguments = [self._labels(argument) for argument in expr.args]
        if name in SAME:
            return next(labels for labels in arguments if labels is not None)
        if name == "label_replace":
            added = expr.args[1]
            assert isinstance(added, promql.StringLiteral)
            return (arguments[0] or frozenset()) | {added.val}
        if name == "absent":
            selector = expr.args[0]
            assert isinstance(selector, promql.VectorSelector)
            return frozenset(matcher.name for matcher in selector.matchers.matchers)
        if name in {"time", "scalar"}:
            return None
        if name == "vector":
            return frozenset()
        raise Unsound(f"nobody knows what {name}() does to labels")

    def _aggregated(self, expr: promql.AggregateExpr) -> Labels:
        before = self._labels(expr.expr) or frozenset()
        named = frozenset(expr.modifier.labels) if expr.modifier else frozenset()
        without = expr.modifier is not None and expr.modifier.type == promql.AggModifierType.Without
        if without and not named <= before:
            raise Unsound(f"there is no {', '.join(sorted(named - before))} to leave out of {expr.expr}")
        after = before - named if without else before & named
        if lost := before & IDENTITY - after:
            raise Unsound(f"{', '.join(sorted(lost))} is lost in {expr}")
        return after

    def _joined(self, expr: promql.BinaryExpr) -> Labels | None:
        left, right = self._labels(expr.lhs), self._labels(expr.rhs)
        if left is None or right is None:
            return left if right is None else right
        matching = expr.modifier.matching if expr.modifier else None
        if matching is None:
            if str(expr.op) == "or":
                return left & right
            if left != right:
                raise Unsound(f"nothing matches: {sorted(left)} is not {sorted(right)} in {expr}")
            return left
        named = frozenset(matching.labels)
        if matching.type != promql.LabelModifierType.Include or named != left & right:
            raise Unsound(f"both sides have {sorted(left & right)}, joined are {sorted(named)} in {expr}")
        if str(expr.op) in SET:
            return left & right if str(expr.op) == "or" else left
        if expr.modifier is None or expr.modifier.card != promql.VectorMatchCardinality.ManyToOne:
            raise Unsound(f"the labels of the target, such as desk, are lost without group_left in {expr}")
        return left


def numbers(text: str) -> Iterator[float]:
    """Yield the numbers of an expression, less those of durations."""
    found: list[float] = []

    def visit(expr: promql.Expr) -> None:
        if isinstance(expr, promql.NumberLiteral):
            found.append(expr.val)

    promql.walk(promql.parse(text), visit)
    yield from found


def metrics(text: str) -> set[str]:
    """Return the names of the metrics in an expression."""
    found: set[str] = set()

    def visit(expr: promql.Expr) -> None:
        if isinstance(expr, promql.VectorSelector) and expr.name:
            found.add(expr.name)
        # A range's selector is no node that is visited.
        elif isinstance(expr, promql.MatrixSelector) and expr.vector_selector.name:
            found.add(expr.vector_selector.name)

    promql.walk(promql.parse(text), visit)
    return found


def named(text: str) -> set[str]:
    """Return what looks like a name of ours in a text."""
    return set(re.findall(r"\bmt5_[a-z0-9_]*[a-z0-9]", text))
