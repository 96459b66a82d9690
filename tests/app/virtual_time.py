"""An event loop that jumps over its waits, and takes the wall clock along: an hour's schedule in a moment."""

import asyncio
import datetime as dt
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import TypeVar

import time_machine

T = TypeVar("T")

START = dt.datetime(2025, 12, 4, 12, tzinfo=dt.UTC)


class _Selector(selectors.DefaultSelector):
    """Waits for nothing: the time that it was given is over at once."""

    def __init__(self, waited: Callable[[float], None]) -> None:
        super().__init__()
        self._waited = waited

    def select(  # type: ignore[explicit-any]
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is not None and timeout > 0:
            self._waited(timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; `pass_time` is what a call that blocks it would do."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self.now = 1000.0
        self._traveller = traveller
        super().__init__(_Selector(self.pass_time))

    def time(self) -> float:
        return self.now

    def pass_time(self, seconds: float) -> None:
        """Let both clocks go on."""
        self.now += seconds
        self._traveller.shift(seconds)

    def jump(self, seconds: float) -> None:
        """Set the wall clock, as a person or a time server does."""
        self._traveller.shift(seconds)


class VirtualClock:
    """The loop's time and the travelled wall clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def monotonic(self) -> float:
        return self._loop.time()

    def wall(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def run_virtually(main: Callable[[VirtualLoop, VirtualClock], Coroutine[object, object, T]]) -> T:
    """Run a test's coroutine in virtual time."""
    with time_machine.travel(START, tick=False) as traveller:
        loop = VirtualLoop(traveller)
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            return runner.run(main(loop, VirtualClock(loop)))
