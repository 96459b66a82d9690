"""Every series that a dashboard may ask for: the catalogue, recordings, what others say of themselves."""

from collections.abc import Mapping

from mt5_exporter.catalogue import METRICS
from tests.alerts.promql import IDENTITY, TARGET, Labels, Reader, Unsound, catalogue
from tests.alerts.shipped import Shipped

FOREIGN: Mapping[str, Labels] = {
    "process_max_fds": TARGET,
    "process_open_fds": TARGET,
    "process_resident_memory_bytes": TARGET,
    "scrape_duration_seconds": TARGET,
    "scrape_samples_scraped": TARGET,
    "ALERTS": IDENTITY | {"alertname", "alertstate", "severity", "symbol"},
}
"""What Prometheus says of a target, and a process of itself, beside what the rules ask for."""


def labels(shipped: Shipped) -> Mapping[str, Labels]:
    """Return the labels of every series by name."""
    found = {**catalogue(), **FOREIGN}
    for name, metric in METRICS.items():
        if metric.kind == "histogram":
            found |= {f"{name}_bucket": found[name] | {"le"}, f"{name}_sum": found[name]}
            found[f"{name}_count"] = found[name]
    waiting = {rule.record: rule for rule in shipped.recordings}
    # One rule may ask for another that stands after it.
    for _ in range(len(waiting)):
        for record, rule in [*waiting.items()]:
            try:
                found[record] = Reader(known=found).labels(rule.expr) | frozenset(rule.labels)
            except Unsound:
                continue
            del waiting[record]
    assert not waiting, sorted(waiting)
    return found


def base(name: str) -> str:
    """Return the catalogue's name of a series: that of a histogram for its buckets."""
    for suffix in ("_bucket", "_sum", "_count"):
        if name.removesuffix(suffix) in METRICS:
            return name.removesuffix(suffix)
    return name
