"""The bytes of an exposition, against prometheus_client as the oracle, and against every text there is."""

import math
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics import exposition
from prometheus_client.registry import Collector

from mt5_exporter import catalogue
from mt5_exporter.catalogue import DURATION_BUCKETS, METRICS, Metric, Sample
from mt5_exporter.counters import Counters
from mt5_exporter.events import CallFinished
from mt5_exporter.exposition.collect import Histogram
from mt5_exporter.exposition.render import Rendering, block, join
from mt5_exporter.labels import MAX_LABEL
from tests.exposition import parsing
from tests.exposition.parsing import END
from tests.exposition.world import World

TERMINAL = ("desk-1",)


def lively() -> World:
    world = World()
    world.connect("desk-1")
    world.poll("desk-1")
    world.poll("bare", lost=True)
    for seconds in (0.0001, 0.0005, 0.003, 0.2, 11.0):
        call = CallFinished(
            terminal="desk-1", operation="positions_total", outcome="success", seconds=seconds
        )
        world.hear(call)
    return world


def rendered(samples: Iterable[Sample]) -> Rendering:
    return join([block(samples)])


class Oracle(Collector):
    """The same samples, told to prometheus_client."""

    def __init__(self, samples: Iterable[Sample], histograms: Iterable[Histogram]) -> None:
        self._samples = list(samples)
        self._histograms = list(histograms)

    def collect(self) -> Iterator[Family]:
        for metric in METRICS.values():
            family = self._family(metric)
            if family.samples:
                yield family

    def _family(self, metric: Metric) -> Family:
        mine = [sample for sample in self._samples if sample.metric is metric]
        match metric.kind:
            case "counter":
                counter = CounterMetricFamily(
                    metric.name.removesuffix("_total"), metric.help, labels=metric.labels
                )
                for sample in mine:
                    counter.add_metric(sample.labels, sample.value)
                return counter
            case "info":
                info = InfoMetricFamily(metric.name.removesuffix("_info"), metric.help, labels=metric.labels)
                for sample in mine:
                    info.add_metric(sample.labels, {})
                return info
            case "histogram":
                histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
                for which, labels, (*counts, total) in self._histograms:
                    if which is metric:
                        bounds = (*map(str, DURATION_BUCKETS), "+Inf")
                        buckets = list(zip(bounds, counts, strict=True))
                        histogram.add_metric(labels, buckets=buckets, sum_value=total)
                return histogram
            case _:
                gauge = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
                for sample in mine:
                    gauge.add_metric(sample.labels, sample.value)
                return gauge


def registry_of(world: World) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(Oracle(world.samples(), world.histograms()))
    return registry


def test_the_text_says_what_prometheus_client_would_say() -> None:
    world = lively()

    ours, oracles = parsing.text(world.render().text), parsing.text(generate_latest(registry_of(world)))

    assert ours == oracles


def test_openmetrics_say_what_prometheus_client_would_say() -> None:
    world = lively()
    body: bytes = exposition.generate_latest(registry_of(world))  # type: ignore[no-untyped-call]

    ours, oracles = parsing.openmetrics(world.render().openmetrics + END), parsing.openmetrics(body)

    assert ours == oracles


def test_both_formats_carry_the_same_series() -> None:
    rendering = lively().render()

    series = [
        {key: value for _, _, samples in found.values() for key, value in samples.items()}
        for found in (parsing.text(rendering.text), parsing.openmetrics(rendering.openmetrics + END))
    ]

    assert series[0] == series[1]
    assert len(series[0]) == rendering.series


def test_a_histogram_counts_a_value_in_its_bucket_and_in_all_above() -> None:
    [(_, _, counts)] = [row for row in lively().histograms() if row[1] == TERMINAL]

    by_bound = dict(zip((*DURATION_BUCKETS, math.inf), counts, strict=False))

    # The attempt's own account_info took 4 ms.
    assert by_bound == {
        **dict.fromkeys((0.0005, 0.001), 2),
        **dict.fromkeys((0.005, 0.025, 0.1), 4),
        **dict.fromkeys((0.5, 1.0, 2.5, 5.0, 10.0), 5),
        math.inf: 6,
    }
    assert counts[-1] == pytest.approx(0.0001 + 0.0005 + 0.003 + 0.2 + 11 + 0.004)


