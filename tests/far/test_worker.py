"""The loop beside the terminal: what it answers, what it refuses, and how it ends."""

import io
import math
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt5_exporter.far import drivers, wire, worker
from mt5_exporter.far.drivers.base import Presence, Settings
from mt5_exporter.far.worker import READS, Worker
from tests.far import bundle, scripted_driver
from tests.far.scripted_driver import Answer, ScriptedApi, ScriptedDriver, struct


def make_driver(*presences: Presence, **answers: Answer) -> ScriptedDriver:
    return ScriptedDriver(ScriptedApi(answers), presences=list(presences) or ["served"])


def ask(
    driver: ScriptedDriver, request: Mapping[str, object], settings: Settings | None = None
) -> dict[str, object]:
    """Return the reply to one request."""
    replies = io.BytesIO()
    Worker(driver, settings or {}, replies).answer(request)
    (reply,) = bundle.frames(replies.getvalue())
    return dict(reply)


def rows(reply: Mapping[str, object]) -> list[list[object]]:
    """Return a reply's rows without the seconds, which are none of a test's business but their sign."""
    results = reply["results"]
    assert isinstance(results, list)
    assert all(row[3] >= 0 for row in results)
    return [row[:3] for row in results]


def calls(*requested: Mapping[str, object], **more: object) -> dict[str, object]:
    return {"id": 7, "op": "call", "budget": 5.0, "calls": list(requested), **more}


def connect(
    settings: Settings, *presences: Presence, **answers: Answer
) -> tuple[ScriptedDriver, object, object]:
    """Return the driver, the presence and the row of one connect."""
    driver = make_driver(*presences, **answers)
    reply = ask(driver, {"id": 1, "op": "connect", "budget": 8.0}, settings)
    ((*row,),) = rows(reply)
    return driver, reply["presence"], row


# Calls


def test_a_reply_echoes_the_id_and_tells_the_workers_memory() -> None:
    driver = make_driver(version=Answer([500, 4755, "1 Jan 2026"]))

    reply = ask(driver, calls({"function": "version"}, id="a-7"))

    assert reply["id"] == "a-7"
    assert rows(reply) == [[[500, 4755, "1 Jan 2026"], 1, "Success"]]
    memory = reply["rss"]
    assert memory is None or (isinstance(memory, int) and memory > 1_000_000)


def test_a_call_gets_its_arguments_and_a_struct_gives_the_fields_asked_for_in_order() -> None:
    tick = struct(time=1, bid=1.5, ask=math.nan)
    driver = make_driver(symbol_info_tick=Answer(tick), positions_get=Answer((tick, tick)))

    reply = ask(
        driver,
        calls(
            {
                "function": "symbol_info_tick",
                "args": ["EURUSD"],
                "fields": ["bid", "time", "not_in_this_build"],
            },
            {"function": "positions_get", "kwargs": {"group": "*EUR*"}, "fields": ["bid"]},
        ),
    )

    assert rows(reply) == [[[1.5, 1, None], 1, "Success"], [[[1.5], [1.5]], 1, "Success"]]
    assert driver.api.log[0] == ("symbol_info_tick", ("EURUSD",), {})
    assert driver.api.log[2] == ("positions_get", (), {"group": "*EUR*"})


def test_last_error_is_read_directly_after_each_call_and_travels_with_its_result() -> None:
    driver = make_driver(
        account_info=Answer(None, (-10004, "No IPC connection")),
        symbol_info=Answer(None, (-4, "Not found")),
    )

    reply = ask(
        driver,
        calls({"function": "account_info"}, {"function": "symbol_info"}, {"function": "symbols_total"}),
    )

    assert rows(reply) == [
        [None, -10004, "No IPC connection"],
        [None, -4, "Not found"],
        [True, 1, "Success"],
    ]
    assert driver.api.touched == [
        "account_info",
        "last_error",
        "symbol_info",
        "last_error",
        "symbols_total",
        "last_error",
    ]


def test_a_call_that_raises_is_a_row_and_the_next_one_is_made() -> None:
    driver = make_driver(orders_get=Answer(act=scripted_driver.raise_an_error))

    reply = ask(driver, calls({"function": "orders_get"}, {"function": "version"}))

    assert rows(reply) == [
        [None, wire.RAISED, "RuntimeError: the call broke"],
        [True, 1, "Success"],
    ]


def test_a_value_that_json_has_no_word_for_is_a_row() -> None:
    driver = make_driver(symbols_get=Answer([b"bytes"]))

    reply = ask(driver, calls({"function": "symbols_get"}))

    assert rows(reply) == [[None, wire.RAISED, "TypeError: cannot send a bytes"]]


