"""What happens to a whole fleet at once: the broker goes, every terminal goes, and all of it comes back."""

import re
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.chaos import fleet
from tests.process.running import RunningExporter, Scrape

TERMINALS = [f"desk-{number:02}" for number in range(1, 51)]
RATE, BURST = 5, 5
ATTEMPT = re.compile(r'^ts=(\S+) .*msg="session changed" terminal=\S+ from=(?:stopped|backoff) to=')


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningExporter]:
    fleet.write(tmp_path, TERMINALS, rate=RATE, burst=BURST, maximum="20s")
    with fleet.start(tmp_path) as exporter:
        exporter.wait_for(all_up, seconds=90, what="all up")
        yield exporter
        assert exporter.stop() == 0


def all_up(now: Scrape) -> bool:
    return len(fleet.up(now, TERMINALS)) == len(TERMINALS)


def every(now: Scrape, name: str, value: float) -> bool:
    return all(now.get(name, terminal=terminal) == value for terminal in TERMINALS)


def total(now: Scrape, name: str) -> float:
    return sum(value for (found, _), value in now.samples.items() if found == name)


@pytest.mark.timeout(240)
def test_the_loss_of_the_broker_restarts_nobody(running: RunningExporter, tmp_path: Path) -> None:
    before = running.scrape()
    (tmp_path / "scenario.yml").write_text("faults: [{fault: disconnected}]\n")

    lost = running.wait_for(
        lambda now: every(now, "mt5_terminal_connected", 0), seconds=30, what="all disconnected"
    )
    (tmp_path / "scenario.yml").write_text("faults: []\n")
    back = running.wait_for(
        lambda now: every(now, "mt5_terminal_connected", 1), seconds=30, what="all connected"
    )

    for now in (lost, back):
        assert every(now, "mt5_up", 1)
        for name in ("mt5_worker_restarts_total", "mt5_session_losses_total", "mt5_errors_total"):
            assert total(now, name) == total(before, name)


@pytest.mark.timeout(300)
def test_fifty_terminals_that_return_are_attempted_no_faster_than_the_bucket_allows(
    running: RunningExporter, tmp_path: Path
) -> None:
    (tmp_path / "scenario.yml").write_text("faults: [{fault: not_running}]\n")
    running.wait_for(lambda now: every(now, "mt5_terminal_running", 0), seconds=60, what="all gone")

    (tmp_path / "scenario.yml").write_text("faults: []\n")
    returned = time.monotonic()
    running.wait_for(all_up, seconds=90, what="all up")

    print(f"all back after {time.monotonic() - returned:.0f} s")  # noqa: T201 - for whoever reads the run
    attempts = [
        datetime.fromisoformat(found[1]).timestamp() for line in running.log if (found := ATTEMPT.match(line))
    ]
    assert len(attempts) > 2 * len(TERMINALS)
    for first, last in zip(attempts, attempts[RATE + BURST + 1 :], strict=False):
        # The log rounds to a millisecond, and a core may be late.
        assert last - first > 1.0 - 0.05
