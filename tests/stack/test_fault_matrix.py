"""Every fault brings exactly the notifications that it should, in time, and its recovery is told."""

import contextlib
import os
from pathlib import Path

import pytest

from tests.stack import bounds, rows
from tests.stack.fleet import FACTOR, Exporter, Scripted, real
from tests.stack.matrix import Row, judge, run, table
from tests.stack.program import free_ports, wait_for
from tests.stack.receiver import Told
from tests.stack.stack import ALERTS, RULES, Stack
from tests.stack.tools import ROOT, Pair

POLL = real(15) + real(20)
"""Seconds of a scaled poll's interval, and of the longest deadline, that of connecting."""

HOLD = real(15 * 60) + 15.0
"""The longest `for` of all alerts but those about budgets, and a group's wait."""


DOCUMENT = ROOT / "docs" / "fault-matrix.md"
PREFACE = f"""\
# The fault matrix

Each row is a fault that was played to a real exporter, watched by a real Prometheus and Alertmanager with the
rules and the routing as they are shipped. All of them were played at once, then put right. Every duration
of rules, routing and exporter was divided by {FACTOR}, and nothing else was changed; the times are of that
run. A row with two alerts is a fault that has two things to say.

`after` counts from the fault to the message at the webhook, and `recovery` from its end to the message that
says so. `at most` is poll interval + deadline + scrape interval + range window + `for` + evaluation
interval + group wait or interval + 5 s; the test fails when it is passed, and when anybody is told anything
else.

Written by `WRITE_FAULT_MATRIX=1 python -m pytest tests/stack/test_fault_matrix.py`.

"""


@pytest.mark.timeout(600)
def test_each_fault_brings_its_page_once_and_in_time_and_no_other(newer: Pair, tmp_path: Path) -> None:
    port, other_port = free_ports(2)
    fleet = [*rows.simulated(f"127.0.0.1:{port}", tmp_path), *rows.scripted(f"127.0.0.1:{port}", tmp_path)]
    single = list(rows.exporters(tmp_path))
    desk = Scripted("elsewhere", tmp_path)
    desk.has(margin=4_762.0)
    exporter = Exporter("fleet", port=port, folder=tmp_path, terminals=[terminal for terminal, _ in fleet])
    elsewhere = Exporter("elsewhere", port=other_port, folder=tmp_path, terminals=[desk])
    watched = [exporter, *(other for other, _ in single)]

    def stack(name: str, *targets: Exporter) -> Stack:
        addresses = [target.instance for target in targets]
        return Stack(
            pair=newer, folder=tmp_path / f"stack{name}", targets=addresses, factor=FACTOR, name=name
        )

    with contextlib.ExitStack() as opened:
        for other in (*watched, elsewhere):
            # Polled once: sixty interpreters that start at once on two cores are no matter of this test.
            opened.enter_context(other.program).wait_ready(90)
        main = opened.enter_context(stack("", *watched))
        refused = opened.enter_context(stack("-refused", elsewhere))
        lonely = opened.enter_context(stack("-lonely", elsewhere))
        every: list[Row] = [row for _, row in (*fleet, *single)]
        every += rows.stacks(refused, lonely, desk)

        def tick() -> None:
            for each in (*watched, elsewhere):
                each.tick()

        def told() -> list[Told]:
            return [*main.told(), *refused.told(), *lonely.told()]

        def calm() -> bool:
            tick()
            up = "count(min_over_time(mt5_up[30s]) == 1 and count_over_time(mt5_up[30s]) >= 22)"
            return main.query(up) == [({}, sum(len(each.terminals) for each in watched))]

        alerts = bounds.alerts(main.folder / "rules", FACTOR)
        pace = bounds.pace(main.folder / "alertmanager.yml", main.folder / "prometheus.yml", poll=POLL)
        wait_for(calm, seconds=90, what=lambda: f"every terminal up\n{exporter.program.tail()}")
        assert [(one.alert, one.labels) for one in told()] == []
        wave = run(every, told=told, alerts=alerts, pace=pace, hold=HOLD, settle=real(180), meanwhile=tick)

        outcomes = [judge(row, told(), wave=wave, alerts=alerts, pace=pace) for row in every]
        strays = [one for one in told() if not any(row.is_about(one) for row in every)]
    full = bounds.pace(ALERTS / "alertmanager.yml", ALERTS / "prometheus.yml", poll=15 + 20)
    text = table(outcomes, {alert.name: full.page(alert) for alert in bounds.alerts(RULES).values()})
    print(f"\n{text}")  # noqa: T201 - for whoever reads the run
    if os.environ.get("WRITE_FAULT_MATRIX"):
        DOCUMENT.write_text(PREFACE + text)

    assert [problem for outcome in outcomes for problem in outcome.problems()] == []
    assert [(one.alert, one.status, one.labels) for one in strays] == []
