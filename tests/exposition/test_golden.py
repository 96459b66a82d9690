"""Whole expositions of a fixed world at a fixed clock, byte for byte.

Refresh them with `MT5_GOLDEN_UPDATE=1 pytest tests/exposition/test_golden.py`, read the diff, and say in the
commit why it is as it is.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mt5_exporter import errors
from mt5_exporter.events import BreakerChanged, CallFailed, SessionChanged, WorkerStarted
from mt5_exporter.snapshot import SessionView
from tests.exposition import parsing
from tests.exposition.parsing import END
from tests.exposition.world import World

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
UPDATE = "MT5_GOLDEN_UPDATE"
WANTED = os.environ.get(UPDATE) == "1"
"""Looked up before the fixture that cleans the environment."""


def fresh() -> World:
    """Both terminals answered a second ago."""
    world = World()
    for terminal in ("desk-1", "bare"):
        world.connect(terminal)
        world.poll(terminal)
    world.clock.advance(1)
    return world


def stale() -> World:
    """The account could not be read for three intervals, the rest could; nobody polls the other terminal."""
    world = fresh()
    for _ in range(3):
        world.clock.advance(9)
        world.poll("desk-1", failing=("account",), base=2)
    return world


def down() -> World:
    """The first terminal was lost between polls and its breaker is open; the other was never there."""
    world = World()
    world.connect("desk-1")
    world.poll("desk-1")
    world.clock.advance(3)
    lost = errors.error(errors.DIED, "the worker died (SIGKILL)", terminal="desk-1")
    at = world.clock.wall()
    world.hear(
        CallFailed(terminal="desk-1", error=lost),
        SessionChanged(terminal="desk-1", before="ready", after="backoff", at=at, lasted=3, error=lost),
        BreakerChanged(terminal="desk-1", before="closed", after="open", reason="consecutive"),
        WorkerStarted(terminal="desk-1", seconds=0.5, python="3.11", package="5.0", pid=7, restart="crash"),
    )
    world.snapshot.lost("desk-1", at=at, reason=lost.reason, message=str(lost))
    view = SessionView(
        state="backoff",
        since=at,
        breaker="open",
        attempt=3,
        running=False,
        open_until=at + 7.5,
        failure_ratio=0.75,
    )
    world.snapshot.observe("desk-1", view)
    world.poll("bare", lost=True)
    return world


@pytest.mark.parametrize("world", [fresh, stale, down], ids=lambda world: world.__name__)
def test_an_exposition_is_as_it_was(world: Callable[[], World]) -> None:
    rendering = world().render()
    bodies = {"txt": rendering.text, "om": rendering.openmetrics + END}
    files = {suffix: GOLDEN / f"{world.__name__}.{suffix}" for suffix in bodies}
    if WANTED:
        for suffix, body in bodies.items():
            files[suffix].write_bytes(body)

    kept = {suffix: file.read_bytes() for suffix, file in files.items()}

    assert kept == bodies, f"if this is meant: {UPDATE}=1 pytest {Path(__file__).name}"


@pytest.mark.parametrize("name", ["fresh", "stale", "down"])
def test_a_golden_file_can_be_parsed(name: str) -> None:
    text = parsing.text((GOLDEN / f"{name}.txt").read_bytes())
    openmetrics = parsing.openmetrics((GOLDEN / f"{name}.om").read_bytes())

    assert len(text) == len(openmetrics) > 30
