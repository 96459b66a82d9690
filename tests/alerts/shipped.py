"""What `alerts/` ships, as values: rules, their unit tests, runbooks."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import promql_parser
import yaml

ROOT = Path(__file__).resolve().parents[2]
ALERTS = ROOT / "alerts"
RULES = tuple(sorted((ALERTS / "rules").glob("*.rules.yml")))
TESTS = tuple(sorted((ALERTS / "tests").glob("*.test.yml")))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recording:
    """A recording rule."""

    record: str
    expr: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert; `wait` is its `for`, `keep` its `keep_firing_for`."""

    name: str
    group: str
    expr: str
    wait: dt.timedelta
    keep: dt.timedelta
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def severity(self) -> str:
        """The label `severity`."""
        return self.labels.get("severity", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What a unit test expects of an alert's name at a time: labels and annotations of each that fires."""

    alert: str
    at: dt.timedelta
    fires: Sequence[tuple[Mapping[str, str], Mapping[str, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A unit test: its name, the series it feeds and the checks, in the file's order."""

    name: str
    series: Sequence[str]
    checks: Sequence[Check]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """All of it; a runbook by its alert's name."""

    recordings: Sequence[Recording]
    alerts: Sequence[Alert]
    cases: Sequence[Case]
    runbooks: Mapping[str, str]


def load() -> Shipped:
    """Read `alerts/`."""
    recordings: list[Recording] = []
    alerts: list[Alert] = []
    for file in RULES:
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                labels = {str(key): str(value) for key, value in rule.get("labels", {}).items()}
                if "record" in rule:
                    recordings.append(Recording(record=rule["record"], expr=rule["expr"], labels=labels))
                else:
                    alerts.append(
                        Alert(
                            name=rule["alert"],
                            group=group["name"],
                            expr=rule["expr"],
                            wait=span(rule.get("for", "0s")),
                            keep=span(rule.get("keep_firing_for", "0s")),
                            labels=labels,
                            annotations=rule.get("annotations", {}),
                        )
                    )
    cases = [
        _case(test) for file in TESTS for test in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]
    ]
    runbooks = {
        file.stem: file.read_text(encoding="utf-8") for file in sorted((ALERTS / "runbooks").glob("*.md"))
    }
    return Shipped(recordings=recordings, alerts=alerts, cases=cases, runbooks=runbooks)


def span(text: str) -> dt.timedelta:
    """Return a duration such as `1h30m`; 0s is one as well."""
    return dt.timedelta(0) if text == "0s" else promql_parser.parse_duration(text)


def _case(test: Mapping[str, object]) -> Case:
    series, checks = test["input_series"], test["alert_rule_test"]
    assert isinstance(series, list)
    assert isinstance(checks, list)
    return Case(
        name=str(test["name"]),
        series=[str(entry["series"]) for entry in series],
        checks=[
            Check(
                alert=check["alertname"],
                at=span(check["eval_time"]),
                fires=[(alert["exp_labels"], alert["exp_annotations"]) for alert in check["exp_alerts"]],
            )
            for check in checks
        ],
    )
