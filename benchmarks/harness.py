"""What every benchmark needs: its options, a limit on its time, statistics, and Markdown tables."""

import argparse
import math
import os
import platform
import signal
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType

LIMIT = 330
"""Seconds after which a benchmark that hangs is ended with all that it started; the rule is 240."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says; `seconds` is a benchmark's own measuring time, None for its default."""

    quick: bool
    seconds: float | None


def main(run: Callable[[Options], None], doc: str | None) -> int:
    """Parse the options, run one benchmark within its limit, and say how the machine was."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--quick", action="store_true", help="a rough answer within 40 s")
    parser.add_argument("--seconds", type=float, default=None, help="measuring time instead of the default")
    given = parser.parse_args()
    options = Options(quick=given.quick, seconds=given.seconds)
    for number in (signal.SIGTERM, signal.SIGALRM):
        # An exception, so that every `with` ends what it started.
        signal.signal(number, _give_up)
    signal.alarm(math.ceil(LIMIT if options.seconds is None else LIMIT + 4 * options.seconds))
    started = time.monotonic()
    say(machine())
    try:
        run(options)
    finally:
        signal.alarm(0)
    say(f"{time.monotonic() - started:.0f} s; load average at the end {os.getloadavg()[0]:.2f}.\n")
    return 0


def _give_up(number: int, frame: FrameType | None) -> None:
    del frame
    raise SystemExit(f"ended by {signal.Signals(number).name}")


def machine() -> str:
    """Return the machine's class in a line, with nothing that names it."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, CPython {platform.python_version()}; "
        f"load average at the start {os.getloadavg()[0]:.2f}.\n"
    )


def say(text: str) -> None:
    """Print a paragraph of the report."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def progress(text: str) -> None:
    """Tell a person who waits what is going on; not a part of the report."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table: the first column is text, the others are numbers."""
    lines = [headers, ["---", *("---:" for _ in headers[1:])], *rows]
    progress("")
    say("".join("| " + " | ".join(line) + " |\n" for line in lines))


def show(value: float, digits: int = 3) -> str:
    """Return a number with three significant digits, without an exponent."""
    if not math.isfinite(value):
        return "-"
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{round(value, places):,.{places}f}"


def ratio(value: float) -> str:
    """Return a ratio."""
    return f"{show(value)}x" if math.isfinite(value) else "-"


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the values are: the nearest rank, NaN for none."""
    if not values:
        return math.nan
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, max(0, math.ceil(share * len(ranked)) - 1))]


def median(values: Sequence[float]) -> float:
    """Return the median of the numbers among `values`, NaN for none."""
    known = [value for value in values if math.isfinite(value)]
    return statistics.median(known) if known else math.nan


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the ratios of each round; of the medians, where one had fewer rounds."""
    if len(ours) != len(theirs):
        return median(ours) / median(theirs)
    return median([mine / other if other else math.nan for mine, other in zip(ours, theirs, strict=True)])
