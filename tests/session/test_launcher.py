"""A worker process from its start to its end: frames, deadlines, deaths, and what it may see of us."""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from mt5_exporter import launcher
from mt5_exporter.bundle import BOOTSTRAP
from mt5_exporter.errors import DEADLINE, DIED, PROTOCOL
from mt5_exporter.far import wire
from mt5_exporter.launcher import (
    INHERITED,
    Exit,
    Hello,
    WorkerError,
    WorkerProcess,
    command_line,
    describe,
    environment,
)
from tests.session.stage import Fault, alive, children, fault, in_loop, simulation, until

INTERPRETER = Path(__file__).with_name("interpreter.py")
PARENT = Path(__file__).with_name("parent.py")
SYSTEM_PYTHON = Path("/usr/bin/python3")
CANARY = "canary-7f3a"

CONNECT: Mapping[str, object] = {"op": "connect"}
ACCOUNT: Mapping[str, object] = {"calls": [{"function": "account_info", "fields": ["login", "server"]}]}


def played(behaviour: str) -> list[str]:
    return [sys.executable, str(INTERPRETER), behaviour]


def settings(*faults: Fault) -> dict[str, object]:
    """Return the settings of a simulated terminal."""
    account = simulation()
    return {
        "driver": "simulated",
        "path": "",
        "simulation": {"seed": 1, "login": account.login, "opened": account.opened, "faults": list(faults)},
    }


class Running:
    """One worker, and all that it told."""

    def __init__(self) -> None:
        self.exits: list[Exit] = []
        self.lines: list[str] = []
        self.process: WorkerProcess
        self.hello: Hello

    async def ask(self, message: Mapping[str, object], *, budget: float = 10.0) -> dict[str, object]:
        return await self.process.request(message, budget=budget)

    async def echo(self, value: object, *, budget: float = 10.0) -> object:
        return (await self.ask({"echo": value}, budget=budget))["results"]

    async def failure(self, message: Mapping[str, object], *, budget: float = 10.0) -> WorkerError:
        with pytest.raises(WorkerError) as caught:
            await self.ask(message, budget=budget)
        return caught.value


async def start(
    running: Running,
    command: Sequence[str] | None = None,
    faults: Sequence[Fault] = (),
    *,
    timeout: float = 15.0,
    names: Sequence[str] = (),
    on_stderr: Callable[[str], None] | None = None,
) -> None:
    running.process, running.hello = await WorkerProcess.start(
        command=command,
        environment_names=names,
        settings=settings(*faults),
        timeout=timeout,
        on_exit=running.exits.append,
        on_stderr=on_stderr or running.lines.append,
    )


@asynccontextmanager
async def started(
    command: Sequence[str] | None = None,
    faults: Sequence[Fault] = (),
    *,
    names: Sequence[str] = (),
    grace: float = 1.0,
) -> AsyncIterator[Running]:
    running = Running()
    await start(running, command, faults, names=names)
    try:
        yield running
    finally:
        await running.process.stop(grace=grace)
        assert not alive(running.process.pid)


async def start_failure(command: Sequence[str] | None, *, timeout: float = 15.0) -> WorkerError:
    """Return why a worker did not start; it has left no process."""
    running = Running()
    before = {child.pid for child in children()}
    with pytest.raises(WorkerError) as caught:
        await start(running, command, timeout=timeout)
    await until(lambda: {child.pid for child in children()} <= before, what="no process is left")
    assert "\n" not in caught.value.text
    return caught.value


# The greeting, and one request after another


@in_loop
async def test_a_worker_greets_with_its_python_and_its_driver() -> None:
    async with started() as worker:
        assert worker.hello.python == ".".join(str(part) for part in sys.version_info[:3])
        assert worker.hello.driver == "simulated"
        assert worker.hello.package == "5.0.6231"
        assert worker.process.alive


