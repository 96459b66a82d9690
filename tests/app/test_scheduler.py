"""When jobs run: on time for hours, whatever a job does and whatever the wall clock does."""

import asyncio
import logging
from collections.abc import Callable, Coroutine

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt5_exporter.events import ClockJumped, Event, Events, Heartbeat, JobDue, JobEnded, LoopWoke
from mt5_exporter.scheduler import HEARTBEAT, APScheduler, next_start
from tests.app.virtual_time import VirtualClock, VirtualLoop, run_virtually

INTERVAL = 7.0
HOUR = 3600.0


class Stage:
    """A scheduler in virtual time, with what it told."""

    def __init__(self, loop: VirtualLoop, clock: VirtualClock) -> None:
        self.loop = loop
        self.clock = clock
        self.events: list[Event] = []
        events = Events()
        events.subscribe(self.events.append)
        self.scheduler = APScheduler(clock=clock, events=events)
        self.runs: list[float] = []

    async def job(self) -> None:
        self.runs.append(self.clock.monotonic())

    def ended(self, job: str = "desk-1") -> list[JobEnded]:
        return [event for event in self.events if isinstance(event, JobEnded) and event.job == job]

    def outcomes(self) -> set[str]:
        return {event.outcome for event in self.ended()}

    def jumps(self) -> list[float]:
        return [event.seconds for event in self.events if isinstance(event, ClockJumped)]


def scheduled(test: Callable[[Stage], Coroutine[object, object, None]]) -> Stage:
    """Run a test in virtual time; the scheduler stops at its end."""

    async def main(loop: VirtualLoop, clock: VirtualClock) -> Stage:
        stage = Stage(loop, clock)
        try:
            await test(stage)
        finally:
            await stage.scheduler.stop()
        return stage

    return run_virtually(main)


# -- phases -------------------------------------------------------------------


@given(st.text(max_size=20), st.floats(1, 3600), st.floats(0, 2e9))
def test_the_next_start_comes_within_one_interval(name: str, interval: float, now: float) -> None:
    assert now < next_start(name, interval, now) <= now + interval * (1 + 1e-9) + 1e-6


@given(st.text(max_size=20), st.integers(0, 10**9), st.integers(0, 10**6))
def test_a_phase_is_the_same_whenever_it_is_asked_for(name: str, now: int, later: int) -> None:
    one, other = (next_start(name, 15.0, float(moment)) for moment in (now, now + later))

    apart = (other - one) / 15.0
    assert apart == pytest.approx(round(apart), abs=1e-6)


def test_phases_spread_over_the_interval() -> None:
    starts = [next_start(f"desk-{number}", 10.0, 0.0) for number in range(1000)]

    tenths = [sum(tenth <= start < tenth + 1 for start in starts) for tenth in range(10)]

    assert min(tenths) > 70
    assert max(tenths) < 130


# -- on time -------------------------------------------------------------------


def test_a_job_runs_at_its_interval_for_an_hour_without_drift() -> None:
    async def test(stage: Stage) -> None:
        async def run() -> None:
            await stage.job()
            await asyncio.sleep(1.3)

        stage.scheduler.every(INTERVAL, "desk-1", run)
        stage.scheduler.start()
        await asyncio.sleep(HOUR)

    stage = scheduled(test)

    assert len(stage.runs) in {int(HOUR / INTERVAL), int(HOUR / INTERVAL) + 1}
    for number, started in enumerate(stage.runs):
        assert started - stage.runs[0] == pytest.approx(number * INTERVAL, abs=0.01)
    assert stage.outcomes() == {"executed"}
    lags = [event.lag for event in stage.events if isinstance(event, JobDue) and event.job == "desk-1"]
    assert len(lags) == len(stage.runs)
    assert max(lags) < 0.01
    assert stage.jumps() == []


def test_two_jobs_of_one_interval_do_not_start_together() -> None:
    async def test(stage: Stage) -> None:
        for name in ("desk-1", "desk-2", "desk-3"):
            stage.scheduler.every(INTERVAL, name, stage.job)
        stage.scheduler.start()
        await asyncio.sleep(10 * INTERVAL)

    stage = scheduled(test)

    gaps = [later - earlier for earlier, later in zip(stage.runs, stage.runs[1:], strict=False)]
    assert min(gaps) > 0.1


