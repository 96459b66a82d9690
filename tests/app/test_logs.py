"""How a line is written: for machines, without secrets, and never at the cost of the exporter."""

import json
import logging
import os
import re
import threading
import time
from collections.abc import Callable
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt5_exporter import logs
from mt5_exporter.config import Config, SimulationConfig, TerminalConfig
from mt5_exporter.logs import QUEUE, Formatter, Writer, announce, set_up, to_stderr
from mt5_exporter.secret import HIDDEN, Redactor, Secret

CANARY = 'hunter2 \\ "pä\'s" canary'

PAIR = re.compile(r'([a-z_]+)=("(?:[^"\\]|\\.)*"|[^\s"=\\]+)(?: |$)')


def logfmt(line: str) -> dict[str, str]:
    """Parse a line of logfmt, strictly."""
    found: dict[str, str] = {}
    at = 0
    while at < len(line):
        pair = PAIR.match(line, at)
        assert pair is not None, line[at:]
        key, value = pair.groups()
        assert key not in found
        found[key] = json.loads(value) if value.startswith('"') else value
        at = pair.end()
    return found


def record_of(
    message: str, *arguments: object, level: int = logging.INFO, **extra: object
) -> logging.LogRecord:
    record = logging.LogRecord("mt5_exporter.app", level, __file__, 1, message, arguments, None)
    record.__dict__.update(extra)
    return record


def formatter(kind: str, *secrets: str) -> Formatter:
    redactor = Redactor()
    for secret in secrets:
        redactor.learn(Secret(secret))
    return Formatter(kind, redactor)


def written(write: Callable[[], None], *, level: str = "debug", kind: str = "logfmt") -> list[str]:
    """Return the lines that are logged while `write` runs."""
    out = BytesIO()
    set_up(level=level, kind=kind, redactor=Redactor(), write=out.write)
    write()
    logging.getLogger().handlers[0].flush()
    return out.getvalue().decode().splitlines()


# -- lines -------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(texts, texts)
def test_any_message_and_field_can_be_read_back_from_logfmt(message: str, field: str) -> None:
    line = formatter("logfmt").format(record_of("%s", message, terminal=field))

    assert "\n" not in line
    assert line.isprintable()
    found = logfmt(line)
    assert (found["msg"], found["terminal"]) == (message, field)


@given(texts, st.one_of(texts, st.integers(), st.booleans()))
def test_any_message_and_field_can_be_read_back_from_json(message: str, field: object) -> None:
    line = formatter("json").format(record_of("%s", message, terminal=field))

    assert line.isprintable()
    found = json.loads(line)
    assert (found["msg"], found["terminal"]) == (message, field)


@pytest.mark.parametrize("kind", ["logfmt", "json"])
@pytest.mark.parametrize(
    "odd",
    [float("nan"), {("a", 1): 2}, object(), None, b"\xff", "\ud800", "\x1b[31mred", "\x9b31m", [Secret("x")]],
)
def test_no_field_is_too_odd_to_be_written(kind: str, odd: object) -> None:
    line = formatter(kind).format(record_of("hello", odd=odd))

    assert line.isprintable()
    assert "odd" in (json.loads(line) if kind == "json" else logfmt(line))


@pytest.mark.parametrize(
    ("level", "word"),
    [(logging.DEBUG, "debug"), (logging.INFO, "info"), (logging.WARNING, "warn"), (logging.ERROR, "error")],
)
def test_a_level_has_the_word_that_the_flag_has(level: int, word: str) -> None:
    found = logfmt(formatter("logfmt").format(record_of("hello", level=level)))

    assert found["level"] == word
    assert logs.LEVELS[word] == level


def test_a_line_says_when_and_where_it_was_written() -> None:
    record = record_of("hello %d", 3)
    record.created = 1_764_849_600.25

    assert formatter("logfmt").format(record) == (
        'ts=2025-12-04T12:00:00.250+00:00 level=info source=app msg="hello 3"'
    )


# -- secrets -------------------------------------------------------------------


def fail() -> None:
    raise ValueError(Secret(CANARY).reveal())


def raising() -> Exception:
    with pytest.raises(ValueError, match="hunter2") as caught:
        fail()
    return caught.value


@pytest.mark.parametrize("kind", ["logfmt", "json"])
@pytest.mark.parametrize(
    "record",
    [
        pytest.param(record_of(f"login with {CANARY}"), id="message"),
        pytest.param(record_of("login with %r", CANARY), id="repr"),
        pytest.param(record_of("login", password=CANARY), id="extra"),
        pytest.param(record_of("login", password={"key": [CANARY]}), id="nested"),
        pytest.param(record_of("login", password=json.dumps(CANARY)), id="json-in-a-field"),
        pytest.param(record_of("login", password=Secret(CANARY)), id="a-secret-itself"),
        pytest.param(record_of("%s", raising()), id="exception"),
    ],
)
def test_no_secret_is_written_whatever_quotes_it_has(kind: str, record: logging.LogRecord) -> None:
    line = formatter(kind, CANARY).format(record)

    assert "hunter2" not in line
    assert "canary" not in line
    assert HIDDEN in line