@in_loop
async def test_requests_are_answered_in_turn_with_the_workers_memory() -> None:
    async with started() as worker:
        await worker.ask(CONNECT)
        replies = [await worker.ask(ACCOUNT) for _ in range(3)]

        assert [reply["id"] for reply in replies] == [2, 3, 4]
        assert worker.process.resident_memory is not None
        assert worker.process.resident_memory > 1_000_000
        assert not worker.process.busy


@in_loop
async def test_a_foreign_interpreter_runs_the_far_side_with_nothing_installed(
    tool: Callable[[str], str],
) -> None:
    async with started([tool(str(SYSTEM_PYTHON))]) as worker:
        reply = await worker.ask(CONNECT)

        assert worker.hello.python.startswith("3.")
        assert str(reply["results"]).startswith("[[True, 1, 'Success'")


@in_loop
async def test_a_frame_that_arrives_in_two_parts_is_one_frame_wherever_it_is_split() -> None:
    async with started(played("split")) as worker:
        body = {"id": 100, "rss": 1000, "results": "grüße"}
        length = len(json.dumps(body)) + wire.HEADER
        for at in range(1, length - 1):
            answered = await worker.ask({"echo": "grüße", "at": at})

            assert answered["results"] == "grüße"


@in_loop
async def test_the_greeting_may_arrive_byte_by_byte() -> None:
    worker = WorkerProcess(lambda _: None, lambda _: None)
    hello = {"hello": {"protocol": 1, "python": "3.11", "driver": "played", "package": "5"}}

    for byte in wire.encode(hello):
        worker.pipe_data_received(1, bytes([byte]))

    assert worker._hello.result() == Hello(python="3.11", driver="played", package="5")


@in_loop
async def test_a_large_frame_arrives_intact_while_the_loop_goes_on() -> None:
    async with started(played("echo")) as worker:
        content = [random.Random(3).randbytes(1000).hex() for _ in range(600)]
        gaps = Gaps()

        async with gaps:
            answered = await worker.echo(content)

        assert len(str(answered)) > launcher.LARGE
        assert answered == content
        assert gaps.longest < 1.0


