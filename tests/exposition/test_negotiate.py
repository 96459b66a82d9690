"""What is served for the headers that real clients send, and for those that nobody should."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt5_exporter.exposition.negotiate import Format, accepts_gzip, choose_format

TEXT, OPENMETRICS = Format.TEXT, Format.OPENMETRICS

PROMETHEUS_2_42 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_2_0 = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_3_NATIVE = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;"
    "escaping=allow-utf-8;q=0.7," + PROMETHEUS_3
)
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
CHROME = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7"
)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        pytest.param(PROMETHEUS_2_42, OPENMETRICS, id="prometheus-2.42"),
        pytest.param(PROMETHEUS_2_0, TEXT, id="prometheus-2.0"),
        pytest.param(PROMETHEUS_3, OPENMETRICS, id="prometheus-3"),
        pytest.param(PROMETHEUS_3_NATIVE, OPENMETRICS, id="prometheus-3-protobuf-first"),
        pytest.param("text/plain;version=0.0.4", TEXT, id="prometheus-scrape-protocol-text"),
        pytest.param("*/*", TEXT, id="curl"),
        pytest.param(FIREFOX, TEXT, id="firefox"),
        pytest.param(CHROME, TEXT, id="chrome"),
        pytest.param("", TEXT, id="nothing"),
        pytest.param("application/openmetrics-text", OPENMETRICS, id="without-version"),
        pytest.param("application/openmetrics-text; version=1.0.0; charset=utf-8", OPENMETRICS, id="our-own"),
        pytest.param('application/openmetrics-text; version="1.0.0"', OPENMETRICS, id="quoted"),
        pytest.param("Application/OpenMetrics-Text; VERSION=1.0.0; Q=0.5", OPENMETRICS, id="upper-case"),
        pytest.param("application/openmetrics-text;version=abc", TEXT, id="version-abc"),
        pytest.param("application/openmetrics-text;version=9.9.9", TEXT, id="version-9.9.9"),
        pytest.param(
            "application/openmetrics-text;version=2.0.0, text/plain;q=0.1", TEXT, id="version-2.0.0"
        ),
        pytest.param("application/openmetrics-text;q=0.1, text/plain;q=0.9", TEXT, id="text-wanted-more"),
        pytest.param(
            "text/plain;q=0.1, application/openmetrics-text;q=0.9", OPENMETRICS, id="om-wanted-more"
        ),
        pytest.param("application/openmetrics-text;q=0, */*", TEXT, id="openmetrics-refused"),
        pytest.param("text/plain;q=0", TEXT, id="all-refused"),
        pytest.param("application/openmetrics-text;q=2, text/plain;q=0.1", TEXT, id="q-above-1"),
        pytest.param("application/openmetrics-text;q=-1", TEXT, id="q-below-0"),
        pytest.param("application/openmetrics-text;q=nan", TEXT, id="q-nan"),
        pytest.param("application/openmetrics-text;q=", TEXT, id="q-empty"),
        pytest.param("application/openmetrics-text;q=0.0001", TEXT, id="q-too-precise"),
        pytest.param("application/vnd.google.protobuf", TEXT, id="protobuf-only"),
        pytest.param(",,;;=,;q=1,", TEXT, id="punctuation"),
        pytest.param("a" * 100_000, TEXT, id="100-kB"),
        pytest.param("x/y," * 25_000 + "application/openmetrics-text", TEXT, id="beyond-what-is-looked-at"),
        pytest.param("application/openmetrics-text, " + "x/y," * 25_000, OPENMETRICS, id="100-kB-after-ours"),
        pytest.param("\xff\xfe", TEXT, id="latin-1"),
    ],
)
def test_the_format_is_the_best_of_those_that_we_have(accept: str, expected: Format) -> None:
    assert choose_format(accept) is expected


@pytest.mark.parametrize(
    ("accept_encoding", "expected"),
    [
        ("gzip", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("*", True),
        ("*;q=0", False),
        ("identity;q=0.5, *;q=0", False),
        ("gzip, deflate, br, zstd", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("x-gzip", True),
        ("GZIP", True),
        ("gzip;q=0.001", True),
        ("gzip;q=maybe", False),
        ("deflate", False),
    ],
)
def test_gzip_is_sent_to_those_who_take_it(accept_encoding: str, expected: bool) -> None:
    assert accepts_gzip(accept_encoding) is expected


media = st.sampled_from(
    [
        "application/openmetrics-text",
        "text/plain",
        "*/*",
        "text/*",
        "text/html",
        "application/vnd.google.protobuf",
    ]
)
quality = st.integers(0, 1000).map(lambda thousandth: f"{thousandth / 1000:.3f}")


@given(st.lists(st.tuples(media, quality), max_size=6))
def test_no_format_is_chosen_over_one_of_a_higher_quality(offers: list[tuple[str, str]]) -> None:
    best = {TEXT: 0.0, OPENMETRICS: 0.0}
    for name, q in offers:
        if name == "application/openmetrics-text":
            best[OPENMETRICS] = max(best[OPENMETRICS], float(q))
        elif name in {"text/plain", "*/*", "text/*"}:
            best[TEXT] = max(best[TEXT], float(q))

    chosen = choose_format(", ".join(f"{name};q={q}" for name, q in offers))

    assert best[chosen] == max(best.values())
