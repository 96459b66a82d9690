"""One terminal's life, with a real worker: every fault, what becomes of the worker, and how it comes back."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from mt5_exporter import errors
from mt5_exporter.backoff import Backoff
from mt5_exporter.breaker import BreakerSettings, BreakerState
from mt5_exporter.config import AccountConfig, TerminalConfig
from mt5_exporter.errors import (
    MT5ConnectionError,
    MT5Error,
    MT5InvalidRequestError,
    MT5TimeoutError,
    MT5UnavailableError,
)
from mt5_exporter.events import (
    AttemptFinished,
    BreakerChanged,
    CallFailed,
    CallFinished,
    Event,
    SessionChanged,
    WorkerStarted,
    WorkerWrote,
)
from mt5_exporter.link import Answer, Call
from mt5_exporter.secret import Secret
from mt5_exporter.session import SessionState
from tests.session.stage import (
    LOGIN,
    SERVER,
    FakeClock,
    Stage,
    alive,
    children,
    fault,
    in_loop,
    simulated,
    until,
)
from tests.session.terminals import Answers
from tests.session.test_launcher import played

ROBUST = BreakerSettings(consecutive_failures=1000, minimum_calls=1000, window=1000)
"""A breaker that stays out of the way."""


def patient(*, breaker: BreakerSettings = ROBUST, timeout: float = 3.0) -> TerminalConfig:
    return simulated(breaker=breaker, timeout=timeout)


async def refused(stage: Stage, function: str = "account_info", **more: float) -> MT5Error:
    """Return the error of one call."""
    with pytest.raises(MT5Error) as caught:
        await stage.ask(function, **more)
    return caught.value


# The way up, and how it stands


@in_loop
async def test_a_session_goes_from_stopped_to_ready_and_back() -> None:
    stage = Stage()

    async with stage:
        await stage.ready()
        pid = stage.pid

    assert stage.way == ["starting", "connecting", "ready", "draining", "stopped"]
    [started] = stage.of(WorkerStarted)
    assert (started.terminal, started.pid, started.package) == ("desk", pid, "5.0.6231")
    assert started.restart is None
    [attempt] = stage.of(AttemptFinished)
    assert attempt.error is None
    assert stage.failures == []
    assert not alive(pid)


@in_loop
async def test_each_change_of_state_says_when_and_how_long_the_last_one_lasted() -> None:
    clock = FakeClock(wall=1_700_000_000.0)
    async with Stage(clock=clock) as stage:
        await stage.ready()
        clock.advance(60.0)

    *_, ready, draining, _ = stage.of(SessionChanged)
    assert (ready.after, ready.at) == ("ready", 1_700_000_000.0)
    assert (draining.before, draining.at, draining.lasted) == ("ready", 1_700_000_060.0, 60.0)


@in_loop
async def test_a_ready_sessions_view_says_that_all_is_well() -> None:
    clock = FakeClock(wall=1_700_000_000.0)
    async with Stage(clock=clock) as stage:
        before = stage.session.view()
        await stage.ready()

        view = stage.session.view()

        assert (before.state, before.worker_up, before.running) == ("stopped", False, None)
        assert (view.state, view.breaker, view.attempt) == ("ready", "closed", 0)
        assert (view.worker_up, view.running, view.since) == (True, True, 1_700_000_000.0)
        assert view.worker_memory is not None
        assert view.worker_memory > 1_000_000
        assert (view.open_until, view.failure_ratio, view.slow_call_ratio) == (None, None, None)


@in_loop
async def test_the_probes_verdict_moves_between_ready_and_degraded_and_nowhere_else() -> None:
    async with Stage() as stage:
        stage.session.judge(healthy=False)
        early = stage.session.state
        await stage.ready()
        stage.session.judge(healthy=False)
        degraded = stage.session.state
        answered = await stage.ask("symbols_total")
        stage.session.judge(healthy=True)

        assert early is SessionState.STOPPED
        assert degraded is SessionState.DEGRADED
        assert isinstance(answered, int)
        assert stage.session.state is SessionState.READY


@in_loop
async def test_a_call_before_the_session_is_ready_is_never_sent() -> None:
    async with Stage() as stage:
        failure = await refused(stage)

        assert isinstance(failure, MT5UnavailableError)
        assert (failure.reason, failure.message) == ("draining", "the session is stopped")
        await stage.reach(SessionState.STARTING)
        failure = await refused(stage)
        assert (failure.reason, failure.message) == ("not_ready", "the session is starting")
        await stage.ready()
        assert stage.of(CallFinished) == []


@in_loop
async def test_a_call_from_another_loop_is_refused_with_the_remedy() -> None:
    async with Stage() as stage:
        await stage.ready()

        with pytest.raises(MT5InvalidRequestError, match=r"use manager\.threadsafe") as caught:
            await asyncio.to_thread(asyncio.run, stage.ask("account_info"))

        assert caught.value.reason == "foreign_loop"


# Every fault of a call: what is raised, where the session goes, and what becomes of the worker

FAULTS = [
    # fault, kind, reason, keeps worker, restart
    ("no_ipc", "connection", "no_ipc", False, "connection"),
    ("not_running", "connection", "ipc_receive", False, "connection"),
    ("not_authorised", "connection", "not_authorised", True, None),
    ("crash", "connection", "worker_died", False, "crash"),
    ("segfault", "connection", "worker_died", False, "crash"),
    ("huge_frame", "connection", "protocol", False, "protocol"),
    ("wrong_id", "connection", "protocol", False, "protocol"),
    ("half_frame", "timeout", "deadline", False, "timeout"),
    ("hang", "timeout", "deadline", False, "timeout"),
    ("hang_gil", "timeout", "deadline", False, "timeout"),
]


@pytest.mark.parametrize(("name", "kind", "reason", "kept", "restart"), FAULTS)
@in_loop
async def test_a_fault_that_loses_the_terminal_backs_off_and_recovers(
    name: str, kind: str, reason: str, kept: bool, restart: str | None
) -> None:
    clock, function = FakeClock(), "account_info"
    async with Stage(clock=clock, terminal=patient(timeout=0.7)) as stage:
        await stage.ready()
        pid = stage.pid
        stage.play(fault(name, function))

        failure = await refused(stage, function)

        assert (failure.kind, failure.reason) == (kind, reason)
        assert (failure.terminal, failure.operation) == ("desk", function)
        assert stage.session.state is SessionState.BACKOFF
        assert stage.session.last_error is failure
        assert (stage.session.attempt, stage.session.breaker.state) == (1, BreakerState.CLOSED)
        await stage.lost()
        assert alive(pid) is kept
        stage.play()
        clock.advance(60.0)
        await stage.ready()
        assert (stage.pid == pid) is kept
        assert stage.failures == [(kind, reason)]
        assert stage.session.attempt == 0
        assert [event.restart for event in stage.of(WorkerStarted)] == [None, *([restart] if restart else [])]
        [lost] = [event for event in stage.of(SessionChanged) if event.after == "backoff"]
        assert (lost.before, lost.error) == ("ready", failure)


@pytest.mark.parametrize(
    ("name", "function", "kind", "reason", "outcome"),
    [
        ("none", "orders_total", "data", "no_data", "ignored"),
        ("call_failed", "orders_total", "broker", "call_failed", "failure"),
        ("call_failed", "symbol_info", "data", "call_failed", "ignored"),
        ("auth_failed", "account_info", "authentication", "rejected", "failure"),
    ],
)
@in_loop
async def test_a_fault_that_says_nothing_of_the_link_leaves_the_session_as_it_is(
    name: str, function: str, kind: str, reason: str, outcome: str
) -> None:
    async with Stage(terminal=patient()) as stage:
        await stage.ready()
        pid = stage.pid
        stage.play(fault(name, function))
        args = ["BTCUSD"] if function == "symbol_info" else []

        with pytest.raises(MT5Error) as caught:
            await stage.ask(function, *args)

        assert (caught.value.kind, caught.value.reason) == (kind, reason)
        assert stage.session.state is SessionState.READY
        assert stage.pid == pid
        assert stage.failures == [(kind, reason)]
        [finished] = stage.of(CallFinished)
        assert (finished.operation, finished.outcome) == (function, outcome)


@in_loop
async def test_a_call_off_the_allow_list_is_refused_by_the_worker_and_ignored() -> None:
    async with Stage() as stage:
        await stage.ready()

        failure = await refused(stage, "order_send")

        assert (failure.kind, failure.reason) == ("permission", "not_allowed")
        assert failure.breaker == "ignore"
        assert stage.session.state is SessionState.READY


@in_loop
async def test_out_of_memory_recycles_the_worker(tmp_path: Path) -> None:
    answers = Answers(tmp_path)
    clock = FakeClock()
    async with Stage(clock=clock, terminal=answers.config(breaker=ROBUST)) as stage:
        await stage.ready()
        pid = stage.pid
        answers.fail("orders_total", -3, "No memory")

        failure = await refused(stage, "orders_total")

        assert (failure.kind, failure.reason) == ("unavailable", "no_memory")
        await stage.lost()
        assert not alive(pid)
        clock.advance(60.0)
        await stage.ready()
        assert [event.restart for event in stage.of(WorkerStarted)] == [None, "memory"]


@in_loop
async def test_an_argument_that_does_not_fit_into_a_frame_is_the_callers_and_harms_nobody() -> None:
    async with Stage(terminal=patient(timeout=0.5)) as stage:
        await stage.ready()
        pid = stage.pid

        with pytest.raises(MT5InvalidRequestError, match="cannot be sent: object has no place") as caught:
            await stage.ask("symbol_info", object())

        assert (caught.value.reason, caught.value.operation) == ("invalid_params", "symbol_info")
        assert isinstance(await stage.ask("symbols_total"), int)
        assert stage.pid == pid
        assert stage.failures == []


@in_loop
async def test_one_frame_of_calls_gives_each_its_own_answer_and_counts_each_cause_once() -> None:
    async with Stage(terminal=patient()) as stage:
        await stage.ready()
        stage.play(fault("none", "orders_total", "positions_total"))
        functions = ["symbols_total", "orders_total", "positions_total", "terminal_info"]

        answers = await stage.session.ask([Call(function=function) for function in functions])

        reasons = [answer.error.reason if answer.error else "" for answer in answers]
        assert reasons == ["", "no_data", "no_data", ""]
        assert all(answer.seconds >= 0 for answer in answers)
        assert stage.failures == [("data", "no_data")]


@in_loop
async def test_an_error_carries_what_a_person_on_call_asks_for() -> None:
    async with Stage() as stage:
        await stage.ready()

        with pytest.raises(MT5Error) as caught:
            await stage.ask("symbol_info", "NOPE")

        failure = caught.value
        assert str(failure) == "terminal 'desk': symbol_info: Terminal: Not found (MT5 error -4)"
        assert failure.context == {"arguments": ("NOPE",)}
        assert failure.elapsed > 0


@pytest.mark.parametrize(
    ("echo", "text"),
    [(None, "expected 1 results"), ([1], "a result has another shape"), ([[], []], "expected 1 results")],
)
@in_loop
async def test_a_reply_of_another_shape_ends_the_worker(echo: object, text: str) -> None:
    # The played interpreter echoes nothing of a connect, so the very first reply is malformed.
    behaviour = {"None": "echo", "[1]": "malformed"}.get(str(echo), "two_rows")
    clock = FakeClock()
    async with Stage(clock=clock, terminal=simulated(command=tuple(played(behaviour)))) as stage:
        await stage.lost()

        assert stage.session.last_error is not None
        assert stage.session.last_error.message == f"malformed reply: {text}"
        assert stage.failures == [("connection", "protocol")]
        assert stage.session.worker is None


# A worker that dies when nobody asks


@in_loop
async def test_a_death_between_calls_is_one_failure_and_the_worker_is_replaced() -> None:
    clock = FakeClock()
    async with Stage(clock=clock, terminal=patient()) as stage:
        await stage.ready()
        stage.worker.kill()

        await stage.lost()
        clock.advance(60.0)
        await stage.ready()

        assert stage.failures == [("connection", "worker_died")]
        assert [event.restart for event in stage.of(WorkerStarted)] == [None, "crash"]
        assert stage.of(CallFinished) == []


@in_loop
async def test_a_worker_that_dies_after_its_greeting_is_one_failure_an_attempt() -> None:
    clock = FakeClock()
    terminal = simulated(command=tuple(played("greets_and_dies")), breaker=ROBUST)
    async with Stage(clock=clock, terminal=terminal) as stage:
        await stage.lost()
        clock.advance(60.0)
        await until(lambda: len(stage.of(AttemptFinished)) == 2)

        assert stage.session.attempt == 2
        assert stage.failures == [("connection", "worker_died")] * 2


@in_loop
async def test_a_kept_worker_that_dies_between_attempts_is_told_and_replaced() -> None:
    clock = FakeClock()
    async with Stage(fault("not_running"), clock=clock, terminal=patient()) as stage:
        await stage.lost()
        stage.worker.kill()
        await until(lambda: len(stage.failures) == 2)
        stage.play()
        clock.advance(60.0)

        await stage.ready()

        assert stage.failures == [("connection", "not_running"), ("connection", "worker_died")]


@in_loop
async def test_a_death_while_the_breaker_is_open_is_told_and_changes_no_plan() -> None:
    clock = FakeClock()
    once = BreakerSettings(consecutive_failures=1)
    async with Stage(fault("not_running"), clock=clock, terminal=patient(breaker=once)) as stage:
        await stage.lost()
        planned = stage.session.breaker.open_until

        stage.worker.kill()
        await until(lambda: len(stage.failures) == 2)

        assert stage.session.breaker.open_until == planned
        assert stage.session.attempt == 1


@in_loop
async def test_a_workers_stderr_is_told_line_by_line() -> None:
    async with Stage(fault("stderr_flood", "account_info", bytes=200)) as stage:
        await stage.ready()

        await until(lambda: len(stage.of(WorkerWrote)) >= 3)

        assert stage.of(WorkerWrote)[0].line.startswith("simulated terminal: stderr flood")


# Attempts that fail


@pytest.mark.parametrize(
    ("name", "reason", "running"),
    [("not_running", "not_running", False), ("busy", "busy", True), ("no_pipe", "no_pipe", True)],
)
@in_loop
async def test_a_terminal_that_is_not_there_keeps_the_worker_and_is_found_when_it_returns(
    name: str, reason: str, running: bool
) -> None:
    clock = FakeClock()
    async with Stage(fault(name), clock=clock, terminal=patient()) as stage:
        await stage.lost()
        pid = stage.pid
        seen = stage.session.view()
        clock.advance(60.0)
        await until(lambda: len(stage.failures) == 2)
        stage.play()
        clock.advance(60.0)
        await stage.ready()

        assert (seen.running, seen.worker_up, seen.state) == (running, True, "backoff")
        assert stage.failures == [("connection", reason)] * 2
        assert stage.pid == pid
        assert stage.session.running is True
        assert len(stage.of(WorkerStarted)) == 1


@in_loop
async def test_a_terminal_that_is_not_authorised_keeps_the_worker_and_runs() -> None:
    clock = FakeClock()
    terminal = simulated(breaker=ROBUST, connect_timeout=0.2)
    async with Stage(fault("not_authorised"), clock=clock, terminal=terminal) as stage:
        await stage.lost()
        pid = stage.pid
        stage.play()
        clock.advance(60.0)
        await stage.ready()

        assert stage.failures == [("connection", "not_authorised")]
        assert stage.pid == pid
        assert stage.session.running is True


@in_loop
async def test_a_connect_that_hangs_is_killed_at_its_deadline() -> None:
    clock = FakeClock()
    terminal = simulated(breaker=ROBUST, connect_timeout=0.2)
    async with Stage(fault("hang", "initialize"), clock=clock, terminal=terminal) as stage:
        await stage.lost()

        assert stage.failures == [("timeout", "deadline")]
        assert stage.session.worker is None
        [attempt] = stage.of(AttemptFinished)
        assert isinstance(attempt.error, MT5TimeoutError)
        assert str(attempt.error) == "terminal 'desk': connect: no answer within 0.2 s"


@in_loop
async def test_a_trial_call_that_fails_is_a_failed_attempt_and_the_delays_grow() -> None:
    clock = FakeClock()
    terminal = simulated(breaker=ROBUST, backoff=Backoff(initial=2.0, maximum=60.0))
    async with Stage(fault("call_failed", "terminal_info"), clock=clock, terminal=terminal) as stage:
        for number in range(1, 4):
            await until(lambda: len(stage.of(AttemptFinished)) == number)  # noqa: B023 - awaited here
            await stage.lost()
            assert stage.session.attempt == number
            clock.advance(60.0)

        # Although each account_info was good: it is the whole attempt that counts.
        assert set(stage.failures) == {("connection", "call_failed")}


@pytest.mark.parametrize(
    ("command", "reason", "text"),
    [
        (("/no/such/python",), "worker_died", "cannot start /no/such/python: not found, or not executable"),
        (tuple(played("exits")), "worker_died", "the worker died (exit status 3)"),
        (tuple(played("no_module")), "no_module", "No module named 'MetaTrader5'"),
    ],
)
@in_loop
async def test_a_worker_that_does_not_start_is_a_failed_attempt(
    command: tuple[str, ...], reason: str, text: str
) -> None:
    clock = FakeClock()
    async with Stage(clock=clock, terminal=simulated(command=command)) as stage:
        await stage.lost()

        assert stage.session.last_error is not None
        assert (stage.session.last_error.reason, stage.session.last_error.message) == (reason, text)
        assert stage.failures == [("connection", reason)]
        assert stage.way == ["starting", "backoff"]


@in_loop
async def test_a_defect_in_an_attempt_is_a_failed_attempt_and_the_next_one_is_made(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = FakeClock()
    stage = Stage(clock=clock)
    current = stage.settings.current
    broken = [RuntimeError("no settings")]

    def fail_once() -> tuple[int, object]:
        if broken:
            raise broken.pop()
        return current()

    stage.settings.current = fail_once  # type: ignore[method-assign,assignment]
    async with stage:
        await stage.lost()
        clock.advance(60.0)
        await stage.ready()

    assert stage.failures == [("connection", "protocol")]
    assert "an attempt raised" in caplog.text


@in_loop
async def test_a_connect_that_can_never_succeed_is_tried_on_without_blaming_the_terminal(
    tmp_path: Path,
) -> None:
    answers = Answers(tmp_path)
    answers.fail("initialize", -2, "Invalid params")
    clock = FakeClock()
    once = BreakerSettings(consecutive_failures=1)
    async with Stage(clock=clock, terminal=answers.config(breaker=once)) as stage:
        await stage.lost()
        pid = stage.pid
        clock.advance(60.0)
        await until(lambda: len(stage.of(AttemptFinished)) == 2)

        assert stage.failures == [("invalid_request", "invalid_params")] * 2
        assert stage.session.attempt == 2
        assert stage.of(BreakerChanged) == []
        assert stage.pid == pid


@in_loop
async def test_symbols_are_selected_where_that_is_asked_for_and_an_unknown_one_is_counted() -> None:
    symbols = ("BTCUSD", "NOPE")
    async with Stage(terminal=simulated(select=True, symbols=symbols)) as stage:
        await stage.ready()

        assert stage.failures == [("data", "not_found")]
        assert stage.session.attempt == 0
        assert await stage.ask("symbol_info_tick", "BTCUSD") is not None


@in_loop
async def test_where_no_symbols_are_named_none_are_selected() -> None:
    async with Stage(terminal=simulated(select=True, symbols=())) as stage:
        await stage.ready()

        assert stage.failures == []


@in_loop
async def test_every_attempt_asks_the_fleet_for_leave() -> None:
    asked: list[float] = []
    clock = FakeClock()

    async def admit() -> None:
        asked.append(clock.now)

    async with Stage(fault("not_running"), clock=clock, terminal=patient(), admit=admit) as stage:
        await stage.lost()
        clock.advance(60.0)
        await until(lambda: len(stage.failures) == 2)

    assert asked == [1000.0, 1060.0]


# Logging in


def logging_in(**more: float) -> TerminalConfig:
    account = AccountConfig(login=LOGIN, server=SERVER, password=Secret("a password"))
    return simulated(login=True, account=account, login_retry=more.get("login_retry", 900.0))


@in_loop
async def test_a_login_is_made_where_it_is_asked_for() -> None:
    async with Stage(fault("account_switch"), terminal=logging_in()) as stage:
        await stage.ready()

        answered = await stage.session.ask_one(Call(function="account_info"))

        assert answered is not None
        assert stage.failures == []


@in_loop
async def test_a_rejected_login_trips_the_breaker_for_long_and_keeps_the_worker() -> None:
    clock = FakeClock()
    async with Stage(fault("auth_failed", "login"), clock=clock, terminal=logging_in()) as stage:
        await stage.lost()
        pid = stage.pid

        assert stage.failures == [("authentication", "rejected")]
        assert stage.session.breaker.state is BreakerState.OPEN
        assert stage.session.breaker.open_until == clock.now + 900.0
        assert stage.of(BreakerChanged)[0].reason == "trip"
        stage.play()
        clock.advance(899.0)
        await until(lambda: clock.sleeping)
        assert len(stage.of(AttemptFinished)) == 1
        clock.advance(1.0)
        await stage.ready()
        assert stage.pid == pid


@in_loop
async def test_a_rejected_authorisation_that_we_did_not_ask_for_keeps_looking() -> None:
    clock = FakeClock()
    async with Stage(fault("auth_failed", "initialize"), clock=clock, terminal=patient()) as stage:
        await stage.lost()

        assert stage.failures == [("authentication", "rejected")]
        assert stage.of(BreakerChanged) == []
        clock.advance(1.0)
        await until(lambda: len(stage.of(AttemptFinished)) == 2)
        assert stage.session.attempt == 2


# The breaker, and the one clock


@in_loop
async def test_the_breaker_opens_at_its_threshold_until_the_next_attempt_and_closes_after_it() -> None:
    clock = FakeClock()
    terminal = simulated(
        breaker=BreakerSettings(consecutive_failures=3), backoff=Backoff(initial=1.0, maximum=60.0)
    )
    async with Stage(fault("not_running"), clock=clock, terminal=terminal) as stage:
        for number in (1, 2, 3):
            await until(lambda: len(stage.of(AttemptFinished)) == number)  # noqa: B023 - awaited here
            await stage.lost()
            opened = stage.session.breaker.state is BreakerState.OPEN
            assert opened is (number == 3)
            if not opened:
                clock.advance(4.0)
        # Third failure in a row, half of the jitter: from 0.5 to 4 seconds, and so 2.25.
        until_then = clock.now + 2.25
        failure = await refused(stage)
        view = stage.session.view()

        assert stage.session.breaker.open_until == until_then
        assert view.open_until == clock.wall() + 2.25
        assert (failure.kind, failure.reason) == ("unavailable", "breaker_open")
        stage.play()
        clock.advance(2.25)
        await stage.ready()
        assert [(event.before, event.after, event.reason) for event in stage.of(BreakerChanged)] == [
            ("closed", "open", "consecutive_failures"),
            ("open", "half_open", "wait_over"),
            ("half_open", "closed", "trial_succeeded"),
        ]
        assert [event.outcome for event in stage.of(CallFinished)] == ["not_permitted"]
        assert len(stage.of(CallFailed)) == 3


@in_loop
async def test_failures_of_one_call_open_the_breaker_by_ratio_and_the_worker_lives() -> None:
    clock = FakeClock()
    terminal = simulated(
        breaker=BreakerSettings(
            consecutive_failures=100, failure_ratio=0.5, minimum_calls=4, window=10, slow_call_seconds=60.0
        )
    )
    async with Stage(fault("call_failed", "orders_total"), clock=clock, terminal=terminal) as stage:
        await stage.ready()
        pid = stage.pid
        await stage.ask("symbols_total")
        await refused(stage, "orders_total")

        # With the trial call of the attempt, two of four.
        failure = await refused(stage, "orders_total")

        await stage.lost()
        assert (failure.kind, failure.reason) == ("broker", "call_failed")
        assert stage.session.last_error is not None
        assert stage.session.last_error.message == "circuit breaker opened: failure_ratio"
        assert (stage.session.view().breaker, stage.session.view().failure_ratio) == ("open", 0.5)
        assert stage.pid == pid
        stage.play()
        clock.advance(60.0)
        await stage.ready()
        assert stage.pid == pid
        assert stage.session.view().breaker == "closed"


@in_loop
async def test_a_call_is_refused_while_the_trial_calls_are_out() -> None:
    clock = FakeClock()
    terminal = patient(breaker=BreakerSettings(consecutive_failures=1, permitted_calls=2))
    async with Stage(fault("not_running"), clock=clock, terminal=terminal) as stage:
        await stage.lost()
        stage.play()
        clock.advance(60.0)
        await stage.ready()
        permit = stage.session.breaker.acquire()

        failure = await refused(stage)
        permit.success()

        assert (failure.reason, failure.message) == ("breaker_open", "circuit breaker is open")
        assert stage.session.breaker.state is BreakerState.CLOSED
        assert await stage.ask("symbols_total")


@in_loop
async def test_the_supervisor_waits_while_somebody_elses_trial_call_is_out() -> None:
    clock = FakeClock()
    terminal = patient(breaker=BreakerSettings(consecutive_failures=1))
    async with Stage(fault("not_running"), clock=clock, terminal=terminal) as stage:
        await stage.lost()
        stage.play()
        clock.now += 60.0
        permit = stage.session.breaker.acquire()
        clock.advance(0.0)
        await until(lambda: clock.slept[-1] > 0.05 and clock.sleeping)
        held_back = stage.session.state
        permit.ignore()

        clock.advance(1.0)
        await stage.ready()

        assert held_back is SessionState.BACKOFF
        assert len(stage.of(AttemptFinished)) == 2


@in_loop
async def test_the_row_of_failures_ends_only_with_a_good_account_info() -> None:
    clock = FakeClock()
    async with Stage(fault("not_running"), clock=clock, terminal=patient()) as stage:
        await stage.lost()
        stage.play(fault("none", "account_info"))
        clock.advance(60.0)
        await stage.ready()
        attached = stage.session.attempt
        await refused(stage)
        failing = stage.session.attempt
        stage.play()
        await stage.ask("symbols_total")
        other_call = stage.session.attempt
        await stage.ask("account_info")

        assert (attached, failing, other_call, stage.session.attempt) == (1, 1, 1, 0)


@in_loop
async def test_slow_calls_are_counted_as_slow() -> None:
    terminal = patient(breaker=BreakerSettings(slow_call_seconds=0.05, consecutive_failures=100))
    async with Stage(fault("slow", "orders_total", seconds=0.1), terminal=terminal) as stage:
        await stage.ready()

        await stage.ask("orders_total")

        [finished] = stage.of(CallFinished)
        assert finished.slow
        assert finished.seconds > 0.05


# Deadlines and callers who leave


@in_loop
async def test_a_callers_own_deadline_counts_before_the_terminals() -> None:
    async with Stage(fault("slow", "account_info", seconds=0.4), terminal=patient()) as stage:
        await stage.ready()
        before = time.monotonic()

        failure = await refused(stage, timeout=0.1)

        assert isinstance(failure, MT5TimeoutError)
        assert failure.message == "no answer within 0.1 s"
        assert 0.09 < failure.elapsed < time.monotonic() - before + 0.01


@in_loop
async def test_a_cancelled_caller_detaches_and_the_late_answer_is_dropped() -> None:
    async with Stage(terminal=patient()) as stage:
        await stage.ready()
        pid = stage.pid
        stage.play(fault("slow", "orders_total", seconds=0.3))
        caller = asyncio.ensure_future(stage.ask("orders_total"))
        await until(lambda: stage.session.worker is not None and stage.session.worker.busy)

        caller.cancel()
        await asyncio.wait({caller})
        answered = await stage.ask("symbols_total")

        assert caller.cancelled()
        assert isinstance(answered, int)
        assert answered > 3
        assert stage.pid == pid
        outcomes = [(event.operation, event.outcome) for event in stage.of(CallFinished)]
        assert outcomes == [("orders_total", "ignored"), ("symbols_total", "success")]


@in_loop
async def test_a_late_answer_that_never_comes_still_meets_its_deadline() -> None:
    async with Stage(terminal=patient()) as stage:
        await stage.ready()
        stage.play(fault("hang", "orders_total"))
        caller = asyncio.ensure_future(stage.ask("orders_total", timeout=0.3))
        await until(lambda: stage.session.worker is not None and stage.session.worker.busy)

        caller.cancel()
        await stage.reach(SessionState.BACKOFF)

        assert stage.failures == [("timeout", "deadline")]


@in_loop
async def test_who_comes_next_waits_for_the_late_answer_no_longer_than_its_own_deadline() -> None:
    async with Stage(terminal=patient()) as stage:
        await stage.ready()
        stage.play(fault("slow", "orders_total", seconds=0.6))
        caller = asyncio.ensure_future(stage.ask("orders_total"))
        await until(lambda: stage.session.worker is not None and stage.session.worker.busy)
        caller.cancel()

        failure = await refused(stage, timeout=0.1)

        assert (failure.kind, failure.reason) == ("unavailable", "no_lease")
        assert failure.message == "an earlier request is still being answered after 0.1 s"
        assert stage.failures == []


@in_loop
async def test_a_reply_whose_reading_raises_tells_the_caller_and_hands_its_permit_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Stage(terminal=patient()) as stage:
        await stage.ready()

        def raising(reply: object, calls: object) -> list[Answer]:
            raise ArithmeticError

        monkeypatch.setattr(stage.session._link, "answers", raising)
        with pytest.raises(ArithmeticError):
            await stage.ask("orders_total")

        assert stage.session.breaker._out == set()
        assert not stage.session._answering


# Recycling


@in_loop
async def test_a_worker_that_has_grown_is_replaced_when_the_lease_returns_and_that_is_no_failure() -> None:
    terminal = simulated(max_worker_memory=80 << 20)
    async with Stage(terminal=terminal) as stage:
        await stage.ready()
        pid = stage.pid
        stage.session.released()
        small = stage.session.state
        stage.play(fault("memory_growth", "orders_total", bytes=100 << 20))
        await stage.ask("orders_total")
        stage.play()

        stage.session.released()

        assert small is SessionState.READY
        assert stage.session.state is SessionState.STARTING
        await stage.ready()
        assert stage.pid != pid
        assert not alive(pid)
        assert stage.failures == []
        assert stage.session.attempt == 0
        assert [event.restart for event in stage.of(WorkerStarted)] == [None, "memory"]
        assert [event.error for event in stage.of(SessionChanged)] == [None] * len(stage.of(SessionChanged))


@in_loop
async def test_a_worker_that_still_answers_somebody_is_not_replaced() -> None:
    async with Stage(terminal=simulated(max_worker_memory=1)) as stage:
        await stage.ready()
        stage.play(fault("slow", "orders_total", seconds=0.3))
        caller = asyncio.ensure_future(stage.ask("orders_total"))
        await asyncio.sleep(0)
        caller.cancel()
        await asyncio.wait({caller})

        stage.session.released()

        kept = stage.session.state
        await stage.session.drained("", 5.0)
        stage.session.released()
        assert (kept, stage.session.state) == (SessionState.READY, SessionState.STARTING)
        await stage.ready()
        assert stage.failures == []


# Draining, whatever goes on


async def drain(stage: Stage) -> None:
    """Drain and check that nothing is left, and nothing was counted."""
    counted = list(stage.failures)
    await asyncio.wait_for(stage.session.drain(), 10)
    assert stage.session.state is SessionState.STOPPED
    assert stage.session.worker is None
    assert [child for child in children() if "-I" in child.cmdline()] == []
    assert stage.failures == counted
    assert stage.way[-2:] == ["draining", "stopped"]


@in_loop
async def test_draining_while_it_starts_leaves_nothing() -> None:
    stage = Stage(terminal=simulated(command=tuple(played("silent"))))
    stage.session.start()
    await stage.reach(SessionState.STARTING)
    await until(children)

    await drain(stage)

    assert stage.failures == []


@in_loop
async def test_draining_while_it_connects_leaves_nothing() -> None:
    stage = Stage(fault("slow", "initialize", seconds=0.5))
    stage.session.start()
    await stage.reach(SessionState.CONNECTING)

    await drain(stage)

    assert stage.failures == []


@in_loop
async def test_draining_while_it_is_ready_leaves_nothing() -> None:
    stage = Stage()
    stage.session.start()
    await stage.ready()

    await drain(stage)

    assert stage.failures == []


@in_loop
async def test_draining_while_it_backs_off_leaves_nothing() -> None:
    stage = Stage(fault("not_running"), clock=FakeClock())
    stage.session.start()
    await stage.lost()
    assert stage.session.worker is not None

    await drain(stage)

    assert stage.failures == [("connection", "not_running")]


@in_loop
async def test_draining_in_the_middle_of_a_call_tells_its_caller_and_counts_nothing() -> None:
    stage = Stage(fault("hang", "orders_total"))
    stage.session.start()
    await stage.ready()
    caller = asyncio.ensure_future(stage.ask("orders_total", timeout=60))
    await until(lambda: stage.session.worker is not None and stage.session.worker.busy)

    await drain(stage)

    failure = caller.exception()
    assert isinstance(failure, MT5UnavailableError)
    assert (failure.reason, failure.message) == (
        "draining",
        "the session was drained before the answer came",
    )
    assert stage.failures == []


@in_loop
async def test_draining_a_session_that_was_never_started_does_nothing() -> None:
    stage = Stage()

    await stage.session.drain()

    assert stage.heard == []


@in_loop
async def test_a_drained_session_refuses_calls() -> None:
    async with Stage() as stage:
        await stage.ready()
    failure = await refused(stage)

    assert (failure.reason, failure.message) == ("draining", "the session is stopped")


# Who listens


@in_loop
async def test_a_listener_that_raises_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def raising(_: Event) -> None:
        raise RuntimeError("a listener's own fault")

    stage = Stage(fault("not_running"), clock=FakeClock())
    stage.events.subscribe(raising)
    after: list[Event] = []
    stage.events.subscribe(after.append)
    async with stage:
        await stage.lost()
        stage.play()
        assert isinstance(stage.clock, FakeClock)
        stage.clock.advance(60.0)
        await stage.ready()

    assert after == stage.heard
    assert stage.events.listener_errors == len(stage.heard)
    assert "a listener failed" in caplog.text


@pytest.mark.parametrize("name", ["crash", "hang", "no_ipc", "wrong_id", "none"])
@in_loop
async def test_a_failure_is_told_exactly_once_each_way(name: str) -> None:
    clock = FakeClock()
    async with Stage(clock=clock, terminal=patient(timeout=0.3)) as stage:
        await stage.ready()
        heard = len(stage.heard)
        stage.play(fault(name, "orders_total"))

        await refused(stage, "orders_total")
        if name != "none":
            await stage.lost()

        told = stage.heard[heard:]
        assert [type(event) for event in told].count(CallFailed) == 1
        assert [type(event) for event in told].count(CallFinished) == 1
        assert [type(event) for event in told].count(SessionChanged) == (name != "none")


def test_what_a_code_does_to_the_worker_is_a_table() -> None:
    kept: Sequence[int] = [-10005, -20002, -20003, -20004, -1, -2, -4, -6]
    lost: Sequence[int] = [-10000, -10001, -10002, -10003, -10004, errors.DIED, errors.DEADLINE]

    assert all(errors.error(code, "").keeps_worker for code in kept)
    assert not any(errors.error(code, "").keeps_worker for code in lost)
    assert isinstance(errors.error(errors.DIED, ""), MT5ConnectionError)


@in_loop
async def test_a_scripted_terminal_is_reached_by_the_genuine_driver(tmp_path: Path) -> None:
    answers = Answers(tmp_path)
    async with Stage(terminal=answers.config()) as stage:
        await stage.ready()

        assert await stage.ask("positions_total") == 3
        assert stage.session.running is True
