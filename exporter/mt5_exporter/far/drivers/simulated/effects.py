"""Everything by which a simulated terminal can harm its process, in one object that a test can replace."""

import ctypes
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, NoReturn, TextIO


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
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


def process_effects(frames: BinaryIO) -> Effects:
    """Return the effects that are real."""
    return Effects(
        now=time.time,
        sleep=time.sleep,
        hold=hold_gil,
        end=_end,
        segfault=_segfault,
        stderr=sys.stderr,
        frames=frames,
    )


def hold_gil(seconds: float) -> None:
    """Wait for full seconds in C with the GIL held, as every call of the genuine module does."""
    if sys.platform == "win32":
        ctypes.PyDLL("kernel32").Sleep(round(seconds * 1000))
    else:
        ctypes.PyDLL(None).sleep(round(seconds))


def _end(status: int) -> NoReturn:
    os._exit(status)


def _segfault() -> bytes:
    return ctypes.string_at(0)
