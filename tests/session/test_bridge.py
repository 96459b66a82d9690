"""A terminal behind a bridge, in a session with a real worker: hangs end, and what is lost comes back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mt5_exporter.backoff import Backoff
from mt5_exporter.config import BridgeConfig, TerminalConfig
from mt5_exporter.errors import MT5ConnectionError, MT5TimeoutError
from mt5_exporter.events import WorkerStarted
from mt5_exporter.session import SessionState
from tests.far.bridge import PATH, bridge
from tests.scripted.world import World
from tests.session.stage import Stage, alive, in_loop, until


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    found = World(tmp_path / "world.db")
    found.symbol("EURUSD")
    yield found
    found.close()


def terminal(port: int) -> TerminalConfig:
    return TerminalConfig(
        name="desk",
        driver="rpyc",
        path=PATH,
        bridge=BridgeConfig(port=port),
        timeout=5.0,
        connect_timeout=5.0,
        backoff=Backoff(initial=0.05, maximum=0.2),
    )


@in_loop
async def test_a_lost_bridge_is_reached_for_with_backoff_by_the_same_worker(
    tmp_path: Path, world: World
) -> None:
    with bridge(tmp_path, world) as first:
        port = first.port
        async with Stage(terminal=terminal(port)) as stage:
            await stage.ready()
            pid = stage.pid
            with pytest.raises(MT5ConnectionError) as lost:
                await stage.ask("symbol_info", "DIE")
            await until(lambda: stage.failures.count(("connection", "no_bridge")) >= 3, what="attempts")
            with bridge(tmp_path, world, port=port):
                await stage.ready()
                total = await stage.ask("positions_total")

            assert lost.value.reason == "no_bridge"
            assert total == 0
            # Neither a crash nor a new interpreter for each attempt.
            assert [event.pid for event in stage.of(WorkerStarted)] == [pid]


@in_loop
async def test_a_bridge_that_hangs_is_left_at_the_deadline(tmp_path: Path, world: World) -> None:
    with bridge(tmp_path, world, flags=("-m", "forking")) as running:
        async with Stage(terminal=terminal(running.port)) as stage:
            await stage.ready()
            pid = stage.pid

            with pytest.raises(MT5TimeoutError):
                await stage.ask("symbol_info", "HANG", timeout=0.3)

            await until(lambda: not alive(pid), what="ended")
            await until(lambda: stage.session.state is SessionState.READY, what="ready again")
            assert stage.pid != pid
            assert await stage.ask("positions_total") == 0
