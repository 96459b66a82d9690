"""What belongs to a process and not to a test: lent, and put back."""

import logging
import signal
from collections.abc import Iterator

import pytest


@pytest.fixture
def own_process() -> Iterator[None]:
    """Let a test set up the log and the signals as if this process were its own."""
    root, ours = logging.getLogger(), logging.getLogger("mt5_exporter")
    handlers, levels, raising = root.handlers[:], (root.level, ours.level), logging.raiseExceptions
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
    logging.raiseExceptions = raising
    for number, handler in signals.items():
        signal.signal(number, handler)
