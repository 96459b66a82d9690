"""One round: who is asked, what is filled in, how old it is, and when it does not run."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mt5_exporter.catalogue import ACCOUNT_ORDERS, Metric, Sample
from mt5_exporter.errors import MT5InvalidRequestError
from mt5_exporter.manager import MT5SessionManager
from mt5_exporter.poll import Poller, Skipped, blocking
from mt5_exporter.probes import PROBES, Probe, Verdict
from mt5_exporter.probes.base import PASSED
from mt5_exporter.probes.connection import ConnectionProbe
from mt5_exporter.readings.orders import OrdersReading
from mt5_exporter.readings.terminal import TerminalReading
from mt5_exporter.round import Round
from mt5_exporter.session import SessionState
from mt5_exporter.snapshot import ProbeResult, ProbeStatus
from tests.session.polling import WEDNESDAY, Polling, polling, probe_of, reading_of
from tests.session.stage import Behind, FakeClock, config, in_loop, simulated, until


@dataclass
class Pausing:
    """A probe that lets time go by, or waits until it is told to go on."""

    seconds: float = 0.0
    name: str = "pausing"
    requires: frozenset[str] = frozenset()
    go_on: asyncio.Event | None = None
    begun: bool = False

    async def run(self, asked: Round) -> Verdict:
        self.begun = True
        if self.go_on is not None:
            await self.go_on.wait()
        assert isinstance(asked.clock, FakeClock)
        asked.clock.advance(self.seconds)
        return PASSED


@dataclass
class Broken:
    """A probe, and a reading, with a defect."""

    defect: Exception
    name: str = "broken"
    requires: frozenset[str] = frozenset()
    metrics: tuple[Metric, ...] = field(default=(ACCOUNT_ORDERS,))

    async def run(self, asked: Round) -> Verdict:
        raise self.defect

    async def read(self, asked: Round) -> Sequence[Sample]:
        raise self.defect


@in_loop
async def test_a_poll_asks_each_question_once_whoever_needs_the_answer(tmp_path: Path) -> None:
    async with polling(tmp_path, Behind(), symbols=()) as stage:
        stage.answers.give("terminal_info", stage.answers.known("terminal_info"), seconds=0.1)

        result = await stage.poll()

        # Connection, latency and the terminal's reading share one frame of a tenth of a second.
        assert probe_of(result, "connection").seconds >= 0.1
        assert probe_of(result, "latency").seconds == probe_of(result, "connection").seconds
        # The terminal's version is a frame of its own.
        assert reading_of(result, "terminal").seconds >= probe_of(result, "connection").seconds
        assert 0.1 <= result.seconds < 0.2


@in_loop
async def test_a_poll_is_well_when_all_is_well(tmp_path: Path) -> None:
    clock = FakeClock(wall=WEDNESDAY)
    async with polling(tmp_path, clock) as stage:
        result = await stage.poll()

    assert (result.terminal, result.at, result.instant) == ("desk", WEDNESDAY, 1000.0)
    assert {probe.status for probe in result.probes} == {ProbeStatus.PASSED}
    assert {probe.at for probe in result.probes} == {WEDNESDAY}
    assert all(probe.ran for probe in result.probes)
    assert [reading.reading for reading in result.readings] == [
        "terminal",
        "account",
        "symbols",
        "positions",
        "orders",
        "deals",
        "history_orders",
        "risk",
        "experts",
    ]
    assert all(reading.success and not reading.skipped for reading in result.readings)


# Ages and durations


@in_loop
async def test_a_reading_is_as_old_as_the_oldest_answer_in_it(tmp_path: Path) -> None:
    clock = FakeClock(wall=WEDNESDAY)
    probes: list[Probe] = [ConnectionProbe(), Pausing(5.0), Pausing(name="authentication")]
    readings = (TerminalReading(), OrdersReading())
    async with polling(tmp_path, clock, probes=probes, readings=readings) as stage:
        result = await stage.poll()

    terminal, orders = result.readings
    assert (terminal.at, terminal.instant) == (WEDNESDAY, 1000.0)
    assert (orders.at, orders.instant) == (WEDNESDAY + 5.0, 1005.0)
    assert (result.seconds, result.at) == (5.0, WEDNESDAY + 5.0)


@in_loop
async def test_a_failed_reading_took_the_time_of_its_failed_frame(tmp_path: Path) -> None:
    async with polling(tmp_path, Behind(), timeout=0.2) as stage:
        stage.answers.give("orders_get", [], seconds=30.0)

        found = await stage.reading("orders")

    assert not found.success
    assert found.message == "terminal 'desk': orders_get: no answer within 0.2 s"
    assert 0.19 < found.seconds < 2.0


# What a deadline or a loss leaves behind


@in_loop
async def test_the_polls_own_deadline_fills_in_what_was_not_asked(tmp_path: Path) -> None:
    async with polling(tmp_path, Behind(), poll_timeout=0.3) as stage:
        assert stage.session.worker is not None
        pid = stage.session.worker.pid
        stage.answers.give("account_info", stage.answers.known("account_info"), seconds=0.6)

        result = await stage.poll()

        text = "the poll's deadline of 0.3 s passed"
        assert [(probe.status.value, probe.reason) for probe in result.probes] == [
            ("passed", ""),
            ("failed", "poll_deadline"),
            ("failed", "poll_deadline"),
            ("failed", "poll_deadline"),
        ]
        assert {reading.message for reading in result.readings} == {text}
        assert not any(reading.success or reading.skipped for reading in result.readings)
        assert stage.session.state is SessionState.DEGRADED
        stage.answers.give("account_info", stage.answers.known("account_info"))
        await stage.session.drained("", 5.0)
        again = await stage.poll()
        assert all(reading.success for reading in again.readings)
        assert stage.session.worker.pid == pid


@in_loop
async def test_what_was_read_before_the_deadline_counts(tmp_path: Path) -> None:
    async with polling(tmp_path, Behind(), poll_timeout=0.4) as stage:
        stage.answers.give("orders_get", [], seconds=1.0)

        result = await stage.poll()

    assert [reading.success for reading in result.readings] == [True] * 4 + [False] * 5
    assert {probe.status for probe in result.probes} == {ProbeStatus.PASSED}


@in_loop
async def test_a_terminal_lost_on_the_way_is_not_connected_any_more(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.fail("positions_get", -10002, "IPC recv failed")

        result = await stage.poll()

        connection = probe_of(result, "connection")
        assert connection.status is ProbeStatus.FAILED
        text = "terminal 'desk': positions_get: IPC recv failed (MT5 error -10002)"
        assert (connection.reason, connection.message) == ("ipc_receive", text)
        assert reading_of(result, "account").success
        assert not reading_of(result, "orders").success


@in_loop
async def test_a_recycled_worker_is_lost_without_an_error(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.session._lose(None)

        seen = ProbeResult(probe="connection", status=ProbeStatus.PASSED, at=1.0, seconds=0.5)
        lost = stage.poller._lost(seen, stage.session)

        assert (lost.status, lost.reason, lost.message) == (
            ProbeStatus.FAILED,
            "not_ready",
            "the session was lost",
        )
        assert lost.seconds == 0.5


@pytest.mark.parametrize(
    ("question", "state"), [("account_info", SessionState.DEGRADED), ("orders_get", SessionState.READY)]
)
@in_loop
async def test_a_failed_probe_degrades_the_session_and_a_failed_reading_does_not(
    tmp_path: Path, question: str, state: SessionState
) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.fail(question, -4, "Not found")
        await stage.poll()
        ill = stage.session.state
        stage.answers.give(question, stage.answers.known(question))
        await stage.poll()

        assert ill is state
        assert stage.session.state is SessionState.READY


# Defects


@in_loop
async def test_a_probe_with_a_defect_fails_alone_and_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    probes: list[Probe] = [*PROBES, Broken(KeyError("symbol"))]
    async with polling(tmp_path, probes=probes) as stage:
        result = await stage.poll()

    broken = probe_of(result, "broken")
    assert (broken.status, broken.reason, broken.message) == (ProbeStatus.FAILED, "defect", "KeyError")
    assert [probe.status for probe in result.probes[:-1]] == [ProbeStatus.PASSED] * len(PROBES)
    assert all(reading.success for reading in result.readings)
    assert "a probe raised" in caplog.text


@in_loop
async def test_a_reading_with_a_defect_fails_alone_and_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    readings = (Broken(TimeoutError()), TerminalReading())
    async with polling(tmp_path, readings=readings) as stage:
        result = await stage.poll()

    assert [(reading.success, reading.message) for reading in result.readings] == [
        (False, "TimeoutError"),
        (True, ""),
    ]
    assert "a reading raised" in caplog.text


def test_only_what_failed_or_was_skipped_below_blocks() -> None:
    def result(name: str, status: ProbeStatus) -> ProbeResult:
        return ProbeResult(probe=name, status=status, at=0.0)

    before = [
        result("passed", ProbeStatus.PASSED),
        result("unknown", ProbeStatus.UNKNOWN),
        result("skipped", ProbeStatus.SKIPPED),
        result("failed", ProbeStatus.FAILED),
    ]

    blocked = [blocking(frozenset({found.probe}), before) for found in before]

    assert blocked == [None, None, before[2], before[3]]
    assert blocking(frozenset(), before) is None


# Polls that do not run


@in_loop
async def test_a_poll_that_finds_the_lease_out_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mt5_exporter.poll.LEASE_WAIT", 0.05)
    async with polling(tmp_path) as stage:
        async with stage.manager.session():
            with pytest.raises(Skipped, match=r"^no_lease$"):
                await stage.poll()

        assert (await stage.poll()).readings[0].success


@in_loop
async def test_a_poll_that_meets_the_last_one_is_skipped(tmp_path: Path) -> None:
    pausing = Pausing(go_on=asyncio.Event())
    async with polling(tmp_path, probes=[*PROBES, pausing]) as stage:
        first = asyncio.ensure_future(stage.poll())
        await until(lambda: pausing.begun)

        with pytest.raises(Skipped, match=r"^still_running$"):
            await stage.poll()
        assert pausing.go_on is not None
        pausing.go_on.set()

        assert (await first).readings[0].success
        assert (await stage.poll()).readings[0].success


@in_loop
async def test_a_poll_is_skipped_while_somebodys_late_answer_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mt5_exporter.poll.LEASE_WAIT", 0.05)
    async with polling(tmp_path) as stage:
        stage.answers.give("positions_total", 3, seconds=0.5)
        caller = asyncio.ensure_future(positions(stage))
        await until(lambda: stage.session.worker is not None and stage.session.worker.busy)
        caller.cancel()

        # The terminal is as well as before: it must not be called slow, or down.
        with pytest.raises(Skipped, match=r"^no_lease$"):
            await stage.poll()


async def positions(stage: Polling) -> int:
    async with stage.manager.session() as lease:
        return await lease.positions_total()


@in_loop
async def test_a_poll_of_a_closed_manager_is_skipped(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        await stage.manager.close()

        with pytest.raises(Skipped, match=r"^draining$"):
            await stage.poll()


@in_loop
async def test_a_cancelled_poll_gives_back_the_lease_and_the_next_one_runs(tmp_path: Path) -> None:
    pausing = Pausing(go_on=asyncio.Event())
    async with polling(tmp_path, probes=[*PROBES, pausing]) as stage:
        first = asyncio.ensure_future(stage.poll())
        await until(lambda: pausing.begun)
        first.cancel()
        await asyncio.wait({first})
        assert pausing.go_on is not None
        pausing.go_on.set()

        assert (await stage.poll()).readings[0].success


@in_loop
async def test_a_poll_of_another_loop_is_an_error_and_no_skip(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        with pytest.raises(MT5InvalidRequestError):
            await asyncio.to_thread(asyncio.run, stage.poll())


# With the simulated terminal


@in_loop
async def test_a_simulated_terminals_poll_is_well_and_its_faults_show(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yml"
    pool = MT5SessionManager(config(simulated(scenario)), clock=Behind())
    async with pool:
        poller = Poller(pool, pool.terminal())
        assert await pool.wait_ready(timeout=20)
        well = await poller.poll()
        scenario.write_text("faults: [{fault: disconnected}, {fault: algo_off}]\n")
        ill = await poller.poll()

    assert all(reading.success for reading in well.readings)
    assert probe_of(ill, "data_feed").reason == "disconnected"
    values = {sample.metric.name: sample.value for sample in reading_of(ill, "terminal").samples}
    assert (values["mt5_terminal_connected"], values["mt5_terminal_trade_allowed"]) == (0, 0)
