"""When: jobs on an interval and a phase of their own, whatever the wall clock does."""

import asyncio
import datetime as dt
import hashlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from apscheduler import events as aps
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from mt5_exporter.clock import Clock
from mt5_exporter.events import ClockJumped, Events, Heartbeat, JobDue, JobEnded, LoopWoke

WATCH_INTERVAL = 0.25
JUMP = 0.5
"""Seconds by which the two clocks may part before every job is scheduled anew."""

HEARTBEAT = "exporter heartbeat"
"""No terminal can be called so, for the space."""
HEARTBEAT_INTERVAL = 1.0

Run = Callable[[], Awaitable[None]]


class Scheduler(Protocol):
    """The port: what the exporter needs of any scheduler."""

    def every(self, interval: float, name: str, run: Run) -> None:
        """Call `run` every `interval` seconds, at a phase that follows from `name`."""
        ...

    def remove(self, name: str) -> None:
        """Call a job no more; a run of it that is under way goes on."""
        ...

    def now(self, name: str) -> None:
        """Call a job once more, beside its schedule."""
        ...

    def start(self) -> None:
        """Begin."""
        ...

    async def stop(self) -> None:
        """End; no job is called afterwards, and those that run are cancelled."""
        ...

    @property
    def heartbeat_age(self) -> float:
        """Monotonic seconds since the scheduler last ran a job of its own."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One entry."""

    name: str
    interval: float
    run: Run


class APScheduler:
    """APScheduler 3 behind the port, with what it lacks.

    It counts on a wall clock that never jumps: set back one hour, it would run nothing for an hour, in
    silence. A watchdog compares the two clocks. Its `jitter` slows a schedule down; a phase does not.
    """

    def __init__(self, *, clock: Clock, events: Events) -> None:
        self._clock = clock
        self._events = events
        self._jobs: dict[str, Job] = {}
        self._extra: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None
        self._beat_at = clock.monotonic()
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        # What a job raises is told as an event, once, and a job that we cancel is no error.
        logging.getLogger("apscheduler.executors").setLevel(logging.CRITICAL)
        self._scheduler = AsyncIOScheduler(
            timezone=dt.UTC,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler.add_listener(
            self._heard,
            aps.EVENT_JOB_EXECUTED
            | aps.EVENT_JOB_ERROR
            | aps.EVENT_JOB_MISSED
            | aps.EVENT_JOB_MAX_INSTANCES
            | aps.EVENT_JOB_SUBMITTED,
        )
        self.every(HEARTBEAT_INTERVAL, HEARTBEAT, self._beat)

    @property
    def heartbeat_age(self) -> float:
        """Monotonic seconds since the heartbeat's last run."""
        return self._clock.monotonic() - self._beat_at

    def every(self, interval: float, name: str, run: Run) -> None:
        """Call `run` every `interval` seconds."""
        self._jobs[name] = Job(name=name, interval=interval, run=run)
        self._scheduler.add_job(run, self._trigger(self._jobs[name]), id=name)

    def remove(self, name: str) -> None:
        """Call a job no more."""
        del self._jobs[name]
        self._scheduler.remove_job(name)

    def now(self, name: str) -> None:
        """Call a job once more; the schedule keeps its phase."""
        task = asyncio.ensure_future(self._call(self._jobs[name]))
        self._extra.add(task)
        task.add_done_callback(self._extra.discard)

    def start(self) -> None:
        """Begin, on the running event loop."""
        self._scheduler.start()
        self._watch = asyncio.ensure_future(self._watch_clocks())

    async def stop(self) -> None:
        """End; the executor cancels what runs."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        tasks = {task for task in (self._watch, *self._extra) if task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _call(self, job: Job) -> None:
        try:
            await job.run()
        except Exception as defect:  # noqa: BLE001 - as the scheduler itself treats a job
            self._events.emit(JobEnded(job=job.name, outcome="error", error=defect))

    async def _beat(self) -> None:
        self._beat_at = self._clock.monotonic()
        self._events.emit(Heartbeat(at=self._clock.wall()))

    def _trigger(self, job: Job) -> IntervalTrigger:
        start = next_start(job.name, job.interval, self._clock.wall())
        return IntervalTrigger(
            seconds=job.interval, start_date=dt.datetime.fromtimestamp(start, dt.UTC), timezone=dt.UTC
        )

    def _heard(self, event: aps.JobEvent) -> None:
        if event.code == aps.EVENT_JOB_SUBMITTED:
            due = event.scheduled_run_times[0].timestamp()
            self._events.emit(JobDue(job=event.job_id, lag=max(0.0, self._clock.wall() - due)))
            return
        word = {
            aps.EVENT_JOB_EXECUTED: "executed",
            aps.EVENT_JOB_ERROR: "error",
            aps.EVENT_JOB_MISSED: "missed",
            aps.EVENT_JOB_MAX_INSTANCES: "max_instances",
        }[event.code]
        failure = event.exception if event.code == aps.EVENT_JOB_ERROR else None
        if isinstance(failure, asyncio.CancelledError):
            return
        self._events.emit(JobEnded(job=event.job_id, outcome=word, error=failure))

    async def _watch_clocks(self) -> None:
        apart = self._clock.wall() - self._clock.monotonic()
        while True:
            before = self._clock.monotonic()
            await self._clock.sleep(WATCH_INTERVAL)
            late = self._clock.monotonic() - before - WATCH_INTERVAL
            self._events.emit(LoopWoke(late=max(0.0, late), tasks=len(asyncio.all_tasks())))
            jump = self._clock.wall() - self._clock.monotonic() - apart
            if abs(jump) > JUMP:
                apart += jump
                self._reschedule(jump)

    def _reschedule(self, jump: float) -> None:
        for job in self._jobs.values():
            self._scheduler.reschedule_job(job.name, trigger=self._trigger(job))
        self._events.emit(ClockJumped(seconds=jump))


def next_start(name: str, interval: float, now: float) -> float:
    """Return the next Unix time of a job: its phase follows from its name, as Prometheus does for targets."""
    digest = hashlib.sha256(name.encode()).digest()
    phase = int.from_bytes(digest[:8], "big") / 2**64 * interval
    return now + interval - (now - phase) % interval
