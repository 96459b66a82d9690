"""Every fault of the scenario file, on and off, in a running exporter: the right metric moves."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from mt5_exporter.far.drivers.simulated.faults import FAULTS
from tests.process.running import RunningExporter, Scrape

Condition = Callable[[Scrape, Scrape, str], bool]
"""Of the scrape before the fault, the scrape now, and the terminal's name."""


def counted(name: str, **labels: str) -> Condition:
    def moved(before: Scrape, now: Scrape, terminal: str) -> bool:
        return (now.get(name, terminal=terminal, **labels) or 0) > (
            before.get(name, terminal=terminal, **labels) or 0
        )

    return moved


def error(kind: str, reason: str) -> Condition:
    return counted("mt5_errors_total", type=kind, reason=reason)


def restarted(reason: str) -> Condition:
    return counted("mt5_worker_restarts_total", reason=reason)


def gauge(name: str, value: float, **labels: str) -> Condition:
    return lambda _, now, terminal: now.get(name, terminal=terminal, **labels) == value


def because(probe: str, reason: str) -> Condition:
    return gauge("mt5_probe_failure_info", 1, probe=probe, reason=reason)


def grown(_: Scrape, now: Scrape, terminal: str) -> bool:
    return (now.get("mt5_worker_resident_memory_bytes", terminal=terminal) or 0) > 80e6


def shifted(before: Scrape, now: Scrape, terminal: str) -> bool:
    name, labels = "mt5_symbol_tick_server_timestamp_seconds", {"terminal": terminal, "symbol": "BTCUSD"}
    moved = (now.get(name, **labels) or math.nan) - (before.get(name, **labels) or math.nan)
    return moved > 3600


def never(name: str, **labels: str) -> Condition:
    moved = counted(name, **labels)
    return lambda before, now, terminal: not moved(before, now, terminal)


DOWN = gauge("mt5_up", 0)
UP = gauge("mt5_up", 1)

EXPECTED: Mapping[str, Sequence[Condition]] = {
    "account_switch": [UP, because("authentication", "account_mismatch")],
    "algo_off": [UP, gauge("mt5_terminal_trade_allowed", 0)],
    "auth_failed": [error("authentication", "rejected")],
    "busy": [DOWN, error("connection", "busy"), gauge("mt5_terminal_running", 1)],
    "call_failed": [
        UP,
        error("broker", "call_failed"),
        gauge("mt5_reading_success", 0, reading="positions"),
        gauge("mt5_reading_success", 1, reading="account"),
    ],
    "clock_shift": [UP, shifted],
    "crash": [DOWN, error("connection", "worker_died"), restarted("crash")],
    "disconnected": [UP, gauge("mt5_terminal_connected", 0), never("mt5_session_losses_total")],
    "garbage": [DOWN, error("connection", "protocol"), restarted("protocol")],
    "half_frame": [DOWN, error("timeout", "deadline"), restarted("timeout")],
    "hang": [DOWN, error("timeout", "deadline"), restarted("timeout")],
    "hang_gil": [DOWN, error("timeout", "deadline"), restarted("timeout")],
    "huge_frame": [DOWN, error("connection", "protocol"), restarted("protocol")],
    "memory_growth": [grown],
    "no_ipc": [DOWN, error("connection", "no_ipc")],
    "no_pipe": [DOWN, error("connection", "no_pipe"), gauge("mt5_terminal_running", 1)],
    "none": [UP, error("data", "no_data"), gauge("mt5_reading_success", 0, reading="orders")],
    "not_authorised": [
        DOWN,
        error("connection", "not_authorised"),
        gauge("mt5_terminal_running", 1),
        never("mt5_worker_restarts_total", reason="timeout"),
    ],
    "not_running": [DOWN, error("connection", "not_running"), gauge("mt5_terminal_running", 0)],
    "segfault": [DOWN, error("connection", "worker_died"), restarted("crash")],
    "slow": [UP, because("latency", "slow_terminal")],
    "stale_ticks": [UP, because("data_feed", "stale")],
    "stderr_flood": [UP, counted("mt5_worker_stderr_lines_total")],
    "wrong_id": [DOWN, error("connection", "protocol"), restarted("protocol")],
}

