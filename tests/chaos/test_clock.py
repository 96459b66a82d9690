"""A wall clock that jumps under a running exporter: no poll is missed for long, and nothing goes stale."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos import fleet
from tests.chaos.wall_clock import faketime, set_clock
from tests.process.running import RunningExporter, Scrape

TERMINALS = ["desk-1", "desk-2", "desk-3"]
HOUR = 3600.0


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningExporter]:
    fleet.write(tmp_path, TERMINALS)
    with RunningExporter(
        ["--config.file=config.yml"], directory=tmp_path, environment=faketime(tmp_path)
    ) as exporter:
        exporter.wait_for(all_up, seconds=60, what="all up")
        yield exporter
        assert exporter.stop() == 0


def all_up(now: Scrape) -> bool:
    return len(fleet.up(now, TERMINALS)) == len(TERMINALS)


def polls(now: Scrape) -> list[float]:
    return [now.get("mt5_polls_total", terminal=name) or 0 for name in TERMINALS]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forward", "back"])
def test_a_jump_of_an_hour_stops_no_poll(jump: float, running: RunningExporter, tmp_path: Path) -> None:
    before = running.scrape()

    set_clock(tmp_path, jump)
    after = running.wait_for(
        lambda now: all(
            later >= earlier + 3 for later, earlier in zip(polls(now), polls(before), strict=True)
        ),
        seconds=30,
        what="three more polls of each terminal",
    )

    assert all_up(after)
    assert (after.get("mt5_exporter_scheduler_clock_jumps_total") or 0) == 1
    assert (
        abs(
            (after.get("mt5_poll_last_finish_timestamp_seconds", terminal="desk-1") or 0) - jump - time.time()
        )
        < 60
    )
    for name in TERMINALS:
        assert after.get("mt5_reading_stale", terminal=name, reading="account") == 0
        assert after.get("mt5_session_losses_total", terminal=name) == 0