@given(st.lists(st.floats(0, 20), max_size=20))
def test_buckets_never_fall_from_one_to_the_next_nor_with_time(values: list[float]) -> None:
    counters = Counters()
    counters.start(catalogue.REQUEST_SECONDS, *TERMINAL)
    before = [0.0] * (len(DURATION_BUCKETS) + 2)

    for value in values:
        counters.observe(catalogue.REQUEST_SECONDS, *TERMINAL, value=value)
        [(_, _, counts)] = counters.histograms(*TERMINAL)
        assert list(counts[:-1]) == sorted(counts[:-1])
        assert all(now >= then for now, then in zip(counts, before, strict=True))
        before = list(counts)

    assert before[-2] == len(values)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None, "1", 10**400, -(10**400)])
def test_a_value_that_is_no_finite_number_is_left_out_and_counted(value: float) -> None:
    samples = [
        Sample(catalogue.ACCOUNT_EQUITY, TERMINAL, value),
        Sample(catalogue.ACCOUNT_BALANCE, TERMINAL, 5.0),
    ]

    rendering = rendered(samples)

    assert rendering.dropped == 1
    assert rendering.series == 1
    assert set(parsing.text(rendering.text)) == {"mt5_account_balance"}


@given(st.one_of(st.integers(-(2**1000), 2**1000), st.floats(allow_nan=False, allow_infinity=False)))
@example(2**63)
@example(-0.0)
@example(5e-324)
@example(1.7976931348623157e308)
def test_a_finite_number_arrives_as_the_nearest_float(value: float) -> None:
    rendering = rendered([Sample(catalogue.ACCOUNT_EQUITY, TERMINAL, value)])

    for found in (parsing.text(rendering.text), parsing.openmetrics(rendering.openmetrics + END)):
        [arrived] = found["mt5_account_equity"][2].values()
        assert arrived == float(value)


def test_a_truth_arrives_as_1() -> None:
    rendering = rendered([Sample(catalogue.UP, TERMINAL, value=True)])

    assert rendering.text.endswith(b'mt5_up{terminal="desk-1"} 1.0\n')


anything = st.text(st.characters(exclude_categories=()), max_size=60)
nasty = st.sampled_from(
    [
        "\x00",
        "\n# EOF\n",
        '"} 1\nmt5_up{terminal="x"} 0\n',
        "\\",
        '\\"',
        "a\r\nb",
        "\ud800\udfff",
        "\u202eevil\u202c",
        "\u2028",
        "\x85",
        "\u0445" * 10_000,
        '"' * 10_000,
        "😀" * 10_000,
        " ",
        "",
    ]
)


@given(st.lists(st.one_of(anything, nasty), min_size=2, max_size=2))
def test_no_text_of_a_broker_breaks_an_exposition(texts: list[str]) -> None:
    name, company = texts
    samples = [
        Sample(catalogue.TERMINAL_INFO, ("desk-1", "metatrader5", "5430", name, company, "500", ""), 1),
        Sample(catalogue.ACCOUNT_BALANCE, TERMINAL, 5.0),
    ]

    rendering = rendered(samples)

    found = parsing.text(rendering.text)
    assert list(found) == ["mt5_terminal_info", "mt5_account_balance"]
    assert (
        found["mt5_terminal_info"][2] == parsing.openmetrics(rendering.openmetrics + END)["mt5_terminal"][2]
    )
    [(_, labels)] = found["mt5_terminal_info"][2]
    arrived = dict(labels)
    for label, sent in (("name", name), ("company", company)):
        assert len(arrived.get(label, "")) <= MAX_LABEL
        assert arrived.get(label, "").isprintable()
        if sent.isprintable():
            assert arrived.get(label, "") == sent[:MAX_LABEL]


def test_a_text_is_cut_before_it_is_escaped() -> None:
    sample = Sample(catalogue.TERMINAL_INFO, ("desk-1", "metatrader5", "1", '"' * 500, "x", "500", ""), 1)

    rendering = rendered([sample])

    [(_, labels)] = parsing.text(rendering.text)["mt5_terminal_info"][2]
    assert dict(labels)["name"] == '"' * MAX_LABEL


def test_a_metric_without_labels_has_no_braces() -> None:
    rendering = rendered([Sample(catalogue.EXPORTER_SERIES, (), 3)])

    assert rendering.text.endswith(b"\nmt5_exporter_exposition_series 3.0\n")


def test_nothing_makes_an_empty_exposition() -> None:
    rendering = rendered([])

    assert (rendering.text, rendering.openmetrics, rendering.series) == (b"", b"", 0)