def test_a_brokers_broken_text_travels() -> None:
    driver = make_driver(terminal_info=Answer(struct(company="Bro\ud800ker\0")))

    reply = ask(driver, calls({"function": "terminal_info", "fields": ["company"]}))

    assert rows(reply) == [[["Bro\ud800ker\0"], 1, "Success"]]


def test_an_oversize_reply_is_a_row_and_not_the_end() -> None:
    driver = make_driver(symbols_get=Answer("x" * wire.MAX_FRAME))

    reply = ask(driver, calls({"function": "symbols_get"}))

    ((value, code, text),) = rows(reply)
    assert (reply["id"], value, code) == (7, None, wire.RAISED)
    assert f"is over {wire.MAX_FRAME}" in str(text)


def test_a_request_without_calls_has_no_rows() -> None:
    driver = make_driver()

    reply = ask(driver, {"id": 1, "op": "call", "budget": 1})

    assert rows(reply) == []
    assert driver.api.touched == []


@pytest.mark.parametrize("budget", [None, "5", [5]])
def test_a_request_without_a_budget_breaks_the_protocol(budget: object) -> None:
    driver = make_driver()

    with pytest.raises(wire.WireError, match="expected a number"):
        ask(driver, calls({"function": "version"}, budget=budget))

    assert driver.api.touched == []


def test_settings_in_a_request_reach_the_driver_before_its_calls_and_stay() -> None:
    driver = make_driver("absent")
    replies = io.BytesIO()
    serving = Worker(driver, {"path": "a", "launch": False}, replies)

    serving.answer(calls({"function": "version"}, settings={"launch": True}))
    serving.answer({"id": 2, "op": "connect", "budget": 1.0})

    assert driver.configured == [{"path": "a", "launch": True}]
    assert driver.launches == 1


def test_memory_is_unknown_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise FileNotFoundError

    monkeypatch.setattr(worker, "statm", refuse)

    assert worker.resident_memory() is None


# The allow-list


# Every function of the genuine package (captured from 5.0.6231) that is no read, and what Python adds.
WRITES = {
    *("Buy", "Close", "Sell", "initialize", "login", "market_book_add", "market_book_get"),
    *("market_book_release", "order_check", "order_send", "shutdown", "symbol_select"),
    *("copy_rates_from", "copy_rates_from_pos", "copy_rates_range", "copy_ticks_from", "copy_ticks_range"),
    *("last_error", "order_calc_margin", "order_calc_profit"),
    *("_core", "__class__", "__dict__", "__init__", "", "ACCOUNT_INFO", " version", "log"),
}


@pytest.mark.parametrize("function", sorted(WRITES))
def test_whatever_is_not_a_read_is_refused_and_never_touched(function: str) -> None:
    driver = make_driver()

    reply = ask(driver, calls({"function": function, "args": ["EURUSD"]}))

    assert rows(reply) == [[None, wire.REFUSED, f"{function} is not among the reads of this exporter"]]
    assert driver.api.touched == []


@given(st.text().filter(lambda name: name not in READS) | st.integers() | st.none() | st.lists(st.text()))
def test_no_name_whatever_gets_past_the_allow_list(function: object) -> None:
    driver = make_driver()

    row = Worker(driver, {}, io.BytesIO()).call({"function": function})

    assert row[:2] == (None, wire.REFUSED)
    assert driver.api.touched == []


@pytest.mark.parametrize("call", [None, "account_info", ["account_info"], {}])
def test_a_call_that_is_no_object_is_refused(call: object) -> None:
    driver = make_driver()

    reply = ask(driver, {"id": 1, "op": "call", "budget": 1.0, "calls": [call]})

    assert [row[1] for row in rows(reply)] == [wire.REFUSED]


@pytest.mark.parametrize("function", sorted(READS))
def test_a_read_is_made(function: str) -> None:
    driver = make_driver()

    reply = ask(driver, calls({"function": function}))

    assert rows(reply) == [[True, 1, "Success"]]
    assert driver.api.touched == [function, "last_error"]


def test_a_symbol_is_selected_only_by_a_worker_that_was_started_with_select() -> None:
    call = {"function": "symbol_select", "args": ["EURUSD", True]}
    trusted, other = make_driver(), make_driver()

    selected = ask(trusted, calls(call), {"select": True})
    refused = ask(other, calls(call, settings={"select": True}), {"select": False})

    assert rows(selected) == [[True, 1, "Success"]]
    assert [row[1] for row in rows(refused)] == [wire.REFUSED]
    assert other.api.touched == []


# Connecting


@pytest.mark.parametrize(
    ("presence", "code", "text"),
    [
        ("absent", wire.NOT_RUNNING, "the terminal is not running"),
        ("busy", wire.BUSY, "every instance of the terminal's pipe is taken"),
        ("no_pipe", wire.NO_PIPE, "the terminal runs and has not opened its pipe"),
    ],
)
def test_a_terminal_that_is_not_there_is_an_answer_and_initialize_is_never_called(
    presence: Presence, code: int, text: str
) -> None:
    driver, told, row = connect({"path": "terminal64.exe"}, presence)

    assert told == presence
    assert row == [None, code, text]
    assert driver.api.touched == ["presence"]


