"""What is served under which path, to whom, and when not."""

import asyncio
import math

import pytest

from mt5_exporter import __version__
from mt5_exporter.exposition.negotiate import Format
from mt5_exporter.exposition.publish import Exposition, NotRendered
from tests.exposition import parsing
from tests.exposition.world import run, until
from tests.web.asgi import BODIES, Answer, Front, Headers, ask

PATHS = ("/metrics", "/", "/-/healthy", "/-/ready", "/config", "/-/targets")


def answer(front: Front, path: str = "/metrics", *, method: str = "GET", headers: Headers = ()) -> Answer:
    headers = [(b"host", b"127.0.0.1:10685"), *headers]
    return run(lambda: ask(front.application(), path, method=method, headers=headers))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", PATHS)
def test_a_page_answers_get_and_head(path: str, method: str) -> None:
    assert answer(Front(), path, method=method).status == 200


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "FOO", "get"]
)
@pytest.mark.parametrize("path", PATHS)
def test_a_page_answers_no_other_method(path: str, method: str) -> None:
    refused = answer(Front(), path, method=method)

    assert refused.status == 405
    assert set(refused.headers["allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "//",
        "//metrics",
        "/metrics/",
        "/metrics\x00",
        "/\x00",
        "/-/",
        "/-/healthy/",
        "/-/reload/",
        "/../metrics",
        "/Metrics",
        "/debug/pprof",
        "/config/",
        "/probe/",
        "http://localhost/metrics",
        "*",
        "",
    ],
)
def test_another_path_is_not_found(path: str) -> None:
    assert answer(Front(), path).status == 404


def test_the_metrics_are_where_the_flag_says_and_nowhere_else() -> None:
    front = Front(telemetry_path="/mt5/metrics")

    assert answer(front, "/mt5/metrics").status == 200
    assert answer(front, "/metrics").status == 404
    assert '<a href="/mt5/metrics">' in answer(front, "/").text


def test_metrics_at_the_root_take_the_front_pages_place() -> None:
    front = Front(telemetry_path="/")

    assert answer(front, "/").body == BODIES[Format.TEXT]


@pytest.mark.parametrize(
    ("accept", "expected"), [(b"", Format.TEXT), (b"application/openmetrics-text", Format.OPENMETRICS)]
)
def test_the_metrics_come_in_the_format_that_is_asked_for(accept: bytes, expected: Format) -> None:
    served = answer(Front(), headers=[(b"accept", accept)])

    assert served.headers["content-type"] == expected.value
    assert served.headers["content-length"] == str(len(BODIES[expected]))
    assert served.headers["vary"] == "accept, accept-encoding"
    assert served.body == BODIES[expected]
    assert parsing.parse(served.headers["content-type"], served.body)


def test_a_list_in_several_header_lines_is_one_list() -> None:
    headers = [(b"accept", b"text/plain;q=0.1"), (b"accept", b"application/openmetrics-text;q=0.9")]
    encodings = [(b"accept-encoding", b"br"), (b"accept-encoding", b"gzip")]

    served = answer(Front(), headers=[*headers, *encodings])

    assert served.headers["content-type"] == Format.OPENMETRICS
    assert served.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("encoding", "zipped"),
    [(b"gzip", True), (b"identity", False), (b"gzip;q=0", False), (b"*", True), (b"", False), (b"br", False)],
)
def test_compression_changes_nothing_but_the_bytes(encoding: bytes, zipped: bool) -> None:
    served = answer(Front(), headers=[(b"accept-encoding", encoding)])

    assert ("content-encoding" in served.headers) is zipped
    assert served.exposition() == BODIES[Format.TEXT]
    assert served.headers["content-length"] == str(len(served.body))


def test_a_scrape_beyond_the_limit_is_sent_away_and_the_others_are_served() -> None:
    async def main() -> None:
        arrived: list[None] = []
        go_on = asyncio.Event()

        async def slowly() -> Exposition:
            arrived.append(None)
            await go_on.wait()
            return Exposition(bodies=dict(BODIES), valid_until=math.inf)

        application = Front(max_requests=2, current=slowly).application()
        waiting = [asyncio.ensure_future(ask(application)) for _ in range(2)]
        await until(lambda: len(arrived) == 2)

        refused = await ask(application)
        healthy = await ask(application, "/-/healthy")
        go_on.set()
        served = await asyncio.gather(*waiting)
        later = await ask(application)

        assert (refused.status, healthy.status, later.status) == (503, 200, 200)
        assert [found.status for found in served] == [200, 200]

    run(main)


def test_without_a_limit_every_scrape_is_served() -> None:
    async def main() -> None:
        application = Front(max_requests=0).application()

        served = await asyncio.gather(*(ask(application) for _ in range(200)))

        assert {found.status for found in served} == {200}

    run(main)


def test_what_cannot_be_rendered_fails_the_scrape_and_gives_back_its_place() -> None:
    async def main() -> None:
        async def broken() -> Exposition:
            await asyncio.sleep(0)
            raise NotRendered("ValueError")

        application = Front(max_requests=1, current=broken).application()

        for _ in range(3):
            failed = await ask(application)
            assert failed.status == 500
            assert failed.text == "the metrics cannot be rendered: ValueError\n"

    run(main)


def test_health_and_readiness_are_two_questions() -> None:
    starting = Front(unready="not polled yet: desk-1")
    broken = Front(unhealthy="the scheduler has not run for 12 s")

    assert answer(starting, "/-/healthy").text == "healthy\n"
    unready = answer(starting, "/-/ready")
    assert (unready.status, unready.text) == (503, "not polled yet: desk-1\n")
    assert answer(broken, "/-/ready").text == "ready\n"
    unhealthy = answer(broken, "/-/healthy")
    assert (unhealthy.status, unhealthy.text) == (503, "the scheduler has not run for 12 s\n")


def test_the_front_page_says_which_version_runs_and_where_the_rest_is() -> None:
    page = answer(Front(), "/").text

    assert f"mt5-exporter {__version__}" in page
    for path in ("/metrics", "/config", "/-/targets", "/-/healthy", "/-/ready"):
        assert f'<a href="{path}">' in page
