"""The catalogue against what is served, and against the rules for names."""

import itertools
import re

import pytest

from mt5_exporter import catalogue
from mt5_exporter.app import App
from mt5_exporter.catalogue import METRICS, Metric
from mt5_exporter.exposition.render import block, join
from mt5_exporter.probes import PROBES
from mt5_exporter.readings import READINGS
from mt5_exporter.tally import OUTCOMES, RESTARTS, SKIPS, series
from tests.exposition.world import CONFIG, World, of_group

CONDITIONAL = {
    "mt5_terminal_running",
    "mt5_account_match",
    "mt5_breaker_failure_ratio",
    "mt5_breaker_slow_call_ratio",
    "mt5_breaker_open_until_timestamp_seconds",
    "mt5_worker_resident_memory_bytes",
    "mt5_worker_start_duration_seconds",
}
"""Status whose help says when it is absent, or that nobody can know before the first worker."""

ROWS = list(METRICS.values())


def rows(*groups: str) -> set[str]:
    return {metric.name for metric in ROWS if metric.group in groups}


def test_every_status_is_there_before_the_first_poll() -> None:
    served = World().scrape()

    for terminal in CONFIG.terminals:
        names = {name for name, labels in of_group(served, "status") if labels[0] == terminal.name}
        by_symbol = {metric.name for metric in ROWS if "symbol" in metric.labels}
        without = set() if terminal.symbols else by_symbol
        assert names == rows("status") - CONDITIONAL - without


def test_every_counter_is_there_before_the_first_poll_at_0() -> None:
    world = World()

    totals = {
        key: value for key, value in world.scrape().items() if key in of_group(world.scrape(), "counter")
    }
    histograms = {metric.name for metric, _, _ in world.histograms()}

    assert set(totals.values()) == {0}
    for terminal in CONFIG.terminals:
        names = {name for name, labels in totals if labels[0] == terminal.name}
        assert names | histograms == rows("counter")


def test_every_label_value_of_a_counter_is_there_before_it_is_counted() -> None:
    served = {labels for name, labels in World().scrape() if name == "mt5_breaker_transitions_total"}
    by_name: dict[str, int] = {}
    for metric, _ in series():
        by_name[metric.name] = by_name.get(metric.name, 0) + 1

    assert {labels[1:] for labels in served} == set(itertools.permutations(catalogue.BREAKER_STATES, 2))
    assert by_name["mt5_breaker_calls_total"] == len(OUTCOMES)
    assert by_name["mt5_worker_restarts_total"] == len(RESTARTS)
    assert by_name["mt5_polls_skipped_total"] == len(SKIPS)
    assert by_name["mt5_probe_runs_total"] == by_name["mt5_probe_failures_total"] == len(PROBES)
    assert by_name["mt5_reading_failures_total"] == len(READINGS)


def test_no_value_is_there_before_the_first_poll() -> None:
    served = World().scrape()

    assert of_group(served, "value") == set()
    assert served["mt5_up", ("desk-1",)] == 0
    assert served["mt5_probe_failure_info", ("desk-1", "connection", "not_run")] == 1


def test_an_exporter_that_has_not_started_serves_all_that_needs_no_terminal() -> None:
    app = App(CONFIG)
    names = set(re.findall(r"^# TYPE (\S+)", app.internals.text().decode(), re.MULTILINE))
    ours = {name for name in names if not name.startswith(("process_", "python_"))}

    assert ours == rows("exporter")


def test_nothing_is_served_that_is_not_in_the_catalogue() -> None:
    world = World()
    world.poll("desk-1")
    world.connect("desk-1")

    assert {name for name, _ in world.scrape()} <= set(METRICS)


def test_every_value_of_the_catalogue_belongs_to_one_reading() -> None:
    filled = [metric.name for reading in READINGS for metric in reading.metrics]

    assert len(filled) == len(set(filled))
    assert set(filled) == rows("value", "lasting")


def test_no_label_is_on_every_metric() -> None:
    common = set.intersection(*(set(metric.labels) for metric in ROWS))

    assert common == set()


def test_the_order_of_what_is_served_is_the_catalogues() -> None:
    text = join([block(World().samples())]).text.decode()

    names = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)

    assert names == [name for name in METRICS if name in names]


