"""When files were last touched, asked in threads: a share that hangs holds up no other file."""

import asyncio
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from pathlib import Path

Touched = float | OSError | None
"""Unix seconds; None for a file that is not there; an error for one that cannot be looked at in time."""

DEADLINE = 0.5
"""Seconds that a look may take; a disk of this machine answers within a thousandth of that."""


class Heartbeats:
    """Looks at files; at most one look at each is under way, however long it takes."""

    def __init__(self) -> None:
        self._looks: dict[Path, Future[Touched]] = {}

    async def touched(self, files: Iterable[Path]) -> dict[Path, Touched]:
        """Return when each file was last touched; a look that hung before is not waited for again."""
        wanted = set(files)
        fresh = {asyncio.wrap_future(self._look(file)) for file in wanted if not self._hangs(file)}
        if fresh:
            try:
                await asyncio.wait(fresh, timeout=DEADLINE)
            finally:
                # Our waiting alone: a thread that hangs goes on until the system answers it.
                for look in fresh:
                    look.cancel()
        late = TimeoutError(f"no answer within {DEADLINE:g} s")
        return {file: late if self._hangs(file) else self._looks[file].result() for file in wanted}

    def _hangs(self, file: Path) -> bool:
        return file in self._looks and not self._looks[file].done()

    def _look(self, file: Path) -> Future[Touched]:
        look: Future[Touched] = Future()
        look.set_running_or_notify_cancel()
        self._looks[file] = look
        # Neither a pool's thread, which others would wait for, nor one that keeps this process from ending.
        threading.Thread(target=_stat, args=(file, look), name=f"stat {file}", daemon=True).start()
        return look


def _stat(file: Path, look: Future[Touched]) -> None:
    try:
        look.set_result(file.stat().st_mtime)
    except (FileNotFoundError, NotADirectoryError):
        look.set_result(None)
    except OSError as failure:
        look.set_result(failure)
