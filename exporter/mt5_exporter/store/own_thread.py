"""A thread that does one thing after another for an event loop, and that nothing ever has to wait for."""

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

BOUND = 4
"""Things that may wait for the thread."""


class OwnThread:
    """Starts with the first thing to do.

    A daemon, since a disk that hangs must not hold up the end of the process; an executor's threads would.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._work: queue.Queue[Callable[[], None] | None] = queue.Queue(BOUND)
        self._thread: threading.Thread | None = None

    def do(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        """Return what will be the outcome of `work`.

        Raises:
            queue.Full: Too much waits already.
        """
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[T] = loop.create_future()

        def tell(result: T | None, error: BaseException | None) -> None:
            if outcome.done():
                return
            if error is not None:
                outcome.set_exception(error)
            else:
                outcome.set_result(result)  # type: ignore[arg-type] # the result of `work`, which may be None

        def run() -> None:
            result: T | None = None
            failure: BaseException | None = None
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - whoever asked has it raised
                failure = error
            if not loop.is_closed():
                loop.call_soon_threadsafe(tell, result, failure)

        self._work.put_nowait(run)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        return outcome

    def end(self) -> None:
        """Let the thread end once it has done what waits for it."""
        if self._thread is not None:
            self._work.put_nowait(None)
            self._thread = None

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()
