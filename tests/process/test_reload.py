"""A real exporter whose configuration changes: by signal, by request, by itself; and what it says of it."""

import http.client
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.process.running import RunningExporter, Scrape, gone

SUCCESSFUL = "mt5_exporter_config_last_reload_successful"
AT = "mt5_exporter_config_last_reload_success_timestamp_seconds"
CANARY = "hunter2-canary"

HEAD = """
connect_rate: 100
connect_burst: 100
defaults: {driver: simulated, market: crypto, symbols: [BTCUSD], interval: 1s, timeout: 800ms}
terminals:
"""
ONE = "  - name: one\n"
TWO = "  - {name: two, simulation: {seed: 2}}\n"
SECRET = (
    "  - {name: secret, login: true, account: {login: 7, server: Sim, password: hunter2-canary}, "
    "simulation: {login: 7, server: Sim}}\n"
)


def post(exporter: RunningExporter, path: str = "/-/reload") -> tuple[int, str]:
    """Ask for a reload; return status and answer."""
    connection = http.client.HTTPConnection(urlsplit(exporter.url).netloc, timeout=15)
    try:
        connection.request("POST", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def up(*names: str) -> Callable[[Scrape], bool]:
    return lambda found: all(found.get("mt5_up", terminal=name) == 1 for name in names)


def reloaded(value: float) -> Callable[[Scrape], bool]:
    return lambda found: found.get(SUCCESSFUL) == value


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "desk.yml"
    path.write_text(HEAD + ONE)
    path.chmod(0o600)
    return path


@pytest.fixture
def exporter(file: Path) -> Iterator[RunningExporter]:
    flags = ["--config.file=desk.yml", "--config.auto-reload-interval=0s"]
    with RunningExporter(flags, directory=file.parent) as running:
        yield running


def test_a_hang_up_reads_the_configuration_and_a_broken_one_changes_nothing(
    exporter: RunningExporter, file: Path
) -> None:
    exporter.wait_for(up("one"), seconds=15)
    workers = exporter.workers()

    file.write_text(HEAD + "  - {name: one, interval: 1s, password: hunter2-canary}\n")
    exporter.process.send_signal(signal.SIGHUP)
    failed = exporter.wait_for(reloaded(0), seconds=10, what="a failed reload")
    status, answer = post(exporter)

    assert status == 500
    assert answer.startswith("configuration not reloaded, the one before goes on: desk.yml:6: terminals[0]")
    assert answer.count("\n") == 1
    assert failed.get("mt5_up", terminal="one") == 1
    assert {worker.pid for worker in exporter.workers()} >= {worker.pid for worker in workers}

    file.write_text(HEAD + ONE + SECRET)
    exporter.process.send_signal(signal.SIGHUP)
    healed = exporter.wait_for(reloaded(1), seconds=10, what="a reload")

    assert (healed.get(AT) or 0) > (failed.get(AT) or 0)
    exporter.wait_for(up("one", "secret"), seconds=15)
    pages = "".join(exporter.get(path) for path in ("/metrics", "/", "/config", "/-/targets"))
    assert "secret" in pages
    status, answer = post(exporter)
    assert (status, answer) == (200, "configuration reloaded: no difference\n")
    assert exporter.stop() == 0
    everything = pages + answer + "".join(exporter.log)
    assert "hunter2" not in everything
    assert "Traceback" not in everything
    assert "added secret" in everything


def test_scrapes_and_reloads_without_end_lose_nothing_and_leave_nothing(
    exporter: RunningExporter, file: Path
) -> None:
    exporter.wait_for(up("one"), seconds=15)
    for number in range(6):
        file.write_text(HEAD + ONE + (TWO if number % 2 == 0 else ""))
        for _ in range(4):
            exporter.process.send_signal(signal.SIGHUP)
        assert post(exporter)[0] == 200
        assert exporter.scrape().get("mt5_worker_up", terminal="one") == 1
    found = exporter.wait_for(up("one"), seconds=10)

    assert found.names(terminal="two") == set()
    assert found.get("mt5_session_attempts_total", terminal="one") == 1
    assert found.get("mt5_exporter_listener_errors_total") == 0

    workers = exporter.workers()
    file.write_text(HEAD + TWO)
    exporter.process.send_signal(signal.SIGHUP)
    assert exporter.stop() == 0
    assert gone(workers, seconds=2)
    assert "Traceback" not in "".join(exporter.log)


def test_a_hundred_reloads_under_continuous_scrapes_lose_none(exporter: RunningExporter, file: Path) -> None:
    exporter.wait_for(up("one"), seconds=15)
    stop = threading.Event()

    def scrape() -> list[str]:
        pages: list[str] = []
        while not stop.is_set():
            # Raises for any answer but 200.
            page = exporter.get()
            pages += [line for line in page.splitlines() if line.startswith('mt5_up{terminal="one"}')] or [""]
        return pages

    with ThreadPoolExecutor(3) as pool:
        scrapers = [pool.submit(scrape) for _ in range(3)]
        for number in range(1, 101):
            limited = f"  - {{name: one, limits: {{symbol_spread_points: {number}}}}}\n"
            # Every tenth brings a terminal or takes one away.
            file.write_text(HEAD + limited + (TWO if number // 10 % 2 else ""))
            assert post(exporter)[0] == 200
            limit = exporter.scrape().get("mt5_limit_symbol_spread_points", terminal="one", symbol="BTCUSD")
            assert limit == number
        stop.set()
        seen = [line for scraper in scrapers for line in scraper.result(timeout=15)]

    assert len(seen) > 100
    assert set(seen) == {'mt5_up{terminal="one"} 1.0'}
    assert exporter.scrape().get("mt5_session_attempts_total", terminal="one") == 1


def test_a_hang_up_during_start_up_ends_nothing(file: Path) -> None:
    with RunningExporter(["--config.file=desk.yml"], directory=file.parent) as exporter:
        exporter.process.send_signal(signal.SIGHUP)

        exporter.wait_for(up("one"), seconds=15)
        assert exporter.stop() == 0


def test_a_volume_that_is_swapped_is_seen_without_being_told(tmp_path: Path) -> None:
    # As Kubernetes mounts a ConfigMap: the file is a link through ..data, which is replaced.
    for version, text in (("v1", ONE), ("v2", ONE + TWO)):
        (tmp_path / version).mkdir()
        (tmp_path / version / "desk.yml").write_text(HEAD + text)
    (tmp_path / "..data").symlink_to("v1")
    (tmp_path / "desk.yml").symlink_to("..data/desk.yml")
    flags = ["--config.file=desk.yml", "--config.auto-reload-interval=1s"]
    with RunningExporter(flags, directory=tmp_path) as exporter:
        first = exporter.wait_for(up("one"), seconds=15)

        (tmp_path / "fresh").symlink_to("v2")
        (tmp_path / "fresh").replace(tmp_path / "..data")

        found = exporter.wait_for(up("one", "two"), seconds=15)
        assert (found.get(AT) or 0) > (first.get(AT) or time.time())
        assert found.get("mt5_session_attempts_total", terminal="one") == 1
        (tmp_path / "..data").unlink()
        exporter.wait_for(reloaded(0), seconds=15, what="a file that is gone")
        assert up("one", "two")(exporter.scrape())
        assert exporter.stop() == 0