def test_a_job_that_takes_longer_than_its_interval_never_runs_twice_at_once() -> None:
    async def test(stage: Stage) -> None:
        running: list[None] = []

        async def run() -> None:
            assert not running
            running.append(None)
            await stage.job()
            await asyncio.sleep(2.5 * INTERVAL)
            running.pop()

        stage.scheduler.every(INTERVAL, "desk-1", run)
        stage.scheduler.start()
        await asyncio.sleep(31 * INTERVAL)

    stage = scheduled(test)

    assert len(stage.runs) in {10, 11}
    assert stage.outcomes() == {"executed", "max_instances"}


def test_a_job_that_raises_is_told_and_runs_again(caplog: pytest.LogCaptureFixture) -> None:
    defect = RuntimeError("a defect of ours")

    async def test(stage: Stage) -> None:
        async def run() -> None:
            await stage.job()
            if len(stage.runs) == 2:
                raise defect

        stage.scheduler.every(INTERVAL, "desk-1", run)
        stage.scheduler.start()
        await asyncio.sleep(4 * INTERVAL)

    with caplog.at_level(logging.WARNING):
        stage = scheduled(test)

    assert [(event.outcome, event.error) for event in stage.ended()] == [
        ("executed", None),
        ("error", defect),
        ("executed", None),
        ("executed", None),
    ]
    # The journal tells it, once; APScheduler would at every run.
    assert caplog.records == []


def test_now_runs_a_job_at_once_and_leaves_its_schedule_alone() -> None:
    async def test(stage: Stage) -> None:
        stage.scheduler.every(INTERVAL, "desk-1", stage.job)
        stage.scheduler.start()
        await asyncio.sleep(2 * INTERVAL)
        del stage.runs[1:]
        stage.scheduler.now("desk-1")
        await asyncio.sleep(0)
        assert len(stage.runs) == 2
        await asyncio.sleep(2 * INTERVAL)

    stage = scheduled(test)

    scheduled_runs = [stage.runs[0], *stage.runs[2:]]
    for started in scheduled_runs:
        intervals = (started - scheduled_runs[0]) / INTERVAL
        assert intervals == pytest.approx(round(intervals), abs=0.01)


def test_a_job_that_raises_now_is_told_as_well() -> None:
    defect = RuntimeError("a defect of ours")

    async def test(stage: Stage) -> None:
        async def run() -> None:
            await asyncio.sleep(0)
            raise defect

        stage.scheduler.every(HOUR, "desk-1", run)
        stage.scheduler.start()
        stage.scheduler.now("desk-1")
        await asyncio.sleep(1)

    assert [(event.outcome, event.error) for event in scheduled(test).ended()] == [("error", defect)]


# -- the end -------------------------------------------------------------------


@pytest.mark.parametrize("begin", ["scheduled", "now"])
def test_stop_cancels_what_runs_and_nothing_runs_afterwards(
    begin: str, caplog: pytest.LogCaptureFixture
) -> None:
    cancelled: list[bool] = []

    async def test(stage: Stage) -> None:
        async def run() -> None:
            await stage.job()
            try:
                await asyncio.sleep(HOUR)
            except asyncio.CancelledError:
                cancelled.append(True)
                raise

        stage.scheduler.every(INTERVAL if begin == "scheduled" else HOUR, "desk-1", run)
        stage.scheduler.start()
        if begin == "now":
            stage.scheduler.now("desk-1")
        await asyncio.sleep(1.5 * INTERVAL)
        await stage.scheduler.stop()
        await asyncio.sleep(3 * INTERVAL)

    with caplog.at_level(logging.WARNING):
        stage = scheduled(test)

    assert len(stage.runs) == 1
    assert cancelled == [True]
    assert stage.outcomes() <= {"max_instances"}
    assert caplog.records == []


