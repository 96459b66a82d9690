"""The whole exporter on Windows Python: Proactor loop, job object, no SIGHUP."""

import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import pytest

from tests.process.running import STEP, Scrape
from tests.real_mt5.conftest import Windows

PORT = 10699
URL = f"http://127.0.0.1:{PORT}"
BOOTSTRAP = re.compile(r"import sys;r=sys\.stdin\.buffer")


@contextmanager
def demo(windows: Windows, folder: Path) -> Iterator[psutil.Process]:
    """Run the demo there; its output is not read, so it writes none but errors."""
    process = windows.start(
        "-m",
        "mt5_exporter",
        "--demo",
        "--log.level=error",
        f"--web.listen-address=127.0.0.1:{PORT}",
        cwd=folder,
    )
    running = psutil.Process(process.pid)
    try:
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=20)
        for worker in workers():
            worker.kill()


def workers() -> list[psutil.Process]:
    """Return the worker processes; under Wine they are nobody's children."""
    found = psutil.process_iter(["cmdline"])
    return [
        process
        for process in found
        if "python.exe" in " ".join(process.info["cmdline"] or [])
        and BOOTSTRAP.search(" ".join(process.info["cmdline"]))
    ]


def wait_for(condition: Callable[[Scrape], bool], *, seconds: float) -> Scrape:
    """Scrape from outside until `condition` holds."""
    give_up = time.monotonic() + seconds
    while True:
        try:
            with urlopen(f"{URL}/metrics", timeout=5) as answer:  # noqa: S310 - our own loopback
                now = Scrape(answer.read().decode())
            if condition(now):
                return now
        except (URLError, ConnectionError):
            pass
        assert time.monotonic() < give_up
        time.sleep(STEP)


def none_left(*, seconds: float) -> bool:
    """Return whether every worker ends within `seconds`."""
    give_up = time.monotonic() + seconds
    while workers():
        if time.monotonic() > give_up:
            return False
        time.sleep(STEP)
    return True


def all_up(now: Scrape) -> bool:
    return all(now.get("mt5_up", terminal=name) == 1 for name in ("demo-1", "demo-2", "demo-3"))


def test_the_demo_serves_and_ctrl_c_leaves_nothing_behind(windows: Windows, tmp_path: Path) -> None:
    with demo(windows, tmp_path) as running:
        now = wait_for(all_up, seconds=60)
        started = len(workers())
        running.send_signal(signal.SIGINT)
        status = running.wait(timeout=20)

        assert started == 3
        assert status == 0
        assert none_left(seconds=5)
        assert (now.get("mt5_worker_resident_memory_bytes", terminal="demo-1") or 0) > 10e6


@pytest.mark.parametrize("fault", ["hang_gil", "none"])
def test_the_job_object_ends_the_workers_of_a_killed_exporter(
    fault: str, windows: Windows, tmp_path: Path
) -> None:
    with demo(windows, tmp_path) as running:
        wait_for(all_up, seconds=60)
        (tmp_path / "mt5-demo-scenario.yml").write_text(f"faults: [{{fault: {fault}, terminal: demo-2}}]\n")
        wait_for(
            lambda now: now.get("mt5_probe_success", terminal="demo-2", probe="connection") == 0, seconds=30
        )

        running.kill()

        assert none_left(seconds=5)


def test_a_hang_with_the_gil_held_is_ended_and_recovers(windows: Windows, tmp_path: Path) -> None:
    scenario = tmp_path / "mt5-demo-scenario.yml"
    with demo(windows, tmp_path):
        wait_for(all_up, seconds=60)
        scenario.write_text("faults: [{fault: hang_gil, terminal: demo-2}]\n")

        down = wait_for(
            lambda now: (now.get("mt5_worker_restarts_total", terminal="demo-2", reason="timeout") or 0) > 0,
            seconds=30,
        )
        scenario.write_text("faults: []\n")
        wait_for(all_up, seconds=40)

        assert down.get("mt5_up", terminal="demo-1") == 1
