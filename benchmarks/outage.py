"""How a fleet comes back when fifty terminal processes vanish and return, after half a minute and after ten.

Backoff and token bucket are the defaults: 1 s to 60 s, 4 attempts a second. `--seconds 600` is the long one.
"""

import sys
import time

from benchmarks.fleet import Fleet
from benchmarks.harness import Options, main, progress, quantile, show, table

TERMINALS = 50
STEP = 0.2
PATIENCE = 120


def recovery(fleet: Fleet, outage: float) -> list[float]:
    """Take every terminal away for a while; return the seconds from the return until each was up."""
    fleet.faults(["{fault: not_running}"])
    fleet.wait_for(lambda scrape: scrape.total("mt5_up") == 0, seconds=60)
    time.sleep(outage)
    # The connection of before has long been idle, and closed.
    fleet.open(fleet.url)
    fleet.faults([])
    returned = time.monotonic()
    up: dict[str, float] = {}
    while len(up) < TERMINALS and time.monotonic() - returned < PATIENCE:
        now = fleet.scrape()["mt5_up"]
        for labels, value in now.items():
            if value == 1:
                up.setdefault(labels, time.monotonic() - returned)
        time.sleep(STEP)
    return [*up.values(), *([float("inf")] * (TERMINALS - len(up)))]


def run(options: Options) -> None:
    """Measure."""
    outages = [10.0] if options.quick else [options.seconds or 30.0]
    rows: list[list[str]] = []
    for outage in outages:
        progress(f"outage of {outage:g} s")
        with Fleet(
            TERMINALS, settings=["interval: 15s"], top=["connect_rate: 4", "connect_burst: 4"]
        ) as fleet:
            fleet.wait_up(seconds=90)
            before = fleet.scrape().total("mt5_session_attempts_total")
            seconds = recovery(fleet, outage)
            attempts = fleet.scrape().total("mt5_session_attempts_total") - before
        rows.append(
            [
                show(outage),
                show(quantile(seconds, 0.5)),
                show(quantile(seconds, 0.9)),
                show(max(seconds)),
                show(attempts / TERMINALS),
            ]
        )
    table(["outage s", "up again p50 s", "p90 s", "all s", "attempts a terminal"], rows)


if __name__ == "__main__":
    sys.exit(main(run, __doc__))