class Gaps:
    """The longest time for which the loop did not come round."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def __aenter__(self) -> None:
        self._task = asyncio.ensure_future(self._watch())

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _watch(self) -> None:
        before = time.monotonic()
        while True:
            await asyncio.sleep(0)
            now = time.monotonic()
            self.longest = max(self.longest, now - before)
            before = now


@in_loop
async def test_a_request_that_json_has_no_word_for_is_refused_and_harms_nobody() -> None:
    async with started(played("echo")) as worker:
        with pytest.raises(TypeError):
            worker.process.request({"echo": object()}, budget=0.05)
        with pytest.raises(wire.WireError):
            worker.process.request({"echo": "x" * wire.MAX_FRAME}, budget=0.05)

        assert not worker.process.busy
        assert await worker.echo("well") == "well"


# The deadline, and only the deadline, kills


@in_loop
async def test_a_request_without_an_answer_fails_at_its_deadline_and_the_worker_is_killed() -> None:
    async with started(faults=[fault("hang", "account_info")]) as worker:
        await worker.ask(CONNECT)
        before = time.monotonic()

        failure = await worker.failure(ACCOUNT, budget=0.3)

        assert (failure.code, failure.text) == (DEADLINE, "no answer within 0.3 s")
        assert 0.29 < time.monotonic() - before < 2.0
        await until(lambda: worker.exits)
        assert worker.exits == [Exit(status=-9, reason="no answer within 0.3 s", told=True)]


@in_loop
async def test_a_cancelled_caller_does_not_kill_and_the_late_reply_is_drained() -> None:
    async with started(faults=[fault("slow", "account_info", seconds=0.3)]) as worker:
        await worker.ask(CONNECT)
        reply = worker.process.request(ACCOUNT, budget=10.0)
        caller = asyncio.ensure_future(asyncio.wait({reply}))
        await asyncio.sleep(0)

        caller.cancel()
        await asyncio.wait({caller})

        assert worker.process.busy
        await until(lambda: not worker.process.busy)
        assert (await worker.ask({"calls": [{"function": "symbols_total"}]}))["id"] == 3
        assert worker.exits == []


@in_loop
async def test_a_reply_that_was_itself_cancelled_is_read_and_dropped() -> None:
    async with started(played("echo")) as worker:
        worker.process.request({"echo": 1}, budget=10.0).cancel()

        await until(lambda: not worker.process.busy)

        assert await worker.echo(2) == 2


@in_loop
async def test_nothing_is_sent_to_a_worker_that_was_ended_or_has_died() -> None:
    async with started(played("die")) as worker:
        await worker.failure({})
        await until(lambda: worker.exits)
        died = await worker.failure({})
    async with started(played("echo")) as worker:
        worker.process.kill(WorkerError(PROTOCOL, "enough"))
        ended = await worker.failure({})

    assert (died.code, died.text) == (DIED, "the worker died (exit status 9)")
    assert (ended.code, ended.text) == (PROTOCOL, "enough")


# What breaks the protocol


@pytest.mark.parametrize(
    ("behaviour", "text"),
    [
        ("garbage", "frame of 4294967295 bytes is over 8388608"),
        ("huge", "frame of 1073741824 bytes is over 8388608"),
        ("wrong_id", "reply -1 to a request that nobody made"),
        ("no_json", "frame is not JSON: Expecting property name enclosed in double quotes: "),
        ("large_no_json", "frame is not JSON: Expecting value: line 1 column 1 (char 0)"),
    ],
)
@in_loop
async def test_a_frame_that_breaks_the_protocol_ends_the_worker(behaviour: str, text: str) -> None:
    async with started(played(behaviour)) as worker:
        failure = await worker.failure({"echo": 1})

        assert failure.code == PROTOCOL
        assert failure.text.startswith(text)
        await until(lambda: worker.exits)
        assert [(ended.status, ended.told) for ended in worker.exits] == [(-9, True)]


@in_loop
async def test_half_a_frame_fails_at_the_deadline() -> None:
    async with started(played("half")) as worker:
        failure = await worker.failure({}, budget=0.2)

        assert failure.code == DEADLINE


@in_loop
async def test_a_second_reply_to_one_request_ends_the_worker() -> None:
    async with started(played("answer_twice")) as worker:
        assert await worker.echo(1) == 1

        await until(lambda: worker.exits)

        assert worker.exits[0].reason == "reply 1 to a request that nobody made"


# Deaths


@pytest.mark.parametrize(
    ("name", "reason"),
    [("crash", "the worker died (exit status 1)"), ("segfault", "the worker died (SIGSEGV)")],
)
@in_loop
async def test_a_death_in_a_call_fails_that_call_and_is_told_once(name: str, reason: str) -> None:
    async with started(faults=[fault(name, "account_info")]) as worker:
        await worker.ask(CONNECT)

        failure = await worker.failure(ACCOUNT)

        assert (failure.code, failure.text) == (DIED, reason)
        await until(lambda: worker.exits)
        assert [(ended.reason, ended.told) for ended in worker.exits] == [(reason, True)]


@in_loop
async def test_a_death_between_calls_is_told_to_nobody_but_on_exit() -> None:
    async with started() as worker:
        psutil.Process(worker.process.pid).kill()

        await until(lambda: worker.exits)

        assert worker.exits == [Exit(status=-9, reason="the worker died (SIGKILL)", told=False)]
        assert not worker.process.alive


@in_loop
async def test_an_exit_is_seen_although_a_grandchild_holds_the_pipes_open() -> None:
    async with started(played("leave_a_child")) as worker:
        grandchild = await worker.echo("start")
        assert isinstance(grandchild, int)
        try:
            before = time.monotonic()
            failure = await worker.failure({"echo": "die"}, budget=20.0)

            assert (failure.code, failure.text) == (DIED, "the worker died (exit status 7)")
            assert time.monotonic() - before < 5.0
            assert alive(grandchild)
            await worker.process.stop()
            assert descriptors_to(worker.process) == []
        finally:
            psutil.Process(grandchild).kill()


def descriptors_to(process: WorkerProcess) -> list[object]:
    """Return the pipes to a worker that are still open on our side."""
    transport = process._transport
    assert transport is not None
    pipes = [transport.get_pipe_transport(fd) for fd in (0, 1, 2)]
    return [pipe for pipe in pipes if pipe is not None and not pipe.is_closing()]


def hold_until_reaped(pid: int) -> None:
    """Keep the loop from running, as a busy one would, until a process has ended and a watcher has noticed.

    Before Python 3.12 the watcher is a thread and reaps it; later it is the loop, and half a second will do.
    """
    give_up = time.monotonic() + 10.0
    while alive(pid) and time.monotonic() < give_up:
        os.sched_yield()
    give_up = min(give_up, time.monotonic() + 0.5)
    while psutil.pid_exists(pid) and time.monotonic() < give_up:
        os.sched_yield()


@in_loop
async def test_a_last_frame_counts_although_the_death_is_noticed_before_it_is_read() -> None:
    async with started(played("answer_and_die")) as worker:
        reply = worker.process.request({"echo": "last words"}, budget=10.0)

        hold_until_reaped(worker.process.pid)

        assert (await reply)["results"] == "last words"
        await until(lambda: worker.exits)
        assert worker.exits == [Exit(status=4, reason="the worker died (exit status 4)", told=False)]


def test_an_exit_status_is_said_as_a_person_says_it() -> None:
    assert describe(3) == "exit status 3"
    assert describe(-15) == "SIGTERM"
    assert describe(-200) == "signal 200"


# stderr


@in_loop
async def test_lines_on_stderr_are_delivered_whatever_their_encoding() -> None:
    async with started(played("lines")) as worker:
        await worker.echo(1)

        await until(lambda: len(worker.lines) == 2)

        assert worker.lines == ["first", "zweite Zeile \N{REPLACEMENT CHARACTER}"]


@in_loop
async def test_a_flood_without_a_newline_is_bounded() -> None:
    async with started(played("flood")) as worker:
        await worker.echo(1)

        await until(lambda: len(worker.lines) == 2, what="both lines")

        assert len(worker.lines[0]) < 1_000_000
        assert worker.lines[1] == "after the flood"
        assert len(worker.process._errors) <= 4096


# What it may see of us


@in_loop
async def test_the_environment_is_an_allow_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MT5_CANARY", CANARY)
    monkeypatch.setenv("MT5_WANTED", "wanted")
    async with started(names=["MT5_WANTED", "MT5_MISSING"]) as worker:
        seen = psutil.Process(worker.process.pid).environ()

    assert CANARY not in str(seen)
    assert seen["MT5_WANTED"] == "wanted"
    assert seen["PATH"] == os.environ["PATH"]
    # Python itself may add LC_CTYPE.
    assert set(seen) - {"LC_CTYPE"} <= {*INHERITED, "MT5_WANTED"}


def test_a_variable_that_is_not_there_is_left_out() -> None:
    ours = {"PATH": "/bin", "SECRET": "x", "EXTRA": "y"}

    assert environment(["EXTRA", "MISSING"], ours) == {"PATH": "/bin", "EXTRA": "y"}


@in_loop
async def test_the_command_line_holds_the_bootstrap_and_nothing_else() -> None:
    async with started() as worker:
        seen = psutil.Process(worker.process.pid).cmdline()

    assert seen == [sys.executable, "-I", "-c", BOOTSTRAP]


@in_loop
async def test_a_worker_leads_a_process_group_of_its_own() -> None:
    async with started() as worker:
        group = os.getpgid(worker.process.pid)

    assert group == worker.process.pid
    assert group != os.getpgid(0)


# It ends with us


@pytest.mark.skipif(sys.platform != "linux", reason="setpriv is Linux's")
def test_setpriv_stands_in_front_where_there_is_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    guard = tmp_path / "setpriv"
    guard.write_text("#!/bin/sh\n")
    guard.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    with_guard = command_line(["wine", "python.exe"])
    guard.unlink()
    without = command_line(["wine", "python.exe"])

    assert with_guard[:4] == [str(guard), "--pdeathsig", "KILL", "--"]
    assert with_guard[4:] == without == ["wine", "python.exe", "-I", "-c", BOOTSTRAP]


def orphan(*arguments: str, path: str | None = None) -> tuple[subprocess.Popen[str], int]:
    """Start a parent that keeps one worker, and return it with the worker's number."""
    parent = subprocess.Popen(
        [sys.executable, str(PARENT), *arguments],
        env={**os.environ, "PATH": os.environ["PATH"] if path is None else path},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    return parent, int(parent.stdout.readline())


def seconds_to_end(pid: int, *, at_most: float) -> float:
    """Return how long a process goes on, at most so many seconds."""
    before = time.monotonic()
    while alive(pid) and time.monotonic() - before < at_most:
        time.sleep(0.01)
    return time.monotonic() - before


@pytest.mark.parametrize("call", ["idle", "hang_gil"])
def test_a_worker_ends_with_a_parent_that_was_killed(call: str, tool: Callable[[str], str]) -> None:
    tool("setpriv")
    parent, worker = orphan(call, "60")

    parent.kill()
    parent.communicate()

    assert seconds_to_end(worker, at_most=5.0) < 2.0


def test_an_idle_worker_ends_with_its_parent_without_the_kernels_help(tmp_path: Path) -> None:
    parent, worker = orphan("idle", "60", path=str(tmp_path))

    parent.kill()
    parent.communicate()

    assert seconds_to_end(worker, at_most=10.0) < 5.0


def test_a_worker_hung_with_the_gil_outlives_its_parent_by_its_deadline_and_a_margin(tmp_path: Path) -> None:
    parent, worker = orphan("hang_gil", "0.5", path=str(tmp_path))

    parent.kill()
    parent.communicate()

    # The deadline, the far side's own margin of two seconds, and the time of a slow machine.
    assert seconds_to_end(worker, at_most=10.0) < 0.5 + 2.0 + 2.0


# Starts that fail


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (["/no/such/python"], "cannot start /no/such/python: not found, or not executable"),
        (["no-such-python"], "cannot start no-such-python: not found, or not executable"),
        ([sys.executable, "a\0b"], f"cannot start {sys.executable}: embedded null byte"),
        (played("exits"), "the worker died (exit status 3)"),
    ],
)
@in_loop
async def test_an_interpreter_that_does_not_start_is_one_line(command: Sequence[str], text: str) -> None:
    failure = await start_failure(command)

    assert (failure.code, failure.text) == (DIED, text)