@pytest.mark.parametrize("kind", ["logfmt", "json"])
def test_no_secret_is_written_with_a_traceback(kind: str) -> None:
    record = record_of("a job raised")
    error = raising()
    record.exc_info = (type(error), error, error.__traceback__)

    line = formatter(kind, CANARY).format(record)

    assert "trace" in (json.loads(line) if kind == "json" else logfmt(line))
    assert "hunter2" not in line


# -- the process's log -------------------------------------------------------------------


@pytest.mark.usefixtures("own_process")
def test_others_are_heard_from_warnings_on_and_we_from_the_level_that_is_asked_for() -> None:
    def write() -> None:
        logging.getLogger("mt5_exporter.x").debug("ours")
        logging.getLogger("somebody.else").info("theirs")
        logging.getLogger("somebody.else").warning("their trouble")

    lines = written(write, level="debug")
    quiet = written(write, level="error")

    assert [logfmt(line)["msg"] for line in lines] == ["ours", "their trouble"]
    assert [logfmt(line)["msg"] for line in quiet] == ["their trouble"]


@pytest.mark.usefixtures("own_process")
def test_the_first_lines_say_what_runs_and_what_is_only_simulated() -> None:
    simulated = TerminalConfig(name="demo", driver="simulated", simulation=SimulationConfig())
    config = Config(terminals=(TerminalConfig(name="desk"), simulated), source="desk.yml")

    lines = written(lambda: announce(config, "http://127.0.0.1:10685/metrics"), level="info", kind="json")

    found = [json.loads(line) for line in lines]
    assert [line["msg"] for line in found] == ["serving", "this terminal is simulated"]
    assert (found[0]["url"], found[0]["terminals"]) == ("http://127.0.0.1:10685/metrics", 2)
    assert found[1]["terminal"] == "demo"


@pytest.mark.usefixtures("own_process")
def test_a_line_that_cannot_be_written_stops_nobody() -> None:
    lines: list[bytes] = []

    def write(line: bytes) -> None:
        lines.append(line)
        if len(lines) == 1:
            raise OSError(28, "No space left on device")

    set_up(level="info", kind="logfmt", redactor=Redactor(), write=write)
    logging.getLogger("mt5_exporter").info("lost")
    logging.getLogger("mt5_exporter").info("bad %d", "format")
    logging.getLogger("mt5_exporter").info("written")
    logging.getLogger().handlers[0].flush()

    assert [b"lost" in lines[0], b"msg=written" in lines[-1]] == [True, True]


def test_a_reader_that_has_stopped_stops_nobody_and_learns_what_it_missed() -> None:
    go_on, began = threading.Event(), threading.Event()
    lines: list[bytes] = []

    def write(line: bytes) -> None:
        began.set()
        go_on.wait()
        lines.append(line)

    writer = Writer(write)
    writer.setFormatter(formatter("logfmt"))
    writer.handle(record_of("first"))
    assert began.wait(10)

    for number in range(QUEUE + 50):
        writer.handle(record_of("line %d", number))
    go_on.set()
    give_up = time.monotonic() + 10
    while len(lines) <= QUEUE:
        assert time.monotonic() < give_up
        time.sleep(0.001)
    writer.handle(record_of("last"))
    writer.flush()

    assert len(lines) == QUEUE + 2
    assert logfmt(lines[-1].decode().rstrip("\n"))["dropped_before"] == "50"
    assert b"dropped" not in lines[-2]


def test_the_end_waits_for_a_stopped_reader_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "FLUSH", 0.05)
    go_on = threading.Event()
    writer = Writer(lambda line: go_on.wait())
    writer.setFormatter(formatter("logfmt"))
    writer.handle(record_of("first"))

    writer.flush()

    go_on.set()


def test_a_line_goes_to_stderr_whole(capfd: pytest.CaptureFixture[str]) -> None:
    to_stderr(b"x" * 300 + b"\n")

    assert capfd.readouterr().err == "x" * 300 + "\n"


def test_a_line_that_the_system_takes_in_parts_is_written_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[bytes] = []

    def some(number: int, data: bytes) -> int:
        taken.append(data[:100])
        return len(taken[-1])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", some)
        to_stderr(b"x" * 250)

    assert [len(part) for part in taken] == [100, 100, 50]
