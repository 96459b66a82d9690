"""What a parser makes of an exposition, in a form that can be compared."""

from collections.abc import Iterable

from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from mt5_exporter.exposition.negotiate import Format

END = b"# EOF\n"

Series = tuple[str, frozenset[tuple[str, str]]]
Families = dict[str, tuple[str, str, dict[Series, float]]]
"""By name: type, help, and the value of each series."""


def families(parsed: Iterable[Metric]) -> Families:
    """Return what was parsed; a family or series that is there twice fails."""
    found: Families = {}
    for family in parsed:
        assert family.name not in found, family.name
        samples: dict[Series, float] = {}
        for sample in family.samples:
            series = (sample.name, frozenset(sample.labels.items()))
            assert series not in samples, series
            assert sample.timestamp is None
            samples[series] = sample.value
        found[family.name] = (family.type, family.documentation, samples)
    return found


def text(body: bytes) -> Families:
    """Parse text 0.0.4."""
    assert END not in body
    return families(parse_text(body.decode()))


def openmetrics(body: bytes) -> Families:
    """Parse OpenMetrics 1.0.0, whose end must be marked, once."""
    assert body.endswith(END)
    assert body.count(END) == 1
    return families(parse_openmetrics(body.decode()))  # type: ignore[no-untyped-call]


def parse(content_type: str, body: bytes) -> Families:
    """Parse an answer by its content type, which must be one of ours."""
    return openmetrics(body) if Format(content_type) is Format.OPENMETRICS else text(body)
