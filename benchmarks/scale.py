"""What 50, 100 and 200 terminals need: time until all are up, CPU, memory, scrape p99, lag, skipped polls.

Simulated terminals with ten symbols at an interval of 15 s. A simulated worker needs 0.43 s of CPU to start,
0.34 s of it for the history of its account, so the default of four connections a second would fill both
cores: here it is three, and 200 terminals cannot be up before 66 s.
"""

import sys
import time
from dataclasses import dataclass

import psutil

from benchmarks.fleet import SYMBOLS, Fleet, ticks
from benchmarks.harness import Options, main, median, progress, quantile, ratio, say, show, table
from benchmarks.load import paced

SIZES = (50, 100, 200)
CONNECT_RATE, CONNECT_BURST = 3.0, 3
SKIPPED = "mt5_polls_skipped_total"
LAG = "mt5_exporter_event_loop_lag_seconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One size."""

    terminals: int
    series: float
    up_after: float
    exporter_cpu: float
    workers_cpu: float
    exporter_mib: float
    worker_mib: float
    worker_own_mib: float
    scrape_p50: float
    scrape_p99: float
    lag_p50: float
    lag_max: float
    render: float
    skipped: float
    skipped_before: float
    """While the fleet came up."""
    polls: float


def own_memory(workers: list[psutil.Process]) -> float:
    """Return the MiB that only one worker uses, as a median: what one more would cost."""
    return median([worker.memory_full_info().uss / 2**20 for worker in workers])


def one_size(terminals: int, seconds: float) -> Seen:
    """Run one fleet for a while."""
    progress(f"{terminals} terminals come up")
    top = (f"connect_rate: {CONNECT_RATE:g}", f"connect_burst: {CONNECT_BURST}")
    with Fleet(terminals, top=top) as fleet:
        # As the scrape sees it: attached, and polled once.
        up_after = fleet.wait_up(seconds=terminals / CONNECT_RATE + 60)
        exporter, workers = fleet.child.cpu(), fleet.workers_cpu()
        first = fleet.scrape()
        started = time.monotonic()
        lags: list[float] = []
        renders: list[float] = []
        with paced(fleet.url, every=0.1) as scrapes:
            for second in ticks(every=1.0, seconds=seconds):
                progress(f"{terminals} terminals: {second:.0f} of {seconds:.0f} s")
                seen = fleet.scrape()
                lags += seen[LAG].values()
                renders += seen["mt5_exporter_render_duration_seconds"].values()
            lasted = time.monotonic() - started
            exporter, workers = fleet.child.cpu() - exporter, fleet.workers_cpu() - workers
        last = fleet.scrape()
        processes = fleet.workers()
        return Seen(
            terminals=terminals,
            series=last.total("mt5_exporter_exposition_series"),
            up_after=up_after,
            exporter_cpu=exporter / lasted,
            workers_cpu=workers / lasted,
            exporter_mib=fleet.child.resident(),
            worker_mib=median([worker.memory_info().rss / 2**20 for worker in processes]),
            worker_own_mib=own_memory(processes),
            scrape_p50=scrapes.p50,
            scrape_p99=scrapes.p99,
            lag_p50=quantile(lags, 0.5),
            lag_max=quantile(lags, 1),
            render=median(renders),
            skipped=last.total(SKIPPED) - first.total(SKIPPED),
            skipped_before=first.total(SKIPPED),
            polls=last.total("mt5_polls_total") - first.total("mt5_polls_total"),
        )


def run(options: Options) -> None:
    """Measure and print."""
    sizes, seconds = ((10, 20), 6.0) if options.quick else (SIZES, options.seconds or 20.0)
    seen: list[Seen] = []
    for terminals in sizes:
        try:
            seen.append(one_size(terminals, seconds))
        except RuntimeError as failure:
            say(f"**{terminals} terminals did not come up: {str(failure).splitlines()[0]}**\n")
    if not seen:
        return
    first = seen[0]
    say(f"Ratios are of the cost of one terminal, to that in the fleet of {first.terminals}.\n")

    def per_terminal(value: float, base: float, one: Seen) -> str:
        return ratio(value / one.terminals / (base / first.terminals)) if base else "-"

    table(
        [
            "terminals",
            "exporter CPU",
            "workers' CPU",
            "scrape p99",
            "all up / possible",
            "skipped polls",
            "before",
        ],
        [
            [
                f"{one.terminals}",
                per_terminal(one.exporter_cpu, first.exporter_cpu, one),
                per_terminal(one.workers_cpu, first.workers_cpu, one),
                ratio(one.scrape_p99 / first.scrape_p99),
                ratio(one.up_after / ((one.terminals - CONNECT_BURST) / CONNECT_RATE)),
                f"{one.skipped:.0f} of {one.skipped + one.polls:.0f}",
                f"{one.skipped_before:.0f}",
            ]
            for one in seen
        ],
    )
    rows = {
        "series": [f"{one.series:,.0f}" for one in seen],
        "all up after, s": [show(one.up_after) for one in seen],
        "exporter CPU, % of a core": [show(one.exporter_cpu * 100) for one in seen],
        "all workers' CPU, % of a core": [show(one.workers_cpu * 100) for one in seen],
        "exporter RSS, MiB": [show(one.exporter_mib) for one in seen],
        "each worker's RSS (its own), MiB": [
            f"{show(one.worker_mib)} ({show(one.worker_own_mib)})" for one in seen
        ],
        "scrape p50, ms": [show(one.scrape_p50) for one in seen],
        "scrape p99, ms": [show(one.scrape_p99) for one in seen],
        "rendering, ms": [show(one.render * 1000) for one in seen],
        "event loop lag p50, ms": [show(one.lag_p50 * 1000) for one in seen],
        "event loop lag, longest, ms": [show(one.lag_max * 1000) for one in seen],
    }
    say(f"{len(SYMBOLS)} symbols each; a scrape every 100 ms from one client, and one a second.\n")
    table(
        ["", *(f"{one.terminals} terminals" for one in seen)],
        [[name, *cells] for name, cells in rows.items()],
    )


if __name__ == "__main__":
    sys.exit(main(run, __doc__))
