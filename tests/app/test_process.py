"""A real exporter in a process of its own: signals, orphans, secrets, and a log that nobody reads."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from mt5_exporter.far.worker import MARGIN
from tests.process.running import SERVING, RunningExporter, Scrape, gone

CANARY = 'hunter2 \\ "pä\'s" canary'
PARTS = ("hunter2", "canary", "pä's", "p\\u00e4", "p\\xe4")

HEAD = """
connect_rate: 100
connect_burst: 100
defaults:
  driver: simulated
  market: crypto
  symbols: [BTCUSD]
terminals:
"""
GOOD = "  - {name: good, interval: 1s, timeout: 800ms}\n"
HANGING = """
  - name: hanging
    interval: 20s
    timeout: {timeout}
    simulation: {{scenario: scenario.yml, seed: 2}}
"""
HANG = "faults: [{fault: hang_gil, terminal: hanging, calls: [orders_get]}]\n"
SENT = 6
"""Requests of a poll before the one that hangs: terminal, version, account, ticks, symbols, positions."""


def configure(folder: Path, *terminals: str, faults: str = "faults: []\n") -> list[str]:
    """Write a configuration and return the flags that use it."""
    (folder / "desk.yml").write_text(HEAD + "".join(terminals))
    (folder / "scenario.yml").write_text(faults)
    return ["--config.file=desk.yml"]


def all_up(found: Scrape) -> bool:
    return all(value == 1 for (name, _), value in found.samples.items() if name == "mt5_up")


def hangs(found: Scrape) -> bool:
    return found.get("mt5_breaker_calls_total", terminal="hanging", outcome="success") == SENT


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[RunningExporter]:
    """An exporter one of whose workers holds the GIL in a call that does not end."""
    flags = configure(tmp_path, GOOD, HANGING.format(timeout="20s"), faults=HANG)
    with RunningExporter(flags, directory=tmp_path) as exporter:
        exporter.wait_for(hangs, seconds=20, what="a call that hangs")
        yield exporter


# -- signals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_start_up_ends_it_in_order(number: int, tmp_path: Path) -> None:
    with RunningExporter(configure(tmp_path, GOOD), directory=tmp_path) as exporter:
        assert exporter.stop(number) == 0
        assert "Traceback" not in "".join(exporter.log)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_a_terminal_hangs_ends_everything_in_order(
    hanging: RunningExporter, number: int
) -> None:
    workers = hanging.workers()

    status = hanging.stop(number)

    assert status == 0
    assert len(workers) == 2
    assert gone(workers, seconds=2)
    log = "".join(hanging.log)
    assert "level=error" not in log
    assert "Traceback" not in log
    assert "msg=stopped" in log


def test_a_second_signal_means_now(hanging: RunningExporter) -> None:
    workers = hanging.workers()
    hanging.process.send_signal(signal.SIGTERM)
    give_up = time.monotonic() + 10
    while not any("msg=stopping" in line for line in hanging.log):
        assert time.monotonic() < give_up
        time.sleep(0.01)

    status = hanging.stop(signal.SIGTERM)

    assert status == 1
    assert not any("msg=stopped" in line for line in hanging.log)
    assert gone(workers, seconds=20 + MARGIN)


@pytest.mark.parametrize("guard", ["kernel", "timer"])
def test_nothing_is_left_of_an_exporter_that_was_killed(guard: str, tmp_path: Path) -> None:
    flags = configure(tmp_path, GOOD, HANGING.format(timeout="2s"), faults=HANG)
    # Without setpriv on the path only the worker's own timer can end a call that holds the GIL.
    environment = {"PATH": "/nowhere"} if guard == "timer" else {}
    with RunningExporter(flags, directory=tmp_path, environment=environment) as exporter:
        exporter.wait_for(hangs, seconds=20, what="a call that hangs")
        workers = exporter.workers()
        exporter.process.kill()
        exporter.process.wait(timeout=10)

        assert len(workers) == 2
        assert gone(workers, seconds=2 + MARGIN + 3)


# -- ports ----------------------------------------------------------------------------------------------


def test_a_second_exporter_on_the_port_is_one_line_and_status_1(tmp_path: Path) -> None:
    flags = configure(tmp_path, GOOD)
    with RunningExporter(flags, directory=tmp_path) as exporter:
        address = urlsplit(exporter.url).netloc
        second = subprocess.run(
            [sys.executable, "-m", "mt5_exporter", *flags, f"--web.listen-address={address}"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

        assert second.returncode == 1
        assert second.stdout == ""
        assert second.stderr == f"mt5-exporter: cannot listen on {address}: Address already in use\n"
        assert exporter.get("/-/healthy") == "healthy\n"
        assert exporter.stop() == 0


# -- secrets --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["logfmt", "json"])
def test_a_password_is_on_no_page_in_no_log_and_in_no_process_table(kind: str, tmp_path: Path) -> None:
    terminal = """
  - name: good
    interval: 1s
    timeout: 800ms
    login: true
    account: {login: 7, server: Sim, password: '${DESK_PASSWORD}'}
    simulation: {scenario: scenario.yml}
