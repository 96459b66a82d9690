"""Alerts that are wrong in one place each: what is left out, turned round, or a little too early or late."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import promql_parser as promql

from tests.alerts.shipped import Alert

STEP = dt.timedelta(seconds=15)
"""How often the unit tests evaluate the rules."""

TURNED = {">": ">=", ">=": ">", "<": "<=", "<=": "<", "==": "!=", "!=": "=="}


def mutants(alert: Alert) -> Iterator[tuple[str, Alert]]:
    """Yield wrong versions of an alert, each with what is wrong about it."""
    if alert.wait:
        yield "fires without waiting", replace(alert, wait=dt.timedelta(0))
        yield "fires too early", replace(alert, wait=alert.wait - STEP)
        yield "fires too late", replace(alert, wait=alert.wait + STEP)
    if alert.keep:
        yield "ends too early", replace(alert, keep=alert.keep - STEP)
        yield "ends too late", replace(alert, keep=alert.keep + STEP)
    for what, expr in _expressions(promql.parse(alert.expr)):
        yield what, replace(alert, expr=expr)
    # A join with group_left fails at once, which is no test of a test.
    if "instance, " in alert.expr and "group_left" not in alert.expr:
        yield "joins whatever has the same name", replace(alert, expr=alert.expr.replace("instance, ", ""))


def _expressions(whole: promql.Expr) -> Iterator[tuple[str, str]]:
    for number, node in enumerate(_nodes(whole)):
        for what, instead in _instead(node):
            yield what, _with(whole, number, instead)


def _nodes(whole: promql.Expr) -> list[promql.Expr]:
    found: list[promql.Expr] = []
    promql.walk(whole, found.append)
    return found


def _instead(node: promql.Expr) -> Iterator[tuple[str, promql.Expr]]:
    match node:
        case promql.BinaryExpr() if str(node.op) in {"and", "unless"}:
            yield f"leaves out {node.op} {node.rhs}", node.lhs
        case promql.BinaryExpr() if str(node.op) == "or":
            yield f"leaves out {node.lhs}", node.rhs
            yield f"leaves out {node.rhs}", node.lhs
        case promql.BinaryExpr() if str(node.op) in TURNED:
            op = TURNED[str(node.op)]
            turned = f"({node.lhs}) {op} {node.modifier or ''} ({node.rhs})"
            yield f"says {op} {node.rhs}", promql.parse(turned)
        case promql.NumberLiteral() if node.val > 10 or not node.val.is_integer():
            yield f"says a little more than {node.val:g}", promql.parse(repr(node.val * 1.1))
            yield f"says a little less than {node.val:g}", promql.parse(repr(node.val * 0.9))
        case _:
            pass


def _with(whole: promql.Expr, number: int, instead: promql.Expr) -> str:
    """Return an expression whose node of this number, in the order of a walk, is another one."""
    left = number

    def visit(_: promql.Expr) -> promql.Expr | None:
        nonlocal left
        left -= 1
        return promql.parse(f"({instead})") if left == -1 else None

    return str(promql.transform(whole, visit))
