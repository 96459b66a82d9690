"""A fleet of simulated terminals in one exporter, and the ledger of what struck them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mt5_exporter.far.drivers.simulated.effects import LEDGER
from tests.process.running import RunningExporter, Scrape

CONFIG = """
connect_rate: {rate}
connect_burst: {burst}
defaults:
  driver: simulated
  environment: [MT5_SIMULATION_LEDGER]
  interval: 4s
  timeout: 3s
  poll_timeout: 4s
  connect_timeout: 5s
  stale_after: 15s
  market: crypto
  symbols: [BTCUSD, ETHUSD]
  backoff: {{initial: 500ms, maximum: {maximum}}}
terminals:
"""

NOTICED = 9.0
"""Seconds within which any fault shows in a scrape: interval, deadline, and the pause of rendering."""

TERMINAL = "  - {{name: {name}, simulation: {{seed: {seed}, login: {seed}, scenario: scenario.yml}}}}\n"

LETHAL = {
    "hang": ("timeout", "deadline"),
    "hang_gil": ("timeout", "deadline"),
    "half_frame": ("timeout", "deadline"),
    "garbage": ("connection", "protocol"),
    "huge_frame": ("connection", "protocol"),
    "wrong_id": ("connection", "protocol"),
    "crash": ("connection", "worker_died"),
    "segfault": ("connection", "worker_died"),
    "SIGKILL": ("connection", "worker_died"),
    "SIGSTOP": ("timeout", "deadline"),
}
"""What ends a worker, and the type and reason under which it has to be counted, once."""

HARMLESS = ("slow", "disconnected", "stale_ticks", "algo_off", "stderr_flood", "account_switch")
"""What ends no worker and counts as no error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """One fault that did strike: a line that the simulated terminal itself wrote, or the injector."""

    terminal: str
    fault: str


def write(
    folder: Path, names: Sequence[str], *, rate: int = 25, burst: int = 10, maximum: str = "2s"
) -> None:
    """Write the fleet's configuration."""
    terminals = [TERMINAL.format(name=name, seed=seed) for seed, name in enumerate(names, start=1)]
    text = CONFIG.format(rate=rate, burst=burst, maximum=maximum)
    (folder / "config.yml").write_text(text + "".join(terminals))


def start(folder: Path) -> RunningExporter:
    """Start the exporter of a written fleet."""
    return RunningExporter(
        ["--config.file=config.yml", "--web.max-requests=0"],
        directory=folder,
        environment={LEDGER: str(folder / "ledger")},
    )


def strikes(folder: Path) -> list[Strike]:
    """Return what the simulated terminals wrote into the ledger."""
    ledger = folder / "ledger"
    lines = ledger.read_text().splitlines() if ledger.exists() else []
    return [Strike(terminal=terminal, fault=fault) for _, terminal, fault, *_ in map(str.split, lines)]


def expected_errors(found: Sequence[Strike]) -> Counter[tuple[str, str, str]]:
    """Return the errors that the strikes must have been counted as, by terminal, type and reason."""
    return Counter((strike.terminal, *LETHAL[strike.fault]) for strike in found if strike.fault in LETHAL)


def counted_errors(now: Scrape) -> Counter[tuple[str, str, str]]:
    """Return the exporter's own count."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for (name, labels), value in now.samples.items():
        if name == "mt5_errors_total" and value:
            label = dict(labels)
            counts[label["terminal"], label["type"], label["reason"]] += int(value)
    return counts


def up(now: Scrape, names: Sequence[str]) -> list[str]:
    """Return the terminals that are up and whose breaker is closed."""
    return [
        name
        for name in names
        if now.get("mt5_up", terminal=name) == 1
        and now.get("mt5_breaker_state", terminal=name, state="closed") == 1
        and now.get("mt5_session_state", terminal=name, state="ready") == 1
    ]
