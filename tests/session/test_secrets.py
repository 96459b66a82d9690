"""A password that is looked for in everything that a session shows, whatever goes wrong."""

import dataclasses
import io
import logging
import time
import traceback
from collections.abc import Iterator

import pytest

from mt5_exporter import logs
from mt5_exporter.config import AccountConfig, Config, TerminalConfig
from mt5_exporter.errors import MT5Error
from mt5_exporter.events import AttemptFinished, CallFailed, SessionChanged
from mt5_exporter.far import wire
from mt5_exporter.far.drivers.simulated.faults import FAULTS
from mt5_exporter.journal import Journal
from mt5_exporter.link import Call
from mt5_exporter.manager import MT5SessionManager
from mt5_exporter.report import probe
from mt5_exporter.secret import Redactor, Secret
from mt5_exporter.settings import WorkerSettings
from tests.session.stage import (
    LOGIN,
    SERVER,
    Behind,
    FakeClock,
    Stage,
    children,
    fault,
    in_loop,
    simulated,
    until,
)
from tests.session.test_launcher import played

CANARY = "correct-horse-battery"


def logging_in(**more: float) -> TerminalConfig:
    account = AccountConfig(login=LOGIN, server=SERVER, password=Secret(CANARY))
    return simulated(
        login=True, account=account, timeout=0.3, connect_timeout=more.get("connect_timeout", 0.5)
    )


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged at debug, in both formats, by a redactor that knows no secret."""
    written = io.StringIO()
    root = logging.getLogger()
    ours, level = [logging.StreamHandler(written) for _ in logs.FORMATS], root.level
    for kind, handler in zip(logs.FORMATS, ours, strict=True):
        handler.setFormatter(logs.Formatter(kind, Redactor()))
        root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    for handler in ours:
        root.removeHandler(handler)
    root.setLevel(level)


def with_locals(error: BaseException) -> str:
    """Return a traceback as a debugger or an error tracker takes it: with every variable."""
    found = traceback.TracebackException.from_exception(error, capture_locals=True)
    text = "".join(found.format())
    # What `from None` keeps from being printed is kept all the same.
    seen = {id(found)}
    waiting = [found.__context__, found.__cause__]
    while waiting:
        part = waiting.pop()
        if part is not None and id(part) not in seen:
            seen.add(id(part))
            text += "".join(part.format())
            waiting += [part.__context__, part.__cause__]
    return text


def shown(root: object) -> str:
    """Return the repr of everything of ours that can be reached from an object."""
    texts: list[str] = []
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        texts.append(repr(thing))
        if isinstance(thing, dict):
            waiting += [*thing.keys(), *thing.values()]
        elif isinstance(thing, (list, tuple, set, frozenset)):
            waiting += thing
        elif dataclasses.is_dataclass(thing) and not isinstance(thing, type):
            waiting += [getattr(thing, part.name) for part in dataclasses.fields(thing)]
        elif type(thing).__module__.startswith("mt5_exporter") and hasattr(thing, "__dict__"):
            waiting += vars(thing).values()
    return "\n".join(texts)


@pytest.mark.parametrize("name", sorted(FAULTS))
@in_loop
async def test_no_fault_shows_the_password(name: str, log: io.StringIO) -> None:
    clock = FakeClock()
    size = 2000 if name in {"stderr_flood", "garbage", "memory_growth"} else None
    stage = Stage(clock=clock, terminal=logging_in())
    journal = Journal(time.monotonic, Redactor())
    stage.events.subscribe(journal.hear)
    errors: list[BaseException] = []
    async with stage:
        await stage.ready()
        environ, cmdline = stage.worker.environ(), stage.worker.cmdline()
        stage.play(fault(name, bytes=size))
        for function in ("terminal_info", "account_info"):
            try:
                await stage.session.ask([Call(function=function)])
            except MT5Error as failure:
                errors.append(failure)
        stage.play(fault(name, "initialize", "login", bytes=size))
        if not stage.session.attached:
            attempts = len(stage.of(AttemptFinished))
            await stage.lost()
            clock.advance(1000.0)
            await until(lambda: len(stage.of(AttemptFinished)) > attempts)
        view = stage.session.view()
        reachable = shown(stage.session)
    errors += [event.error for event in stage.of(CallFailed)]
    errors += [event.error for event in stage.of(SessionChanged) if event.error is not None]

    assert CANARY not in reachable
    assert CANARY not in repr(view)
    assert CANARY not in str(environ)
    assert CANARY not in " ".join(cmdline)
    assert CANARY not in repr(stage.heard)
    assert CANARY not in "".join(map(with_locals, errors))
    assert "desk" in log.getvalue()
    assert CANARY not in log.getvalue()


@pytest.mark.parametrize("behaviour", ["exits", "silent", "wrong_protocol", "no_module", "echo", "wrong_id"])
@in_loop
async def test_no_failure_to_start_or_to_log_in_shows_the_password(behaviour: str, log: io.StringIO) -> None:
    terminal = dataclasses.replace(logging_in(), command=tuple(played(behaviour)), start_timeout=0.5)
    stage = Stage(clock=FakeClock(), terminal=terminal)
    caught: list[BaseException] = []
    original = stage.session._link.start

    async def started() -> None:
        # The error as it comes from the launcher, with all of its frames.
        try:
            await original()
        except BaseException as failure:
            caught.append(failure)
            raise

    stage.session._link.start = started  # type: ignore[method-assign]
    async with stage:
        await stage.lost()
        reachable = shown(stage.session)
    errors = [event.error for event in stage.of(CallFailed)]

    assert errors
    assert bool(caught) is (behaviour not in {"echo", "wrong_id"})
    assert CANARY not in "".join(map(with_locals, [*caught, *errors]))
    assert CANARY not in reachable
    assert CANARY not in log.getvalue()


@in_loop
async def test_a_request_that_cannot_be_sent_does_not_show_the_password_that_travels_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Stage(terminal=logging_in()) as stage:
        await stage.ready()
        errors: list[MT5Error] = []
        for argument, most in ((object(), wire.MAX_FRAME), ("BTCUSD", 100)):
            # The settings, credentials included, travel with the next request after a change.
            stage.play()
            monkeypatch.setattr(wire, "MAX_FRAME", most)
            with pytest.raises(MT5Error) as caught:
                await stage.session.ask([Call(function="symbol_info", args=(argument,))])
            errors.append(caught.value)
        monkeypatch.undo()

    assert [error.message.partition(":")[0] for error in errors] == ["cannot be sent"] * 2
    assert "bytes is over 100" in errors[1].message
    assert CANARY not in "".join(map(with_locals, errors))


@in_loop
async def test_a_whole_pool_shows_no_password() -> None:
    config = Config(terminals=(logging_in(connect_timeout=5.0),), secrets=(Secret(CANARY),))
    pool = MT5SessionManager(config, clock=Behind())
    async with pool:
        assert await pool.wait_ready(timeout=20)
        report = await probe(pool)
        async with pool.session() as lease:
            texts = [shown(pool), shown(lease), shown(config), repr(report), repr(pool.get_stats())]
        settings = WorkerSettings(config.terminals[0], time.time)
        texts += [shown(settings), repr(settings.current())]
        texts += [" ".join(child.cmdline()) for child in children()]

    assert CANARY not in "\n".join(texts)
    assert "<secret>" in texts[2]


@in_loop
async def test_the_password_reaches_the_worker() -> None:
    # Or else none of the above would mean anything.
    seen: list[bytes] = []
    stage = Stage(terminal=logging_in())
    async with stage:
        await stage.ready()
        worker = stage.session.worker
        assert worker is not None
        write = worker._write
        worker._write = lambda data: (seen.append(data), write(data))[1]  # type: ignore[method-assign,func-returns-value]
        stage.play()
        await stage.ask("symbols_total")

    assert CANARY.encode() in seen[0]
