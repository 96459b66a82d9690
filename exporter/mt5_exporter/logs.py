"""How the log is written: one line a change, in logfmt or JSON, with every known secret taken out."""

import contextlib
import datetime as dt
import json
import logging
import os
import queue
import re
import threading
import time
import traceback
from collections.abc import Callable, Mapping

from mt5_exporter.config import Config
from mt5_exporter.secret import Redactor

log = logging.getLogger(__name__)

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}
FORMATS = ("logfmt", "json")

QUEUE = 2000
"""Lines that may wait to be written."""

FLUSH = 1.0
"""Seconds that the end of the process waits for them."""

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
BARE = re.compile(r"[^\s\"=\\]+")


class Formatter(logging.Formatter):
    """Writes a record's time, level, source, message and extra fields.

    Args:
        kind: `logfmt` or `json`.
        redactor: What takes the secrets out of the finished line.
    """

    def __init__(self, kind: str, redactor: Redactor) -> None:
        super().__init__()
        self._write = as_json if kind == "json" else as_logfmt
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields: dict[str, object] = {
            "ts": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": "warn" if record.levelno == logging.WARNING else record.levelname.lower(),
            "source": record.name.removeprefix("mt5_exporter."),
            "msg": record.getMessage(),
        }
        fields.update((key, value) for key, value in vars(record).items() if key not in STANDARD)
        if record.exc_info and record.exc_info[0] is not None:
            fields["trace"] = "".join(traceback.format_exception(*record.exc_info)).rstrip()
        # Before they are quoted, which may spell a secret in another way, and once more as a whole.
        clean = {key: self._clean(value) for key, value in fields.items()}
        return self._redactor.redact(self._write(clean))

    def _clean(self, value: object) -> object:
        """Return what any format can write: a bool or an int as it is, everything else as redacted text."""
        return value if isinstance(value, int) else self._redactor.redact(str(value))


class Writer(logging.Handler):
    """Writes from a thread of its own: a log whose reader has stopped must not stop the event loop.

    Args:
        write: Takes a line; it may block for ever, or raise OSError.
    """

    def __init__(self, write: Callable[[bytes], object]) -> None:
        super().__init__()
        self._write = write
        self._dropped = 0
        self._lines: queue.Queue[bytes] = queue.Queue(QUEUE)
        # A daemon, since nothing can end a write that blocks.
        threading.Thread(target=self._work, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a line; one that finds no place is counted, and told of with the next that does."""
        if self._dropped:
            record.dropped_before = self._dropped
        try:
            line = f"{self.format(record)}\n".encode("utf-8", "backslashreplace")
            self._lines.put_nowait(line)
            self._dropped = 0
        except queue.Full:
            self._dropped += 1
        except Exception:  # noqa: BLE001 - such as a message whose arguments do not fit
            self.handleError(record)

    def flush(self) -> None:
        """Wait until what is queued is written, but not for long."""
        give_up = time.monotonic() + FLUSH
        while self._lines.unfinished_tasks and time.monotonic() < give_up:
            time.sleep(0.005)

    def _work(self) -> None:
        while True:
            line = self._lines.get()
            with contextlib.suppress(OSError):
                self._write(line)
            self._lines.task_done()


def to_stderr(line: bytes) -> None:
    """Write past Python's own buffer, whose lock a blocked thread would hold when the process ends."""
    while line:
        line = line[os.write(2, line) :]


def as_logfmt(fields: Mapping[str, object]) -> str:
    """Return `key=value` pairs, quoted where they must be."""
    return " ".join(f"{key}={_bare_or_quoted(value)}" for key, value in fields.items())


def as_json(fields: Mapping[str, object]) -> str:
    """Return one JSON object."""
    return printable(json.dumps(fields, ensure_ascii=False))


def _bare_or_quoted(value: object) -> str:
    text = str(value)
    bare = text.isprintable() and BARE.fullmatch(text)
    return text if bare else printable(json.dumps(text, ensure_ascii=False))


def printable(quoted: str) -> str:
    """Return JSON with everything escaped that a console would obey or a log reader take for a line's end."""
    if quoted.isprintable():
        return quoted
    return "".join(mark if mark.isprintable() else json.dumps(mark)[1:-1] for mark in quoted)


def set_up(
    *, level: str, kind: str, redactor: Redactor, write: Callable[[bytes], object] = to_stderr
) -> None:
    """Send every log of this process through one handler.

    Args:
        level: A key of `LEVELS`.
        kind: One of `FORMATS`.
        redactor: What takes the secrets out.
        write: Where a line goes.
    """
    # A record that cannot be written must not stop the exporter.
    logging.raiseExceptions = False
    handler = Writer(write)
    handler.setFormatter(Formatter(kind, redactor))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("mt5_exporter").setLevel(LEVELS[level])


def announce(config: Config, url: str) -> None:
    """Say what is about to run, and where it is served."""
    log.info("serving", extra={"url": url, "terminals": len(config.terminals), "config": config.source})
    for terminal in config.terminals:
        if terminal.simulation is not None:
            fields = {"terminal": terminal.name, "scenario": str(terminal.simulation.scenario or "")}
            log.info("this terminal is simulated", extra=fields)
