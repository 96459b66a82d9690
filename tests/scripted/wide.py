"""A broker with very many symbols, an account with very many positions, and how long a loop stands still."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.scripted.world import World

SYMBOLS = 1000
POSITIONS = 2000
STRATEGIES = (0, 1001, 1002, 777)

PULSE = 0.001
"""Seconds between two looks at the clock."""


def name(number: int) -> str:
    """Return a symbol's name; by name they are in another order than by number."""
    return f"S{number * 7919 % SYMBOLS:04d}.x"


def widen(
    world: World, *, now: float, symbols: int = SYMBOLS, positions: int = POSITIONS, seed: int = 1
) -> None:
    """Write them all, listed in an order that the seed decides; the server is two hours before UTC."""
    chance = random.Random(seed)
    with world.change():
        for kind in ("symbol", "tick", "position"):
            world.drop_all(kind)
        for number in chance.sample(range(symbols), symbols):
            world.symbol(name(number), trade_mode=number % 5)
        move(world, now=now, symbols=symbols)
        for ticket in chance.sample(range(1, positions + 1), positions):
            world.position(
                ticket,
                symbol=name(ticket % symbols),
                type=ticket // symbols % 2,
                magic=STRATEGIES[ticket % len(STRATEGIES)],
                volume=ticket % 7 / 10 + 0.1,
                profit=ticket % 100 - 50.0,
                time=int(now),
            )


def move(world: World, *, now: float, symbols: int = SYMBOLS) -> None:
    """Let every symbol have a new tick."""
    for number in range(symbols):
        world.tick(name(number), time_msc=int((now + 7200) * 1000), bid=1 + now % 1, ask=1.0001 + now % 1)


class Pulse:
    """How late the event loop came round, at the worst, and how long it worked in between (CPU time)."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.worked = 0.0

    async def beat(self) -> None:
        """Look at the clock again and again."""
        before, used = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(PULSE)
            now, uses = time.perf_counter(), time.thread_time()
            self.longest = max(self.longest, now - before - PULSE)
            self.worked = max(self.worked, uses - used)
            before, used = now, uses


@asynccontextmanager
async def pulse() -> AsyncIterator[Pulse]:
    """Measure for how long the loop stands still, at the longest, inside."""
    watch = Pulse()
    beating = asyncio.ensure_future(watch.beat())
    try:
        await asyncio.sleep(0)
        yield watch
        # Once more, so that a block at the very end is seen.
        await asyncio.sleep(2 * PULSE)
    finally:
        beating.cancel()
