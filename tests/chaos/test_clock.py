"""A wall clock that jumps under a running exporter: no poll is missed for long, and nothing goes stale."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos import fleet
from tests.conftest import TOOLS
from tests.process.running import RunningExporter, Scrape

TERMINALS = ["desk-1", "desk-2", "desk-3"]
HOUR = 3600.0


@pytest.fixture
def faketime() -> Path:
    """The library that gives a process another wall clock, and leaves it the monotonic one."""
    found = next(TOOLS.glob("usr/lib/*/faketime/libfaketime.so.1"), None)
    if found is not None:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail("libfaketime is missing: run `make tools`")
    pytest.skip("libfaketime is missing: run `make tools`")


@pytest.fixture
def running(tmp_path: Path, faketime: Path) -> Iterator[RunningExporter]:
    set_clock(tmp_path, 0)
    fleet.write(tmp_path, TERMINALS)
    environment = {
        "LD_PRELOAD": str(faketime),
        "FAKETIME_TIMESTAMP_FILE": str(tmp_path / "clock"),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_NO_CACHE": "1",
    }
    with RunningExporter(
        ["--config.file=config.yml"], directory=tmp_path, environment=environment
    ) as exporter:
        exporter.wait_for(all_up, seconds=60, what="all up")
        yield exporter
        assert exporter.stop() == 0


def set_clock(folder: Path, offset: float) -> None:
    """Set the exporter's wall clock, in seconds from the true one."""
    # In one piece: half a file is another time.
    (folder / "clock.new").write_text(f"{offset:+.0f}")
    (folder / "clock.new").replace(folder / "clock")


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
