"""Terminals that exist in numbers only: polls with a value for every metric of the catalogue."""

import itertools
import random

from mt5_exporter.catalogue import Metric, Sample
from mt5_exporter.config import Config, TerminalConfig
from mt5_exporter.probes import PROBES
from mt5_exporter.readings import READINGS
from mt5_exporter.snapshot import PollResult, ProbeResult, ProbeStatus, ReadingResult, SessionView

TEXTS = {
    "driver": "simulated",
    "build": "4755",
    "name": "MetaTrader 5 Terminal",
    "company": "Benchmark Markets Ltd",
    "server": "Benchmark-Demo",
    "currency": "USD",
    "trade_mode": "demo",
    "margin_mode": "hedging",
}

INTERVAL = 15.0


def config(terminals: int, symbols: int, *, interval: float = INTERVAL) -> Config:
    """Return terminals whose market never closes, each with as many symbols."""
    names = tuple(f"SYMBOL{number:02}" for number in range(symbols))
    return Config(
        terminals=tuple(
            TerminalConfig(
                name=f"desk-{number:03}",
                driver="simulated",
                symbols=names,
                market="crypto",
                interval=interval,
            )
            for number in range(terminals)
        )
    )


def session(at: float) -> SessionView:
    """Return a session that is well."""
    return SessionView(
        state="ready",
        since=at,
        breaker="closed",
        running=True,
        worker_up=True,
        worker_memory=14_000_000,
        failure_ratio=0.0,
        slow_call_ratio=0.0,
    )


def poll(terminal: TerminalConfig, *, at: float, instant: float, dice: random.Random) -> PollResult:
    """Return a poll in which everything went well."""
    return PollResult(
        terminal=terminal.name,
        at=at,
        instant=instant,
        seconds=dice.uniform(0.001, 0.002),
        probes=tuple(
            ProbeResult(probe=probe.name, status=ProbeStatus.PASSED, at=at, seconds=dice.uniform(1e-4, 1e-3))
            for probe in PROBES
        ),
        readings=tuple(
            ReadingResult(
                reading=reading.name,
                success=True,
                at=at,
                instant=instant,
                seconds=dice.uniform(1e-4, 1e-3),
                samples=tuple(
                    sample for metric in reading.metrics for sample in _samples(metric, terminal, at, dice)
                ),
            )
            for reading in READINGS
        ),
    )


def _samples(metric: Metric, terminal: TerminalConfig, at: float, dice: random.Random) -> list[Sample]:
    choices = (_choices(label, metric, terminal) for label in metric.labels[1:])
    return [
        Sample(metric, (terminal.name, *labels), _value(metric, at, dice))
        for labels in itertools.product(*choices)
    ]


def _choices(label: str, metric: Metric, terminal: TerminalConfig) -> tuple[str, ...]:
    """Return the values of a label: every symbol, every state, and one of anything else."""
    if label == "symbol":
        return terminal.symbols
    if metric.kind == "stateset" and label == metric.labels[-1]:
        return metric.states
    return (TEXTS.get(label, label),)


def _value(metric: Metric, at: float, dice: random.Random) -> float:
    if metric.kind == "info":
        return 1
    if metric.name.endswith("_timestamp_seconds"):
        return round(at - dice.random(), 3)
    return round(dice.uniform(0.5, 2), 5) if "symbol" in metric.labels else round(dice.uniform(1, 20_000), 2)