"""
    faults = "faults: [{fault: auth_failed, terminal: good}, {fault: crash, terminal: good, for: 1s}]\n"
    flags = configure(tmp_path, terminal, faults=faults)
    environment = {"DESK_PASSWORD": CANARY}
    with RunningExporter(
        [*flags, f"--log.format={kind}"], directory=tmp_path, environment=environment
    ) as exporter:
        exporter.wait_for(
            lambda found: (
                found.get("mt5_errors_total", terminal="good", type="authentication", reason="rejected") != 0
            ),
            seconds=15,
            what="a rejected login",
        )
        pages = "".join(exporter.get(path) for path in ("/metrics", "/", "/-/healthy", "/-/ready"))
        workers = exporter.workers()
        seen = "".join(f"{worker.cmdline()}{worker.environ()}" for worker in workers)
        assert exporter.stop() == 0

        everything = pages + seen + "".join(exporter.log)
        assert workers
        assert [part for part in PARTS if part in everything] == []


# -- a log that nobody reads ----------------------------------------------------------------------------


class Deaf:
    """An exporter whose stderr is read up to its address only."""

    def __init__(self, folder: Path) -> None:
        self.read_end, write_end = os.pipe()
        self.process = subprocess.Popen(
            [
                *(
                    sys.executable,
                    "-m",
                    "mt5_exporter",
                    "--web.listen-address=127.0.0.1:0",
                    "--log.level=debug",
                ),
                *configure(folder, GOOD),
            ],
            cwd=folder,
            stderr=write_end,
        )
        os.close(write_end)
        text = ""
        while (found := SERVING.search(text)) is None:
            part = os.read(self.read_end, 4096)
            assert part, text
            text += part.decode()
        self.address = urlsplit(found.group(1)).netloc

    def get(self, path: str = "/metrics", *, method: str = "GET") -> int:
        """Ask for a page and return its status."""
        connection = http.client.HTTPConnection(self.address, timeout=5)
        try:
            connection.request(method, path)
            return connection.getresponse().status
        finally:
            connection.close()

    def complain(self) -> None:
        """Send what is no request, which is logged."""
        host, port = self.address.split(":")
        with socket.create_connection((host, int(port)), timeout=5) as client:
            client.sendall(b"\r\nno request\r\n\r\n")
            client.recv(1000)

    def close(self) -> None:
        if self.process.poll() is None:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                child.kill()
            self.process.kill()
            self.process.wait(timeout=10)


@pytest.fixture
def deaf(tmp_path: Path) -> Iterator[Deaf]:
    exporter = Deaf(tmp_path)
    yield exporter
    exporter.close()


def test_a_log_whose_reader_is_gone_stops_neither_the_exporter_nor_its_end(deaf: Deaf) -> None:
    os.close(deaf.read_end)

    for _ in range(10):
        deaf.complain()

    assert deaf.get() == 200
    deaf.process.terminate()
    assert deaf.process.wait(timeout=15) == 0


def test_a_log_whose_reader_has_stopped_stops_neither_the_exporter_nor_its_end(deaf: Deaf) -> None:
    # A pipe holds 64 kB, and each of these is a line of 100 bytes.
    for _ in range(1200):
        deaf.complain()

    assert deaf.get() == 200
    deaf.process.terminate()
    assert deaf.process.wait(timeout=15) == 0
    os.close(deaf.read_end)
