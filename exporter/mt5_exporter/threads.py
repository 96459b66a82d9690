"""Work that would hold up the event loop: done in a thread once there is much of it."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

MANY = 500
"""Rows of an answer from which on a thread costs less than the wait: some 3 us a row, against 100 us."""


async def off_loop(rows: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return `work(*args, **kwargs)`, from a thread if it is over many rows."""
    if rows < MANY:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)
