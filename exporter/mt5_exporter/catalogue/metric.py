"""What a row of the catalogue is: a metric's name, kind, help and labels; and one value of it."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["gauge", "counter", "info", "stateset", "histogram"]

Group = Literal["status", "value", "counter", "lasting", "exporter"]
"""status: always there. value: leaves when it is stale. counter: always there, from 0. lasting: there once it
was first read, kept over restarts. exporter: about us."""

DURATION_BUCKETS = (0.0005, 0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One row.

    Attributes:
        name: As it is served; a counter ends in `_total`.
        kind: Its OpenMetrics type; an info's and a stateset's samples are served as gauges in text.
        help: What it says, with the source in parentheses.
        labels: Its labels in order; a stateset's last one is the state.
        group: When it is there.
        states: A stateset's states.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...]
    group: Group
    states: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a metric for one set of label values, in the metric's own order of labels."""

    metric: Metric
    labels: tuple[str, ...]
    value: float


METRICS: dict[str, Metric] = {}


def row(
    group: Group, kind: Kind, name: str, help_text: str, *labels: str, states: tuple[str, ...] = ()
) -> Metric:
    """Enter a metric; a name is there once."""
    metric = Metric(name, kind, help_text, labels, group, states)
    assert name not in METRICS
    METRICS[name] = metric
    return metric


def status(name: str, help_text: str, *labels: str) -> Metric:
    """Enter a gauge that is always there."""
    return row("status", "gauge", name, help_text, *labels)


def value(name: str, help_text: str, *labels: str) -> Metric:
    """Enter a gauge that leaves when its reading is stale."""
    return row("value", "gauge", name, help_text, *labels)


def counter(name: str, help_text: str, *labels: str) -> Metric:
    """Enter a counter."""
    return row("counter", "counter", name, help_text, *labels)


def lasting(name: str, help_text: str, *labels: str) -> Metric:
    """Enter a counter that lives in the state store."""
    return row("lasting", "counter", name, help_text, *labels)
