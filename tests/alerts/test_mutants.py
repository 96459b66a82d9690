"""The alerts' unit tests are held to what they promise: an alert that is wrong in one place fails them."""

import datetime as dt
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import yaml

from tests.alerts.mutants import mutants
from tests.alerts.shipped import ALERTS, TESTS, Alert, load

SHIPPED = load()
NAMES = sorted({alert.name for alert in SHIPPED.alerts if alert.name != "Watchdog"})

ALIKE: Mapping[str, Sequence[str]] = {
    # Shares of long windows, in steps of a minute and more: no sample hits a bound, or is 15 s early.
    "MT5AvailabilityBudgetBurn": ("says >=", "says a little", "fires too early"),
    # An odd number of samples is never half.
    "MT5CircuitBreakerOpen": ("says >= 0.5",),
    "MT5ReadingFailing": ("says <= 0.5",),
    # Of nine samples, four are down and five are not.
    "MT5ExporterDown": ("says <= 0.5", "says a little"),
    # That it asks for each limit is seen without a Prometheus (test_together.py).
    "MT5LimitMissing": ("leaves out",),
}
"""Mutants that no series of a unit test can tell from their alert, by how what is wrong begins."""


@pytest.mark.parametrize("promtool", ["2.53"], indirect=True)
@pytest.mark.parametrize("name", NAMES)
def test_an_alert_that_is_wrong_in_one_place_fails_its_unit_tests(
    name: str, promtool: str, tmp_path: Path
) -> None:
    alerts = [alert for alert in SHIPPED.alerts if alert.name == name]
    wrong = [
        (f"{alert.severity}: {what}", [mutant if other is alert else other for other in alerts])
        for alert in alerts
        for what, mutant in mutants(alert)
        if not what.startswith(tuple(ALIKE.get(name, ())))
    ]
    rules = [_rule(alert, f"Mutant{number}") for number, (_, rest) in enumerate(wrong) for alert in rest]
    mutated = tmp_path / "mutants.rules.yml"
    mutated.write_text(yaml.safe_dump({"groups": [{"name": "mutants", "rules": rules}]}))
    files = [_tests(file, name, len(wrong), mutated) for file in TESTS]
    for number, tests in enumerate(file for file in files if file["tests"]):
        (tmp_path / f"{number}.test.yml").write_text(yaml.safe_dump(tests))

    tested = subprocess.run(
        [promtool, "test", "rules", *map(str, tmp_path.glob("*.test.yml"))],
        capture_output=True,
        text=True,
        check=False,
        timeout=55,
    )

    found = set(re.findall(r"alertname: Mutant([0-9]+),", tested.stdout + tested.stderr))
    assert [what for number, (what, _) in enumerate(wrong) if str(number) not in found] == []


def _rule(alert: Alert, name: str) -> dict[str, object]:
    return {
        "alert": name,
        "expr": alert.expr,
        "for": _spelled(alert.wait),
        "keep_firing_for": _spelled(alert.keep),
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
    }


def _spelled(span: dt.timedelta) -> str:
    return f"{int(span.total_seconds())}s"


def _tests(file: Path, name: str, count: int, mutated: Path) -> dict[str, object]:
    """Return a test file's tests of an alert, asked of each of its mutants."""
    document: dict[str, list[dict[str, object]]] = yaml.safe_load(file.read_text(encoding="utf-8"))
    tests: list[dict[str, object]] = []
    for test in document["tests"]:
        asked = test["alert_rule_test"]
        assert isinstance(asked, list)
        checks = [check for check in asked if check["alertname"] == name]
        if checks:
            every = [{**check, "alertname": f"Mutant{number}"} for check in checks for number in range(count)]
            tests.append({**test, "alert_rule_test": every})
    rules = [str((ALERTS / "tests" / str(path)).resolve()) for path in document["rule_files"]]
    return {
        "rule_files": [*rules, str(mutated)],
        "evaluation_interval": document["evaluation_interval"],
        "group_eval_order": [*document["group_eval_order"], "mutants"],
        "tests": tests,
    }
