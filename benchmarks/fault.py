"""How long a fault takes to reach `mt5_up` in /metrics: a worker that is killed, a terminal that hangs.

killed: SIGKILL to the worker; the bound is the pause between two renderings (1 s) and the rendering.
hung: the simulated terminal holds the GIL in its next call and never returns; the bound is the interval
(nobody asks before), the deadline, and the same second. A reader that looks every 10 ms sees the change.
"""

import random
import signal
import sys
import time
from collections.abc import Mapping

import psutil

from benchmarks.fleet import Fleet
from benchmarks.harness import Options, main, progress, quantile, ratio, say, show, table

TERMINALS = 10
INTERVAL = 5.0
DEADLINE = 1.0
PAUSE = 1.0
STEP = 0.01
LOSSES = "mt5_session_losses_total"
GRACE = 0.1
"""Seconds for the rendering itself and the reader's own step."""


def down_after(fleet: Fleet, names: list[str], since: float, *, seconds: float) -> Mapping[str, float]:
    """Return for each terminal the seconds from `since` until it was not up.

    Raises:
        RuntimeError: One still is after `seconds`.
    """
    waiting, seen = set(names), dict[str, float]()
    while waiting:
        text = fleet.text()
        now = time.monotonic()
        for name in sorted(waiting):
            if f'mt5_up{{terminal="{name}"}} 0.0' in text:
                seen[name] = now - since
                waiting.remove(name)
        if now - since > seconds:
            raise RuntimeError(f"still up after {seconds:g} s: {', '.join(sorted(waiting))}")
        time.sleep(STEP)
    return seen


def workers(fleet: Fleet) -> list[psutil.Process]:
    """Return the workers that are alive."""
    return [worker for worker in fleet.workers() if worker.status() != psutil.STATUS_ZOMBIE]


def kill(fleet: Fleet, times: int, dice: random.Random) -> tuple[list[float], int]:
    """Kill one worker after the other, each when all is well again.

    Returns the seconds until it was seen, and how many were never seen: well again before the next rendering.
    """
    spans: list[float] = []
    unseen = 0
    for number in range(times):
        progress(f"killed {number + 1} of {times}")
        fleet.wait_up()
        time.sleep(dice.uniform(0.3, 1.3))
        losses = fleet.scrape().total(LOSSES)
        victim = dice.choice(workers(fleet))
        before = time.monotonic()
        victim.send_signal(signal.SIGKILL)
        while (found := fleet.scrape()).total("mt5_up") == len(fleet.names):
            if found.total(LOSSES) > losses:
                unseen += 1
                break
            if time.monotonic() - before > 10:
                raise RuntimeError("a killed worker was not noticed within 10 s")
            time.sleep(STEP)
        else:
            spans.append(time.monotonic() - before)
    return spans, unseen


def hang(fleet: Fleet, batches: int, dice: random.Random) -> list[float]:
    """Hang every terminal at once, each at the moment when it is asked next; and again."""
    spans: list[float] = []
    for number in range(batches):
        progress(f"hung, batch {number + 1} of {batches}")
        fleet.wait_up()
        time.sleep(dice.uniform(0, INTERVAL))
        before = time.monotonic()
        fleet.faults([f"{{fault: hang_gil, terminal: {name}}}" for name in fleet.names])
        spans += down_after(fleet, fleet.names, before, seconds=4 * INTERVAL).values()
        fleet.faults([])
    return spans


def run(options: Options) -> None:
    """Measure and print."""
    dice = random.Random(7)  # noqa: S311 - phases, no secrets
    kills, batches = (6, 1) if options.quick else (30, 5)
    settings = (
        *(f"interval: {INTERVAL:g}s", f"timeout: {DEADLINE:g}s", "connect_timeout: 1s"),
        # Up again soon, so that many faults fit into the time; the first delay is the default one.
        "backoff: {maximum: 2s}",
    )
    with Fleet(TERMINALS, settings=settings, top=("connect_rate: 50", "connect_burst: 20")) as fleet:
        fleet.wait_up()
        killed, unseen = kill(fleet, kills, dice)
        spans = {"killed": killed, "hung": hang(fleet, batches, dice)}
    bounds = {"killed": PAUSE + GRACE, "hung": INTERVAL + DEADLINE + PAUSE + GRACE}
    rows = [
        [
            f"{name} ({len(seen)})",
            ratio(quantile(seen, 0.5) / bounds[name]),
            ratio(quantile(seen, 1) / bounds[name]),
            *(show(quantile(seen, share)) for share in (0.5, 0.9, 1.0)),
            show(bounds[name]),
            f"{sum(span > bounds[name] for span in seen)}",
        ]
        for name, seen in spans.items()
    ]
    say(
        f"{TERMINALS} terminals, interval {INTERVAL:g} s, deadline {DEADLINE:g} s. Killed and well again "
        f"before the next rendering, so that only `{LOSSES}` tells: {unseen} of {kills}.\n"
    )
    table(
        ["fault", "p50 / bound", "longest / bound", "p50 s", "p90 s", "longest s", "bound s", "over it"], rows
    )


if __name__ == "__main__":
    sys.exit(main(run, __doc__))
