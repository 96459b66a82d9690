"""Everything by which a simulated terminal can harm its process, in one object that a test can replace."""

import os
import sys
import time
from collections.abc import Callable
from typing import BinaryIO, NamedTuple, NoReturn, TextIO

LEDGER = "MT5_SIMULATION_LEDGER"
"""The variable that names a file for the ledger; a worker sees it only if `environment:` lists it."""


class Effects(NamedTuple):
    """The clock, the ways to wait and to die, and the two streams."""

    now: Callable[[], float]
    """Epoch seconds."""
    sleep: Callable[[float], None]
    """Waits some seconds; other threads run."""
    hold: Callable[[float], None]
    """Waits some seconds with the GIL held: nothing else in this interpreter runs."""
    end: Callable[[int], None]
    """Ends the process at once with a status; nothing is flushed."""
    segfault: Callable[[], object]
    stderr: TextIO
    frames: BinaryIO
    """Where the worker's replies go."""
    note: Callable[[str, str], None] = lambda *_: None
    """Told of each fault as it strikes a function."""


def process_effects(frames: BinaryIO, terminal: str = "") -> Effects:
    """Return the effects that are real; `terminal` is the name under which strikes are noted."""
    return Effects(
        now=time.time,
        sleep=time.sleep,
        hold=hold_gil,
        end=_end,
        segfault=_segfault,
        stderr=sys.stderr,
        frames=frames,
        note=Ledger(os.environ.get(LEDGER, ""), terminal).note,
    )


class Ledger:
    """Writes down what struck, a line each, where somebody asked for it.

    It is written before the fault acts, so that what a monitor counted can be held against what happened.
    """

    def __init__(self, path: str, terminal: str) -> None:
        self._path = path
        self._terminal = terminal

    def note(self, fault: str, function: str) -> None:
        """Add one strike: Unix time, terminal, fault, function."""
        if self._path:
            with open(self._path, "a", encoding="utf-8") as ledger:
                ledger.write(f"{time.time():.3f} {self._terminal} {fault} {function}\n")


def hold_gil(seconds: float) -> None:
    """Wait for full seconds in C with the GIL held, as every call of the genuine module does."""
    import ctypes  # noqa: PLC0415 - 0.4 MiB that no worker needs before a fault strikes

    if sys.platform == "win32":
        ctypes.PyDLL("kernel32").Sleep(round(seconds * 1000))
    else:
        ctypes.PyDLL(None).sleep(round(seconds))


def _end(status: int) -> NoReturn:
    os._exit(status)


def _segfault() -> bytes:
    import ctypes  # noqa: PLC0415 - as in hold_gil

    return ctypes.string_at(0)
