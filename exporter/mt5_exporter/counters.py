"""Totals that only grow, from 0 at start-up, by metric and label values."""

from bisect import bisect_left
from collections.abc import Iterator

from mt5_exporter.catalogue import DURATION_BUCKETS, Metric, Sample

Key = tuple[Metric, tuple[str, ...]]


class Counters:
    """Counts on the event loop; `samples` is what the exposition reads."""

    def __init__(self) -> None:
        self._totals: dict[Key, float] = {}
        self._histograms: dict[Key, list[float]] = {}

    def start(self, metric: Metric, *labels: str) -> None:
        """Let a series begin at 0, so that its first increase is seen."""
        if metric.kind == "histogram":
            # One count a bucket, the overflow, and the sum.
            self._histograms.setdefault((metric, labels), [0.0] * (len(DURATION_BUCKETS) + 2))
        else:
            self._totals.setdefault((metric, labels), 0.0)

    def add(self, metric: Metric, *labels: str, amount: float = 1.0) -> None:
        """Count."""
        key = (metric, labels)
        self._totals[key] = self._totals.get(key, 0.0) + amount

    def observe(self, metric: Metric, *labels: str, value: float) -> None:
        """Put a duration in seconds into its bucket."""
        self.start(metric, *labels)
        row = self._histograms[metric, labels]
        row[bisect_left(DURATION_BUCKETS, value)] += 1
        row[-1] += value

    def value(self, metric: Metric, *labels: str) -> float:
        """Return a total, 0 where nothing was counted."""
        return self._totals.get((metric, labels), 0.0)

    def samples(self) -> list[Sample]:
        """Return every total as it stands."""
        return [Sample(metric, labels, total) for (metric, labels), total in self._totals.items()]

    def histograms(self) -> Iterator[tuple[Metric, tuple[str, ...], tuple[float, ...]]]:
        """Return, by series, the cumulative count of each bucket, of +Inf, and the sum."""
        for (metric, labels), row in self._histograms.items():
            cumulated = 0.0
            counts: list[float] = []
            for bucket in row[:-1]:
                cumulated += bucket
                counts.append(cumulated)
            yield metric, labels, (*counts, row[-1])
