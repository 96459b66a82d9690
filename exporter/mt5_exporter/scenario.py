"""The faults that simulated terminals play: a file that may change at any time, as absolute instants."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mt5_exporter import strict_yaml
from mt5_exporter.far.drivers.simulated.faults import CONNECTING, FAULTS
from mt5_exporter.far.worker import READS
from mt5_exporter.scalars import NAME, SYMBOL, duration, list_of, one_of, size
from mt5_exporter.strict_yaml import ConfigError, Value

log = logging.getLogger(__name__)

CALLS = READS | CONNECTING | {"symbol_select"}
YEAR = 366 * 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One entry of a scenario.

    Attributes:
        fault: What goes wrong, one of the simulated driver's words.
        terminal: Whom it befalls, None for all.
        at: Seconds from the reading of the file to its start.
        lasts: Seconds from its start to its end, None for ever.
        calls: The API functions that it strikes, none for the fault's own choice.
        symbols: The symbols that it strikes, none for all.
        seconds: How slow, or how far off (negative: back); None for the fault's own choice.
        size: How many bytes; None for the fault's own choice.
    """

    fault: str
    terminal: str | None = None
    at: float = 0.0
    lasts: float | None = None
    calls: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    seconds: float | None = None
    size: int | None = None


def loads(content: str, source: str) -> tuple[Fault, ...]:
    """Return the faults in `content`; messages call it `source`.

    Raises:
        ConfigError: The first problem, as one line.
    """
    section = strict_yaml.parse(content, source).section(("faults",))
    return tuple(_fault(entry) for entry in section.need("faults", Value.items))


def resolve(faults: Sequence[Fault], terminal: str, read_at: float) -> list[dict[str, object]]:
    """Return the faults of `terminal` as they cross the wire: plain JSON values, times absolute.

    Args:
        faults: A scenario.
        terminal: The terminal's name.
        read_at: Unix time from which `at` counts.
    """
    return [
        {
            "fault": fault.fault,
            "from": read_at + fault.at,
            "until": None if fault.lasts is None else read_at + fault.at + fault.lasts,
            "calls": list(fault.calls),
            "symbols": list(fault.symbols),
            "seconds": fault.seconds,
            "bytes": fault.size,
        }
        for fault in faults
        if fault.terminal in {None, terminal}
    ]


class ScenarioFile:
    """A scenario that is read again whenever its file changes, and keeps its last good content.

    Args:
        path: The file; while there is none, there are no faults.
        wall: Unix time, from which `at` counts when a content is first read.
    """

    def __init__(self, path: Path, wall: Callable[[], float]) -> None:
        self.path = path
        self.revision = 0
        self.problem: str | None = None
        self._wall = wall
        self._seen: tuple[int, int, int] | None = None
        self._faults: tuple[Fault, ...] = ()
        self._read_at = 0.0

    def faults_for(self, terminal: str) -> tuple[int, list[dict[str, object]]]:
        """Return the revision, which changes with the content, and the faults of one terminal."""
        self._refresh()
        return self.revision, resolve(self._faults, terminal, self._read_at)

    def _refresh(self) -> None:
        # The signature comes before the content: what is written in between shows the next time.
        signature = self._signature()
        if signature == self._seen:
            return
        self._seen = signature
        try:
            faults = () if signature is None else loads(strict_yaml.read(self.path), str(self.path))
        except ConfigError as error:
            self.problem = str(error)
            log.warning("scenario not taken over", extra={"problem": self.problem})
            return
        self.problem = None
        self._faults = faults
        self._read_at = self._wall()
        self.revision += 1

    def _signature(self) -> tuple[int, int, int] | None:
        """Return what changes when the file does, None while there is no file."""
        try:
            found = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError):
            # Reading it will say why.
            return 0, 0, 0
        return found.st_mtime_ns, found.st_size, found.st_ino


def _fault(value: Value) -> Fault:
    section = value.section(("fault", "terminal", "at", "for", "calls", "symbols", "seconds", "bytes"))
    instant, span, shift = duration(0, YEAR), duration(0.001, YEAR), duration(-YEAR, YEAR)
    fault = section.need("fault", one_of(FAULTS))
    nothing: tuple[str, ...] = ()
    return Fault(
        fault=fault,
        terminal=section.take("terminal", NAME, None),
        at=section.take("at", instant, 0.0),
        lasts=section.take("for", span, None),
        calls=section.take("calls", list_of(one_of(CALLS)), nothing),
        symbols=section.take("symbols", list_of(SYMBOL), nothing),
        seconds=section.take("seconds", shift if fault == "clock_shift" else span, None),
        size=section.take("bytes", size, None),
    )