@in_loop
async def test_a_program_that_the_system_cannot_run_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python"
    program.write_bytes(b"\x7fELF no program")
    program.chmod(0o755)
    # Without setpriv, it is asyncio that fails.
    monkeypatch.setenv("PATH", str(tmp_path))

    failure = await start_failure([str(program)])

    assert (failure.code, failure.text) == (DIED, f"cannot start {program}: Exec format error")


@in_loop
async def test_an_interpreter_that_never_greets_is_ended_at_the_deadline() -> None:
    failure = await start_failure(played("silent"), timeout=0.5)

    assert (failure.code, failure.text) == (DEADLINE, "the worker did not greet within 0.5 s")


@pytest.mark.parametrize(
    ("behaviour", "text"),
    [
        ("wrong_protocol", "the worker greets with {'protocol': 99, "),
        ("no_hello", "the worker greets with 'good day', not protocol 1"),
        ("bad_error", "the worker greets with {'protocol': 1, "),
    ],
)
@in_loop
async def test_a_greeting_that_is_none_of_ours_is_one_line(behaviour: str, text: str) -> None:
    failure = await start_failure(played(behaviour))

    assert failure.code == PROTOCOL
    assert failure.text.startswith(text)


@in_loop
async def test_a_missing_package_is_told_by_the_worker_itself() -> None:
    failure = await start_failure(played("no_module"))

    assert (failure.code, failure.text) == (wire.NO_MODULE, "No module named 'MetaTrader5'")