AIMED: Mapping[str, str] = {
    "call_failed": "calls: [positions_get]",
    "none": "calls: [orders_get]",
    "slow": "calls: [terminal_info], seconds: 300ms",
    "clock_shift": "seconds: 2h",
    "memory_growth": "bytes: 8MiB",
    "stderr_flood": "bytes: 200KiB, calls: [terminal_info]",
}
"""What a fault is told beside its terminal; the rest strikes every call."""

LIVE = sorted(FAULTS)
CONTROL = "healthy"

TERMINAL = """
  - name: {name}
    account: {{login: {login}, server: Sim-Live}}
    simulation: {{seed: {seed}, scenario: scenario.yml, login: {login}, server: Sim-Live}}
"""

CONFIG = """
connect_rate: 100
connect_burst: 100
defaults:
  driver: simulated
  interval: 2s
  timeout: 1500ms
  poll_timeout: 2s
  connect_timeout: 3s
  stale_after: 6s
  market: crypto
  symbols: [BTCUSD]
  limits: {symbol_tick_age_seconds: 5, probe_duration_seconds: 0.2}
  max_worker_memory: 400MiB
  backoff: {initial: 200ms, maximum: 1s}
terminals:
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faults")
    terminals = [
        TERMINAL.format(name=name, login=1000 + seed, seed=seed)
        for seed, name in enumerate([*LIVE, CONTROL], start=1)
    ]
    (folder / "config.yml").write_text(CONFIG + "".join(terminals))
    return folder


@pytest.fixture(scope="module")
def exporter(directory: Path) -> Iterator[RunningExporter]:
    with RunningExporter(["--config.file=config.yml"], directory=directory) as running:
        yield running
        assert running.stop() == 0


@pytest.fixture(scope="module")
def healthy(exporter: RunningExporter) -> Scrape:
    """Every terminal up and every reading fresh, before any fault."""
    return exporter.wait_for(all_well, seconds=45, what="every terminal up")


@pytest.fixture(scope="module")
def struck(exporter: RunningExporter, healthy: Scrape, directory: Path) -> Iterator[None]:
    """All faults at once, each at its own terminal; all gone again afterwards."""
    lines = ["faults:"]
    for name in LIVE:
        aim = f", {AIMED[name]}" if name in AIMED else ""
        lines.append(f"  - {{fault: {name}, terminal: {name}{aim}}}")
    # A pipe that is busy shows when somebody must connect again.
    lines.append("  - {fault: crash, terminal: busy, for: 1500ms}")
    (directory / "scenario.yml").write_text("\n".join(lines) + "\n")
    yield
    (directory / "scenario.yml").write_text("faults: []\n")
    exporter.wait_for(all_well, seconds=45, what="every terminal recovered")


def all_well(now: Scrape) -> bool:
    return all(
        now.get("mt5_up", terminal=name) == 1
        and now.get("mt5_probe_success", terminal=name, probe="data_feed") == 1
        and now.get("mt5_reading_success", terminal=name, reading="orders") == 1
        and now.get("mt5_reading_stale", terminal=name, reading="account") == 0
        for name in [*LIVE, CONTROL]
    )


def test_every_fault_has_its_expectation() -> None:
    assert set(EXPECTED) == FAULTS


@pytest.mark.usefixtures("struck")
@pytest.mark.parametrize("fault", LIVE)
def test_a_fault_moves_the_right_metrics(fault: str, exporter: RunningExporter, healthy: Scrape) -> None:
    conditions = EXPECTED[fault]

    def moved(now: Scrape) -> bool:
        return all(condition(healthy, now, fault) for condition in conditions)

    exporter.wait_for(moved, seconds=30, what=fault)


@pytest.mark.usefixtures("struck")
def test_the_neighbours_of_a_fault_keep_their_freshness(exporter: RunningExporter) -> None:
    now = exporter.scrape()

    assert now.get("mt5_up", terminal=CONTROL) == 1
    assert now.get("mt5_reading_stale", terminal=CONTROL, reading="account") == 0
    assert now.get("mt5_worker_restarts_total", terminal=CONTROL, reason="timeout") == 0
    assert now.get("mt5_session_losses_total", terminal=CONTROL) == 0
