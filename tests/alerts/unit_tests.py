"""What the unit tests of an alert must show: silence, firing with all that is told, silence again."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

from tests.alerts.promql import Labels
from tests.alerts.shipped import Alert, Case, Check, Shipped

ALWAYS = "Watchdog"


def complaints(alert: Alert, labels: Labels, shipped: Shipped) -> Iterator[str]:
    """Yield what no unit test shows of an alert whose series have these labels."""
    cases = [case for case in shipped.cases if any(check.alert == alert.name for check in case.checks)]
    if not any(_fires(alert, check) for case in cases for check in case.checks):
        yield f"no unit test lets it fire with severity {alert.severity}"
        return
    yield from _incomplete(alert, labels, cases)
    if alert.name != ALWAYS:
        if not any(_order(alert, case).startswith("sf") for case in cases):
            yield "no unit test finds it silent before it fires"
        if not any(_order(alert, case).endswith("fs") for case in cases):
            yield "no unit test finds it silent again"
    if "terminal" in labels:
        if not any(_twice(case) for case in cases):
            yield "no unit test has a terminal's name twice"
        if not any('desk="' in series for case in cases for series in case.series):
            yield "no unit test has a label of the target"


def _incomplete(alert: Alert, labels: Labels, cases: Sequence[Case]) -> Iterator[str]:
    for case in cases:
        for check in case.checks:
            for found, texts in _fires(alert, check):
                if not labels <= set(found):
                    yield f"{case.name!r} at {check.at} expects not all labels"
                if set(texts) != set(alert.annotations):
                    yield f"{case.name!r} at {check.at} expects not all annotations"


def _fires(alert: Alert, check: Check) -> list[tuple[Mapping[str, str], Mapping[str, str]]]:
    """Return what a check expects to fire of an alert, with its severity."""
    if check.alert != alert.name:
        return []
    return [fired for fired in check.fires if fired[0].get("severity") == alert.severity]


def _order(alert: Alert, case: Case) -> str:
    """Return what a case finds of an alert, in the order of time: `s` for silent, `f` for firing."""
    checks = sorted((check for check in case.checks if check.alert == alert.name), key=lambda check: check.at)
    found = "".join("f" if _fires(alert, check) else "s" for check in checks)
    return "".join(letter for letter, _ in itertools.groupby(found))


def _twice(case: Case) -> bool:
    pairs = {
        (instance[1], terminal[1])
        for series in case.series
        if (instance := re.search('instance="([^"]+)"', series))
        and (terminal := re.search('terminal="([^"]+)"', series))
    }
    return len(pairs) > len({terminal for _, terminal in pairs})