@in_loop
async def test_a_missing_package_is_told_although_the_death_is_noticed_first() -> None:
    running = Running()
    before = {child.pid for child in children()}

    def hold_up_the_loop(_: str) -> None:
        for child in children():
            if child.pid not in before:
                hold_until_reaped(child.pid)

    with pytest.raises(WorkerError) as caught:
        await start(running, played("no_module"), on_stderr=hold_up_the_loop)

    assert caught.value.code == wire.NO_MODULE


@in_loop
async def test_a_start_that_is_cancelled_leaves_no_process() -> None:
    running = Running()
    before = {child.pid for child in children()}
    starting = asyncio.ensure_future(start(running, played("silent")))
    await until(lambda: {child.pid for child in children()} > before)

    starting.cancel()
    await asyncio.wait({starting})

    assert starting.cancelled()
    await until(lambda: {child.pid for child in children()} <= before)


# Stopping


async def stopped(worker: Running, *, grace: float) -> tuple[float, Exit]:
    """Stop a worker and return how long that took, and how it ended."""
    before = time.monotonic()
    await worker.process.stop(grace=grace)
    [ended] = worker.exits
    return time.monotonic() - before, ended


@in_loop
async def test_a_worker_is_asked_to_end_and_does() -> None:
    async with started() as worker:
        await worker.ask(CONNECT)

        seconds, ended = await stopped(worker, grace=10.0)

        assert ended == Exit(status=0, reason="the worker was stopped", told=True)
        assert seconds < 5.0


