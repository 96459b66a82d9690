"""One terminal alone, and all of them as targets."""

import json

import pytest

from mt5_exporter.exposition.negotiate import Format
from tests.exposition import parsing
from tests.exposition.world import run
from tests.web.asgi import Answer, Front, Headers, ask

TWO = Front(names=("desk-1", "desk-2"))
HOST = (b"host", b"exporter.example:10685")


def probe(query: bytes, *, headers: Headers = (), front: Front = TWO, method: str = "GET") -> Answer:
    return run(lambda: ask(front.application(), "/probe", query=query, headers=headers, method=method))


def targets(host: bytes, front: Front = TWO) -> Answer:
    return run(lambda: ask(front.application(), "/-/targets", headers=[(b"host", host)] if host else []))


@pytest.mark.parametrize(
    ("accept", "expected"), [(b"", Format.TEXT), (b"application/openmetrics-text", Format.OPENMETRICS)]
)
@pytest.mark.parametrize("encoding", [b"identity", b"gzip"])
def test_a_terminal_is_served_alone_in_either_format_and_encoding(
    accept: bytes, expected: Format, encoding: bytes
) -> None:
    served = probe(b"target=desk-2", headers=[(b"accept", accept), (b"accept-encoding", encoding)])

    assert (served.status, served.headers["content-type"]) == (200, expected.value)
    assert served.headers["vary"] == "accept, accept-encoding"
    assert ("content-encoding" in served.headers) is (encoding == b"gzip")
    families = parsing.parse(served.headers["content-type"], served.exposition())
    assert set(families) == {"mt5_up"}
    assert b'terminal="desk-2"' in served.exposition()
    assert b"desk-1" not in served.exposition()


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (b"", 400),
        (b"target=", 400),
        (b"target=desk-1&target=desk-2", 400),
        (b"module=desk-1", 400),
        (b"target=nobody", 404),
        (b"target=DESK-1", 404),
        (b"target=http%3A%2F%2F169.254.169.254%2F", 404),
        (b"target=desk-1%00", 404),
        (b"target=%ff%fe", 404),
        (b"target=" + b"x" * 100_000, 404),
        (b"target=<script>alert(1)</script>", 404),
    ],
)
def test_anything_but_the_name_of_one_terminal_is_refused_in_a_line(query: bytes, status: int) -> None:
    refused = probe(query)

    assert refused.status == status
    assert refused.headers["content-type"] == "text/plain; charset=utf-8"
    assert refused.text.count("\n") == 1
    assert "script" not in refused.text
    assert len(refused.text) < 100


def test_a_probe_counts_as_a_scrape() -> None:
    async def main() -> None:
        application = Front(names=("desk-1",), max_requests=1).application()

        assert (await ask(application, "/probe", query=b"target=desk-1")).status == 200
        assert (await ask(application, "/probe", query=b"target=desk-1")).status == 200

    run(main)


def test_a_terminal_that_goes_while_it_is_served_is_not_found() -> None:
    front = Front(names=("desk-1",))
    application = front.application()
    front.names = ("desk-1", "gone")

    assert run(lambda: ask(application, "/probe", query=b"target=gone")).status == 404


def test_a_probe_answers_head_and_no_post() -> None:
    assert probe(b"target=desk-1", method="HEAD").status == 200
    assert probe(b"target=desk-1", method="POST").status == 405


def test_the_targets_are_what_http_sd_takes() -> None:
    found = targets(HOST[1])

    assert (found.status, found.headers["content-type"]) == (200, "application/json")
    assert json.loads(found.body) == [
        {
            "targets": ["exporter.example:10685"],
            "labels": {"__metrics_path__": "/probe", "__param_target": name, "target": name},
        }
        for name in ("desk-1", "desk-2")
    ]


def test_without_a_terminal_there_are_no_targets() -> None:
    assert json.loads(targets(HOST[1], Front()).body) == []


@pytest.mark.parametrize("host", [b"127.0.0.1:10685", b"[::1]:10685", b"localhost", b"10.0.0.7"])
def test_a_target_is_where_we_were_asked(host: bytes) -> None:
    assert json.loads(targets(host).body)[0]["targets"] == [host.decode()]


@pytest.mark.parametrize("host", [b"", b"a/../b", b'"><script>', b"a b", b"x" * 300, b"a:1:2", b"\xff"])
def test_a_host_that_is_none_is_refused(host: bytes) -> None:
    assert targets(host).status == 400
