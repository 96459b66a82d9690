"""Lists the benchmarks."""

import importlib
import sys

BENCHMARKS = ("scrape", "frame", "poll", "age", "fault", "neighbour", "scale", "outage", "width")


def main() -> int:
    """Print each benchmark's command and the first line of its docstring."""
    for name in BENCHMARKS:
        doc = importlib.import_module(f"benchmarks.{name}").__doc__ or ""
        sys.stdout.write(f"python -m benchmarks.{name:<10} {doc.splitlines()[0]}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