@pytest.mark.parametrize("presence", ["served", "unknown"])
def test_a_terminal_that_may_be_there_is_attached_to_as_it_is(presence: Presence) -> None:
    driver, told, row = connect({"path": "terminal64.exe", "portable": True}, presence)

    assert told == presence
    assert row == [True, 1, "Success"]
    assert driver.api.touched == ["presence", "initialize", "last_error"]
    assert driver.api.log[1] == ("initialize", ("terminal64.exe",), {"timeout": 4000, "portable": True})


def test_without_preflight_nobody_looks_first() -> None:
    driver, told, row = connect({"preflight": False}, "absent")

    assert told == "unknown"
    assert row == [True, 1, "Success"]
    assert driver.api.touched == ["initialize", "last_error"]


def test_a_failed_initialize_tells_its_error_and_logs_in_nowhere() -> None:
    driver, _, row = connect(
        {"login": True, "account": {"login": 1}},
        "served",
        initialize=Answer(value=False, error=(-10003, "x64 not found")),
    )

    assert row == [False, -10003, "x64 not found"]
    assert driver.api.touched == ["presence", "initialize", "last_error"]


def test_an_absent_terminal_is_launched_once_where_the_settings_allow_it() -> None:
    driver, told, row = connect({"launch": True}, "absent", "served")

    assert told == "served"
    assert row == [True, 1, "Success"]
    assert driver.api.touched == ["presence", "launch", "presence", "initialize", "last_error"]


def test_a_launched_terminal_that_is_still_starting_is_not_launched_again() -> None:
    driver = make_driver("absent", "no_pipe")
    replies = io.BytesIO()
    serving = Worker(driver, {"launch": True}, replies)

    for attempt in (1, 2, 3):
        serving.answer({"id": attempt, "op": "connect", "budget": 1.0})

    assert driver.launches == 1
    assert {reply["presence"] for reply in bundle.frames(replies.getvalue())} == {"no_pipe"}
    assert "initialize" not in driver.api.touched


@pytest.mark.parametrize("presence", ["served", "busy", "no_pipe", "unknown"])
def test_a_terminal_that_runs_is_never_launched(presence: Presence) -> None:
    driver, _, _ = connect({"launch": True}, presence)

    assert driver.launches == 0


ACCOUNT = {"login": 1234, "password": "canary", "server": "Broker-Live"}


def test_an_account_alone_is_no_leave_to_log_in() -> None:
    driver, _, _ = connect({"account": ACCOUNT}, "served")

    assert "login" not in driver.api.touched


def test_login_is_made_where_the_settings_allow_it() -> None:
    driver, _, row = connect(
        {"login": True, "account": ACCOUNT}, login=Answer(value=False, error=(-6, "Authorization failed"))
    )

    assert row == [False, -6, "Authorization failed"]
    assert driver.api.touched == ["presence", "initialize", "login", "last_error"]
    assert driver.api.log[2] == (
        "login",
        (1234,),
        {"password": "canary", "server": "Broker-Live", "timeout": 4000},
    )


# Serving a stream


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> ScriptedDriver:
    """Return the driver that `serve` opens under the name `scripted`."""
    driver = make_driver()
    monkeypatch.setitem(drivers.DRIVERS, "scripted", scripted_driver.__name__)
    monkeypatch.setattr(scripted_driver, "open_driver", lambda _settings, _frames: driver)
    return driver


def serve(*messages: Mapping[str, object]) -> tuple[int, list[Mapping[str, object]]]:
    """Return the exit status and all frames of a worker that was sent `messages`."""
    replies = io.BytesIO()
    status = worker.serve(io.BytesIO(b"".join(map(wire.encode, messages))), replies)
    return status, bundle.frames(replies.getvalue())


def test_a_worker_greets_answers_in_order_and_ends_with_its_input(scripted: ScriptedDriver) -> None:
    requests = [calls({"function": "version"}, id=number) for number in (1, 2)]

    status, (hello, *answers) = serve({"driver": "scripted"}, *requests)

    assert status == 0
    assert hello == {
        "hello": {
            "protocol": wire.PROTOCOL,
            "python": ".".join(map(str, sys.version_info[:3])),
            "driver": "scripted",
            "package": "5.0.1",
        }
    }
    assert [answer["id"] for answer in answers] == [1, 2]
    assert scripted.api.touched == ["version", "last_error"] * 2 + ["shutdown"]