@in_loop
async def test_a_worker_that_hangs_is_terminated_after_the_grace() -> None:
    async with started(faults=[fault("hang", "account_info")]) as worker:
        await worker.ask(CONNECT)
        reply = worker.process.request(ACCOUNT, budget=60.0)

        seconds, ended = await stopped(worker, grace=0.3)

        assert (ended.status, ended.told) == (-15, True)
        assert 0.29 < seconds < 3.0
        failure = reply.exception()
        assert isinstance(failure, WorkerError)
        assert failure.text == "the worker was stopped"


@in_loop
async def test_a_worker_that_ignores_sigterm_with_the_gil_held_is_killed() -> None:
    deaf = ["/bin/sh", "-c", 'trap "" TERM; exec "$0" "$@"', sys.executable]
    async with started(deaf, [fault("hang_gil", "account_info")]) as worker:
        await worker.ask(CONNECT)
        worker.process.request(ACCOUNT, budget=60.0)

        seconds, ended = await stopped(worker, grace=0.3)

        assert ended.status == -9
        assert 0.44 < seconds < 3.0


@in_loop
async def test_stopping_twice_does_no_harm() -> None:
    async with started() as worker:
        await worker.process.stop()
        await worker.process.stop()

        assert len(worker.exits) == 1


@in_loop
async def test_what_is_written_after_its_end_was_decided_is_not_kept() -> None:
    async with started(played("echo")) as worker:
        worker.process.kill(WorkerError(PROTOCOL, "enough"))

        worker.process.pipe_data_received(1, b"x" * 1000)

        assert len(worker.process._received) == 0


@in_loop
async def test_thirty_workers_leave_no_descriptor_and_no_process_behind() -> None:
    async def once() -> None:
        async with started(played("echo")) as worker:
            await worker.echo(1)

    await once()
    ours = psutil.Process()
    before = ours.num_fds()

    for _ in range(30):
        await once()

    await until(lambda: ours.num_fds() <= before, what=f"{ours.num_fds()} descriptors, {before} before")
