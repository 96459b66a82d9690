"""What a poll costs the CPU, in the exporter and in the workers, with 1, 20 and 50 terminals.

The fleets run at the same time, each an exporter of its own that polls every terminal (ten symbols) every
2 s, and are weighed in the same windows. `marginal` is what one more poll costs: the difference to the fleet
of one, over the difference in polls, so without what an exporter does anyway: the watchdog, the heartbeat,
and a rendering a second.
"""

import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.fleet import Fleet
from benchmarks.harness import Options, main, median, progress, ratio, say, show, table

SIZES = (1, 20, 50)
INTERVAL = 2.0


@dataclass(slots=True)
class Seen:
    """One fleet; a value for each window."""

    fleet: Fleet
    exporter: list[float] = field(default_factory=list)
    """CPU seconds a second."""
    workers: list[float] = field(default_factory=list)
    polls: list[float] = field(default_factory=list)
    """Finished a second."""

    def totals(self) -> tuple[float, float, float]:
        """Return CPU of the exporter, CPU of the workers, and polls, since they began."""
        polls = self.fleet.scrape().total("mt5_polls_total")
        return self.fleet.child.cpu(), self.fleet.workers_cpu(), polls


def run(options: Options) -> None:
    """Measure and print."""
    windows, seconds = (2, 4.0) if options.quick else (6, options.seconds or 20.0)
    sizes = (1, 20) if options.quick else SIZES
    with ExitStack() as stack:
        settings, top = (f"interval: {INTERVAL:g}s", "timeout: 2s"), ("connect_rate: 8", "connect_burst: 8")
        fleets = [stack.enter_context(Fleet(size, settings=settings, top=top)) for size in sizes]
        for fleet in fleets:
            progress(f"{len(fleet.names)} terminals come up")
            fleet.wait_up(seconds=90)
        seen = [Seen(fleet) for fleet in fleets]
        for window in range(windows):
            progress(f"window {window + 1} of {windows}")
            started, before = time.monotonic(), [one.totals() for one in seen]
            time.sleep(seconds)
            lasted = time.monotonic() - started
            for one, (exporter, workers, polls) in zip(seen, before, strict=True):
                after = one.totals()
                one.exporter.append((after[0] - exporter) / lasted)
                one.workers.append((after[1] - workers) / lasted)
                one.polls.append((after[2] - polls) / lasted)
    report(seen)


def report(seen: list[Seen]) -> None:
    """Print the table, and what one more poll costs."""
    first = seen[0]
    rows: list[list[str]] = []
    for one in seen:
        exporter = [used / polls * 1000 for used, polls in zip(one.exporter, one.polls, strict=True)]
        workers = [used / polls * 1000 for used, polls in zip(one.workers, one.polls, strict=True)]
        alone = [used / polls * 1000 for used, polls in zip(first.exporter, first.polls, strict=True)]
        marginal = [
            (used - base) / (polls - few) * 1000 if one is not first else float("nan")
            for used, base, polls, few in zip(
                one.exporter, first.exporter, one.polls, first.polls, strict=True
            )
        ]
        rows.append(
            [
                f"{len(one.fleet.names)}",
                ratio(median([mine / base for mine, base in zip(exporter, alone, strict=True)])),
                ratio(median(marginal) / median(workers) if median(workers) else float("nan")),
                show(median(exporter)),
                show(median(marginal)),
                show(median(workers)),
                show(median(one.exporter) * 100),
                show(median(one.workers) * 100),
                show(median(one.polls)),
            ]
        )
    say("CPU milliseconds for each poll; medians over the windows.\n")
    table(
        [
            "terminals",
            "exporter / with 1 terminal",
            "marginal / worker",
            "exporter ms",
            "marginal ms",
            "worker ms",
            "exporter, % of a core",
            "all workers, % of a core",
            "polls a second",
        ],
        rows,
    )


if __name__ == "__main__":
    sys.exit(main(run, __doc__))