def test_a_shutdown_request_ends_the_worker_before_what_follows(scripted: ScriptedDriver) -> None:
    status, frames = serve({"driver": "scripted"}, {"op": "shutdown"}, calls({"function": "version"}))

    assert (status, len(frames)) == (0, 1)
    assert scripted.api.touched == ["shutdown"]


def test_a_worker_that_is_sent_nothing_ends_in_silence() -> None:
    assert serve() == (0, [])


def test_a_driver_whose_package_is_missing_is_a_greeting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(drivers.DRIVERS, "missing", "no_such_package.driver")

    status, (greeting,) = serve({"driver": "missing"}, calls({"function": "version"}))

    assert status == 1
    assert greeting["error"] == [wire.NO_MODULE, "No module named 'no_such_package'"]
    assert "hello" in greeting


def test_an_unknown_driver_is_a_defect_of_the_sender() -> None:
    with pytest.raises(KeyError, match="no such driver"):
        serve({"driver": "no such driver"})


# Real processes


def run(*frames: Mapping[str, object], rest: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Return how a real worker ended that was sent `frames`, then the end of stdin."""
    sent = bundle.start() + b"".join(map(wire.encode, frames)) + rest
    return subprocess.run(bundle.COMMAND, input=sent, capture_output=True, timeout=20, check=False)


SETTINGS = {"driver": "simulated"}


def test_the_end_of_stdin_ends_a_process_well() -> None:
    ended = run(SETTINGS, bundle.request("version", "account_info"))

    _, reply = bundle.frames(ended.stdout)
    assert len(rows(reply)) == 2
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("rest", "complaint"),
    [
        (b"\x00\x00", b"worker: stream ended inside a header\n"),
        (b"\x00\x00\x00\x09{}", b"worker: stream ended inside a frame\n"),
        (b"\xff\xff\xff\xff", b"worker: frame of 4294967295 bytes is over 8388608\n"),
    ],
)
def test_a_broken_stream_ends_a_process_with_two(rest: bytes, complaint: bytes) -> None:
    ended = run(SETTINGS, rest=rest)

    assert (ended.returncode, ended.stderr) == (2, complaint)


def test_a_package_that_is_not_installed_ends_a_process_with_a_greeting() -> None:
    ended = run({"driver": "metatrader5"})

    (greeting,) = bundle.frames(ended.stdout)
    error = greeting["error"]
    assert isinstance(error, list)
    assert error[0] == wire.NO_MODULE
    assert ended.returncode == 1


def test_a_stray_print_goes_to_stderr_and_corrupts_no_frame() -> None:
    ended = run({**SETTINGS, "acts": {"version": "print"}}, bundle.request("version"))

    _, reply = bundle.frames(ended.stdout)
    assert rows(reply) == [["version", 1, "Success"]]
    assert ended.stderr == b"a stray line of the C library\na stray print\n"


@contextmanager
def started(*frames: Mapping[str, object]) -> Iterator[subprocess.Popen[bytes]]:
    """Start a real worker that was sent `frames`, and leave its stdin open."""
    with subprocess.Popen(
        bundle.COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stdin is not None
            process.stdin.write(bundle.start() + b"".join(map(wire.encode, frames)))
            process.stdin.flush()
            yield process
        finally:
            process.kill()


def read_all(stream: IO[bytes] | None) -> bytes:
    assert stream is not None
    return stream.read()


def test_a_call_that_outlives_its_budget_ends_the_process_though_it_holds_the_gil() -> None:
    settings = {**SETTINGS, "margin": 0.1, "acts": {"version": "hang"}}

    with started(settings, bundle.request("version", budget=0.1)) as process:
        # Its stdin is open and nobody kills it: only its own timer can end it.
        status = process.wait(20)
        frames = bundle.frames(read_all(process.stdout))
        complaint = read_all(process.stderr)

    assert status == -signal.SIGALRM
    assert [sorted(frame) for frame in frames] == [["hello"]]
    assert b"most recent call first" in complaint
    assert b"hang_with_the_gil" in complaint


def test_a_call_within_its_budget_leaves_no_timer_behind() -> None:
    settings = {**SETTINGS, "margin": 0.1}

    with started(settings, bundle.request("version", budget=0.01)) as process:
        assert isinstance(process.stdout, io.BufferedReader)
        answers = [wire.read(process.stdout), wire.read(process.stdout)]
        # Longer than budget and margin: an armed timer would end it here.
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)

    assert [sorted(answer or {}) for answer in answers] == [["hello"], ["id", "results", "rss"]]


def test_a_parent_that_no_longer_reads_is_no_error() -> None:
    with started() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.close()
        process.stdin.write(wire.encode(SETTINGS))
        process.stdin.flush()
        status = process.wait(20)
        complaint = read_all(process.stderr)

    assert (status, complaint) == (0, b"")