def test_a_scheduler_that_was_never_started_can_be_stopped() -> None:
    async def test(stage: Stage) -> None:
        stage.scheduler.every(INTERVAL, "desk-1", stage.job)
        await asyncio.sleep(0)

    assert scheduled(test).runs == []


# -- clocks -------------------------------------------------------------------


@pytest.mark.parametrize("jump", [-HOUR, HOUR, -24 * HOUR, 24 * HOUR, -0.6, 0.6])
def test_after_a_jump_of_the_wall_clock_a_job_runs_within_one_interval(jump: float) -> None:
    async def test(stage: Stage) -> None:
        stage.scheduler.every(INTERVAL, "desk-1", stage.job)
        stage.scheduler.start()
        await asyncio.sleep(3 * INTERVAL)
        stage.runs.clear()
        stage.loop.jump(jump)
        jumped = stage.clock.monotonic()
        await asyncio.sleep(10 * INTERVAL)
        assert stage.runs[0] - jumped <= INTERVAL + 0.5

    stage = scheduled(test)

    assert stage.jumps() == [pytest.approx(jump, abs=0.01)]
    # A jump ahead makes one run due at once; from then on the interval holds.
    gaps = [later - earlier for earlier, later in zip(stage.runs[1:], stage.runs[2:], strict=False)]
    assert gaps == [pytest.approx(INTERVAL, abs=0.01)] * len(gaps)
    assert len(gaps) >= 7


def test_clocks_that_part_by_little_disturb_nobody() -> None:
    async def test(stage: Stage) -> None:
        stage.scheduler.start()
        await asyncio.sleep(1)
        for jump in (0.2, -0.4, 0.3):
            stage.loop.jump(jump)
            await asyncio.sleep(1)

    assert scheduled(test).jumps() == []


def test_clocks_that_part_slowly_are_a_jump_in_the_end() -> None:
    async def test(stage: Stage) -> None:
        stage.scheduler.start()
        await asyncio.sleep(1)
        for _ in range(6):
            stage.loop.jump(0.1)
            await asyncio.sleep(1)

    assert scheduled(test).jumps() == [pytest.approx(0.6, abs=0.01)]


def test_the_heartbeat_beats_every_second_and_its_age_stays_small() -> None:
    async def test(stage: Stage) -> None:
        stage.scheduler.start()
        for _ in range(20):
            await asyncio.sleep(0.5)
            assert stage.scheduler.heartbeat_age < 1.1

    stage = scheduled(test)

    beats = [event.at for event in stage.events if isinstance(event, Heartbeat)]
    assert len(beats) == 10
    assert {event.outcome for event in stage.ended(HEARTBEAT)} == {"executed"}


def test_the_heartbeats_age_grows_when_the_scheduler_is_dead() -> None:
    async def test(stage: Stage) -> None:
        stage.scheduler.start()
        await asyncio.sleep(5)
        stage.scheduler._scheduler.shutdown(wait=False)
        await asyncio.sleep(30)

        assert 29 < stage.scheduler.heartbeat_age < 32

    scheduled(test)


def test_a_blocked_event_loop_shows_as_lag() -> None:
    async def test(stage: Stage) -> None:
        stage.scheduler.start()
        await asyncio.sleep(3)
        stage.loop.pass_time(2)
        await asyncio.sleep(1)

    late = [event.late for event in scheduled(test).events if isinstance(event, LoopWoke)]

    assert 1.7 < max(late) < 2.1
    assert sorted(late)[-2] < 0.01


def test_a_task_that_is_left_behind_shows_in_the_count() -> None:
    async def test(stage: Stage) -> None:
        stage.scheduler.start()
        await asyncio.sleep(3)
        left = [asyncio.ensure_future(asyncio.sleep(60)) for _ in range(5)]
        await asyncio.sleep(1)
        for task in left:
            task.cancel()
        await asyncio.sleep(1)

    tasks = [event.tasks for event in scheduled(test).events if isinstance(event, LoopWoke)]

    assert max(tasks) == tasks[0] + 5
    assert tasks[-1] == tasks[0]
