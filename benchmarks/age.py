"""How old the data is at a scrape, against the promise: interval + poll + 1 s.

A scrape every second, as Prometheus would: its time is when it begins, and the age of a reading is that minus
`mt5_reading_last_success_timestamp_seconds`. The ideal is data that is polled at its interval and served at
once, so of an age that is evenly spread from 0 to the interval.
"""

import sys
import time

from benchmarks.fleet import Fleet, ticks
from benchmarks.harness import Options, main, progress, quantile, ratio, say, show, table

TERMINALS = 20
INTERVAL = 5.0
PAUSE = 1.0
"""From one rendering to the next."""


def run(options: Options) -> None:
    """Measure and print."""
    seconds = 15.0 if options.quick else options.seconds or 150.0
    settings = (f"interval: {INTERVAL:g}s", "timeout: 2s")
    ages: list[float] = []
    polls: list[float] = []
    with Fleet(TERMINALS, settings=settings, top=("connect_rate: 20", "connect_burst: 20")) as fleet:
        fleet.wait_up()
        # Once around, so that no first poll is among them.
        time.sleep(INTERVAL + PAUSE)
        for second in ticks(every=1.003, seconds=seconds):
            progress(f"{second:.0f} of {seconds:.0f} s")
            at = time.time()
            scrape = fleet.scrape()
            ages += [
                at - success for success in scrape["mt5_reading_last_success_timestamp_seconds"].values()
            ]
            polls += scrape["mt5_poll_duration_seconds"].values()
    poll = quantile(polls, 0.99)
    promise = INTERVAL + poll + PAUSE
    rows = [
        [name, ratio(age / promise), ratio(age / (INTERVAL * share)), show(age)]
        for name, share, age in (
            (name, share, quantile(ages, share))
            for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("longest", 1.0))
        )
    ]
    say(
        f"{TERMINALS} terminals, interval {INTERVAL:g} s; {len(ages):,} ages; "
        f"p99 of a poll {show(poll * 1000)} ms; promise {show(promise)} s; "
        f"over it: {sum(age > promise for age in ages)}.\n"
    )
    table(["age", "/ promise", "/ ideal", "seconds"], rows)


if __name__ == "__main__":
    sys.exit(main(run, __doc__))
