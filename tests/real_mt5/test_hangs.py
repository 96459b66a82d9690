"""Genuine hangs of the genuine module, ended at their deadline while `/metrics` keeps answering."""

import hashlib
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.conftest import ROOT
from tests.process.running import RunningExporter, Scrape
from tests.real_mt5.conftest import Windows, as_windows

CONFIG = """
terminals:
  - name: desk-1
    path: '{path}'
    command: [wine, '{python}']
    preflight: {preflight}
    launch: {launch}
    interval: 1s
    timeout: 1s
    connect_timeout: 2s
    start_timeout: 60s
    stale_after: 3s
    backoff: {{initial: 200ms, maximum: 500ms}}
"""

QUICK = 0.5
"""Seconds within which a scrape answers while a terminal hangs; it takes about a millisecond."""


@contextmanager
def exporter(
    windows: Windows, folder: Path, path: str, *, preflight: bool = True, launch: bool = False
) -> Iterator[RunningExporter]:
    text = CONFIG.format(
        path=path,
        python=as_windows(windows.python),
        preflight=str(preflight).lower(),
        launch=str(launch).lower(),
    )
    (folder / "config.yml").write_text(text)
    arguments = ["--config.file=config.yml"]
    with RunningExporter(arguments, directory=folder, environment=windows.environment) as running:
        yield running
        assert running.stop() == 0


@pytest.fixture
def stub(windows: Windows) -> Iterator[str]:
    """A terminal64.exe that starts and never opens its pipe; every copy is ended afterwards."""
    path = r"C:\Terminals\stub\terminal64.exe"
    program = windows.folder(path.removeprefix("C:\\"))
    program.parent.mkdir(parents=True, exist_ok=True)
    source = str(ROOT / "tests" / "real_mt5" / "terminal64.c")
    subprocess.run(["x86_64-w64-mingw32-gcc", "-mwindows", "-o", str(program), source], check=True)
    yield path
    for process in copies(path):
        process.kill()


def copies(path: str) -> list[psutil.Process]:
    """Return the processes of a Windows program."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if (process.info["cmdline"] or [""])[0].lower() == path.lower()
    ]


def pipe_name(path: str) -> str:
    """Return the terminal's pipe, derived here once more and not by the code under test."""
    text = ("\\\\?\\" + path).lower().encode("utf-16-le")
    return "\\\\.\\pipe\\MT5.Terminal." + hashlib.sha256(text).hexdigest().upper()


@contextmanager
def pipe(windows: Windows, path: str, manner: str) -> Iterator[None]:
    """Serve a terminal's pipe in the given manner."""
    script = as_windows(ROOT / "tests" / "real_mt5" / "pipe_server.py")
    server = windows.start(script, pipe_name(path), manner)
    assert server.stdout is not None
    try:
        assert server.stdout.readline().strip() == "serving"
        yield
    finally:
        # It may hang in a thread of Windows, where the end of its stdin is not seen.
        server.kill()
        server.communicate(timeout=10)


def slowest_scrape(running: RunningExporter, seconds: float) -> float:
    """Scrape for a while and return the longest answer's seconds."""
    slowest, give_up = 0.0, time.monotonic() + seconds
    while time.monotonic() < give_up:
        started = time.monotonic()
        running.scrape()
        slowest = max(slowest, time.monotonic() - started)
    return slowest


def errors(now: Scrape, kind: str, reason: str) -> float:
    return now.get("mt5_errors_total", terminal="desk-1", type=kind, reason=reason) or 0


def test_a_pipe_that_never_answers_is_left_at_the_deadline(
    windows: Windows, tmp_path: Path, stub: str
) -> None:
    with pipe(windows, stub, "silent"), exporter(windows, tmp_path, stub) as running:
        running.wait_for(
            lambda now: now.get("mt5_session_state", terminal="desk-1", state="connecting") == 1,
            seconds=30,
            what="initialize hangs",
        )
        slowest = slowest_scrape(running, 1.5)
        now = running.wait_for(
            lambda now: errors(now, "timeout", "deadline") >= 1, seconds=10, what="the deadline"
        )

    assert slowest < QUICK
    assert now.get("mt5_up", terminal="desk-1") == 0
    assert now.get("mt5_terminal_running", terminal="desk-1") in {None, 1}


def test_a_busy_pipe_is_told_without_hanging(windows: Windows, tmp_path: Path, stub: str) -> None:
    with pipe(windows, stub, "busy"), exporter(windows, tmp_path, stub) as running:
        now = running.wait_for(
            lambda now: errors(now, "connection", "busy") >= 2, seconds=40, what="two refusals"
        )

    assert errors(now, "timeout", "deadline") == 0
    assert now.get("mt5_terminal_running", terminal="desk-1") == 1
    assert now.get("mt5_worker_restarts_total", terminal="desk-1", reason="timeout") == 0


def test_a_terminal_that_never_opens_its_pipe_is_launched_once(
    windows: Windows, tmp_path: Path, stub: str
) -> None:
    with exporter(windows, tmp_path, stub, launch=True) as running:
        now = running.wait_for(
            lambda now: errors(now, "connection", "no_pipe") >= 3, seconds=40, what="three attempts"
        )
        launched = len(copies(stub))

    assert launched == 1
    assert errors(now, "timeout", "deadline") == 0
    # What was launched is not ours to end.
    assert len(copies(stub)) == 1


def test_without_the_look_before_a_launching_initialize_is_ended_at_its_deadline(
    windows: Windows, tmp_path: Path, stub: str
) -> None:
    with exporter(windows, tmp_path, stub, preflight=False) as running:
        running.wait_for(lambda _: bool(copies(stub)), seconds=40, what="initialize has launched the stub")
        slowest = slowest_scrape(running, 1.0)
        now = running.wait_for(
            lambda now: errors(now, "timeout", "deadline") >= 1, seconds=10, what="the deadline"
        )

    assert slowest < QUICK
    assert now.get("mt5_up", terminal="desk-1") == 0
