"""Totals that only grow, from 0 at start-up, by terminal, metric and further label values."""

from bisect import bisect_left
from collections.abc import Iterator

from mt5_exporter.catalogue import DURATION_BUCKETS, Metric, Sample

Key = tuple[Metric, tuple[str, ...]]


class Counters:
    """Counts on the event loop; every series' first label is its terminal, and the exposition reads by it."""

    def __init__(self) -> None:
        self._totals: dict[str, dict[Key, float]] = {}
        self._histograms: dict[str, dict[Key, list[float]]] = {}
        self._versions: dict[str, int] = {}

    def start(self, metric: Metric, terminal: str, *labels: str) -> None:
        """Let a series begin at 0, so that its first increase is seen."""
        key = (metric, (terminal, *labels))
        if metric.kind == "histogram":
            # One count a bucket, the overflow, and the sum.
            rows = self._histograms.setdefault(terminal, {})
            rows.setdefault(key, [0.0] * (len(DURATION_BUCKETS) + 2))
        else:
            self._totals.setdefault(terminal, {}).setdefault(key, 0.0)

    def add(self, metric: Metric, terminal: str, *labels: str, amount: float = 1.0) -> None:
        """Count."""
        key = (metric, (terminal, *labels))
        totals = self._totals.setdefault(terminal, {})
        totals[key] = totals.get(key, 0.0) + amount
        self._changed(terminal)

    def observe(self, metric: Metric, terminal: str, *labels: str, value: float) -> None:
        """Put a duration in seconds into its bucket."""
        self.start(metric, terminal, *labels)
        row = self._histograms[terminal][metric, (terminal, *labels)]
        row[bisect_left(DURATION_BUCKETS, value)] += 1
        row[-1] += value
        self._changed(terminal)

    def value(self, metric: Metric, terminal: str, *labels: str) -> float:
        """Return a total, 0 where nothing was counted."""
        return self._totals.get(terminal, {}).get((metric, (terminal, *labels)), 0.0)

    def forget(self, terminal: str) -> None:
        """Drop a terminal's totals."""
        for held in (self._totals, self._histograms, self._versions):
            held.pop(terminal, None)

    def version(self, terminal: str) -> int:
        """Return a number that grows with each change of a terminal's totals."""
        return self._versions.get(terminal, 0)

    def samples(self, terminal: str) -> list[Sample]:
        """Return every total of a terminal as it stands."""
        totals = self._totals.get(terminal, {})
        return [Sample(metric, labels, total) for (metric, labels), total in totals.items()]

    def histograms(self, terminal: str) -> Iterator[tuple[Metric, tuple[str, ...], tuple[float, ...]]]:
        """Return, by series, the cumulative count of each bucket, of +Inf, and the sum."""
        for (metric, labels), row in self._histograms.get(terminal, {}).items():
            cumulated = 0.0
            counts: list[float] = []
            for bucket in row[:-1]:
                cumulated += bucket
                counts.append(cumulated)
            yield metric, labels, (*counts, row[-1])

    def _changed(self, terminal: str) -> None:
        self._versions[terminal] = self._versions.get(terminal, 0) + 1
