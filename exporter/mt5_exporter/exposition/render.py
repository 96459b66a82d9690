"""Writes samples as bytes: text 0.0.4 and OpenMetrics 1.0.0 from one set of sample lines."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from mt5_exporter.catalogue import DURATION_BUCKETS, METRICS, Metric, Sample
from mt5_exporter.exposition.collect import Histogram
from mt5_exporter.labels import clean

ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One terminal's sample lines by metric, without headers."""

    families: Mapping[str, bytes]
    series: int
    dropped: int
    """Samples left out because their value is no finite number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """One exposition of the terminals' metrics in both formats, without an end marker."""

    text: bytes
    openmetrics: bytes
    series: int
    dropped: int


def block(samples: Iterable[Sample], histograms: Sequence[Histogram] = ()) -> Block:
    """Return the lines of `samples`."""
    lines: dict[str, list[str]] = defaultdict(list)
    dropped = 0
    for sample in samples:
        value = finite(sample.value)
        if value is None:
            dropped += 1
            continue
        name = sample.metric.name
        lines[name].append(f"{name}{label_set(sample.metric.labels, sample.labels)} {value!r}\n")
    for metric, labels, counts in histograms:
        lines[metric.name].extend(_histogram_lines(metric, labels, counts))
    if unknown := lines.keys() - METRICS.keys():
        raise LookupError(f"not in the catalogue: {', '.join(sorted(unknown))}")
    return Block(
        families={name: "".join(family).encode() for name, family in lines.items()},
        series=sum(map(len, lines.values())),
        dropped=dropped,
    )


def finite(value: object) -> float | None:
    """Return a value as it is written, None for what is no finite number of 64 bits."""
    try:
        number = float(value) if isinstance(value, (int, float)) else math.nan
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def join(blocks: Sequence[Block]) -> Rendering:
    """Return the exposition of all terminals, its families in the catalogue's order."""
    text: list[bytes] = []
    openmetrics: list[bytes] = []
    for name, metric in METRICS.items():
        parts = [block.families[name] for block in blocks if name in block.families]
        if parts:
            text.append(text_header(metric))
            text += parts
            openmetrics.append(openmetrics_header(metric))
            openmetrics += parts
    return Rendering(
        text=b"".join(text),
        openmetrics=b"".join(openmetrics),
        series=sum(block.series for block in blocks),
        dropped=sum(block.dropped for block in blocks),
    )


def _histogram_lines(metric: Metric, labels: tuple[str, ...], counts: tuple[float, ...]) -> Iterable[str]:
    *buckets, everything, total = counts
    names = (*metric.labels, "le")
    for bound, count in zip(DURATION_BUCKETS, buckets, strict=True):
        yield f"{metric.name}_bucket{label_set(names, (*labels, repr(bound)))} {count!r}\n"
    yield f"{metric.name}_bucket{label_set(names, (*labels, '+Inf'))} {everything!r}\n"
    yield f"{metric.name}_count{label_set(metric.labels, labels)} {everything!r}\n"
    yield f"{metric.name}_sum{label_set(metric.labels, labels)} {total!r}\n"


@lru_cache(maxsize=100_000)
def label_set(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    """Return labels as they are written, every value made harmless."""
    if not names:
        return ""
    return (
        "{" + ",".join(f'{name}="{escape(value)}"' for name, value in zip(names, values, strict=True)) + "}"
    )


def escape(value: str) -> str:
    """Return a label value that cannot break an exposition: printable, bounded, valid UTF-8."""
    return clean(value).translate(ESCAPES)


@cache
def text_header(metric: Metric) -> bytes:
    """Return HELP and TYPE in text 0.0.4, which knows no info and no state set."""
    kind = metric.kind if metric.kind in {"counter", "histogram"} else "gauge"
    return f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} {kind}\n".encode()


@cache
def openmetrics_header(metric: Metric) -> bytes:
    """Return HELP and TYPE in OpenMetrics 1.0.0.

    A state set is written as gauges there, too: it would demand a label of the metric's own name.
    """
    name, kind = metric.name, metric.kind
    if kind == "counter":
        name = name.removesuffix("_total")
    elif kind == "info":
        name = name.removesuffix("_info")
    elif kind == "stateset":
        kind = "gauge"
    return f"# HELP {name} {metric.help}\n# TYPE {name} {kind}\n".encode()
