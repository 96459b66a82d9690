"""How the log is written: one line a change, in logfmt or JSON, with every known secret taken out."""

import datetime as dt
import json
import logging
import re
import sys
import traceback
from collections.abc import Mapping
from typing import TextIO

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


def set_up(*, level: str, kind: str, redactor: Redactor, stream: TextIO | None = None) -> None:
    """Send every log of this process through one handler.

    Args:
        level: A key of `LEVELS`.
        kind: One of `FORMATS`.
        redactor: What takes the secrets out.
        stream: Where to write, stderr by default.
    """
    # A log that cannot be written, say to a full disk, must not stop the exporter.
    logging.raiseExceptions = False
    handler = logging.StreamHandler(stream or sys.stderr)
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