def test_the_metric_table_has_a_line_for_every_row() -> None:
    table = catalogue.table()

    assert re.findall(r"^\| `(\S+)` \|", table, re.MULTILINE) == [
        metric.name
        for group in ("status", "counter", "value", "lasting", "exporter")
        for metric in ROWS
        if metric.group == group
    ]


# -- promlint, and what Prometheus' own documents ask ------------------------------------------------------

BASE_UNITS = {
    "seconds": ("milliseconds", "microseconds", "minutes", "hours", "days", "weeks", "ms", "us", "sec"),
    "bytes": ("kilobytes", "megabytes", "kb", "mb", "mib", "kib", "bits"),
    "ratio": ("percent", "percents", "percentage", "pct"),
}
FOREIGN_UNITS = {unit for units in BASE_UNITS.values() for unit in units}
TYPES = {"gauge", "counter", "summary", "histogram", "stateset", "info"}
RESERVED_LABELS = {"le", "quantile", "job", "instance", "__name__"}
TARGET_LABELS = {
    *("type", "region", "zone", "cluster", "az", "datacenter", "dc", "owner", "customer", "stage"),
    *("service", "environment", "env"),
}
THE_ISSUES_OWN = {("mt5_errors_total", "type")}
SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def lint(metric: Metric) -> list[str]:
    """Return what promlint, and rules W2 to W6 of writing exporters, find wrong with a row."""
    words = metric.name.split("_")
    problems: list[str] = []
    if not metric.help or metric.help != metric.help.strip() or not metric.help.endswith((".", ")")):
        problems.append("help")
    if any(not mark.isprintable() or mark == "\\" for mark in metric.help):
        problems.append("help is no plain line")
    if not SNAKE.fullmatch(metric.name) or not metric.name.startswith("mt5_"):
        problems.append("spelling")
    if set(words) & FOREIGN_UNITS:
        problems.append("unit is no base unit")
    if set(words[:-1] if metric.kind == "info" else words) & (TYPES - {"info"}):
        problems.append("type in the name")
    if (metric.kind == "counter") != metric.name.endswith("_total"):
        problems.append("_total belongs to counters")
    if metric.name.endswith(("_count", "_sum", "_bucket", "_created")):
        problems.append("reserved suffix")
    if metric.kind == "info" and not metric.name.endswith("_info"):
        problems.append("_info belongs to infos")
    if "timestamp" in words and not metric.name.endswith("_timestamp_seconds"):
        problems.append("a timestamp is in seconds")
    problems += [
        f"label {label}"
        for label in metric.labels
        if not SNAKE.fullmatch(label)
        or label in RESERVED_LABELS
        or (label in TARGET_LABELS and (metric.name, label) not in THE_ISSUES_OWN)
    ]
    return problems


@pytest.mark.parametrize("metric", ROWS, ids=lambda metric: metric.name)
def test_a_row_obeys_the_rules_for_names(metric: Metric) -> None:
    assert lint(metric) == []


@pytest.mark.parametrize(
    "wrong",
    [
        Metric("mt5_wait_milliseconds", "gauge", "A wait.", (), "status"),
        Metric("mt5_calls", "counter", "Calls.", (), "counter"),
        Metric("mt5_calls_total", "gauge", "Calls.", (), "status"),
        Metric("mt5_calls_count", "gauge", "Calls.", (), "status"),
        Metric("mt5_calls_gauge", "gauge", "Calls.", (), "status"),
        Metric("mt5_callsMade", "gauge", "Calls.", (), "status"),
        Metric("process_calls", "gauge", "Calls.", (), "status"),
        Metric("mt5_calls", "gauge", "", (), "status"),
        Metric("mt5_calls", "gauge", "Calls ", (), "status"),
        Metric("mt5_calls", "gauge", "Calls.", ("env",), "status"),
        Metric("mt5_calls", "gauge", "Calls.", ("le",), "status"),
        Metric("mt5_used_percent", "gauge", "Use.", (), "status"),
    ],
    ids=lambda metric: f"{metric.name}-{metric.help}-{metric.labels}",
)
def test_the_rules_for_names_find_what_is_wrong(wrong: Metric) -> None:
    assert lint(wrong) != []


def test_no_two_families_have_one_name_in_openmetrics() -> None:
    suffixes = ("_total", "_info")
    families = [
        metric.name.removesuffix(next((s for s in suffixes if metric.name.endswith(s)), ""))
        if metric.kind in {"counter", "info"}
        else metric.name
        for metric in ROWS
    ]

    assert len(families) == len(set(families))
