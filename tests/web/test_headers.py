"""Ten thousand headers that nobody should send: always 200, one of our formats, and the whole body."""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from mt5_exporter.exposition.negotiate import Format
from tests.web.asgi import BODIES, Front, Headers, ask

CONTENT_TYPES = {format_.value for format_ in Format}

BATCH = 5
"""Requests of one example, of which each of four tests makes 500: drawing an example takes longest."""

many = settings(suppress_health_check=[HealthCheck.too_slow], max_examples=500)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as found:
        yield found


@pytest.fixture(scope="module")
def application() -> Starlette:
    return Front().application()


def check(runner: asyncio.Runner, application: Starlette, *requests: Headers) -> None:
    async def main() -> None:
        for headers in requests:
            served = await ask(application, headers=headers)

            assert served.status == 200
            assert served.headers["content-type"] in CONTENT_TYPES
            # These bodies are golden files; that they can be parsed is tested there.
            assert served.exposition() == BODIES[Format(served.headers["content-type"])]

    runner.run(main())


raw = st.binary(max_size=80)
WORDS = (
    b"application/openmetrics-text",
    b"text/plain",
    b"*/*",
    b"text/*",
    b"*",
    b"gzip",
    b"identity",
    b"x-gzip",
    b"q=0",
    b"q=1",
    b"q=0.5",
    b"q=1.0001",
    b"q=",
    b"Q=0.2",
    b"q=\xb2",
    b"q=nan",
    b'q="1"',
    b"q=1e9",
    b"version=1.0.0",
    b'version="1.0.0"',
    b"version=abc",
    b"version=9.9.9",
    b"version=",
    b"escaping=values",
    b",",
    b";",
    b"=",
    b" ",
    b"\t",
    b'"',
    b"\\",
    b"\x00",
    b"\xff\xfe",
    b"\r\n",
    b"\xe2\x82\xac",
    b"",
)


def joined(glue: bytes) -> st.SearchStrategy[bytes]:
    """Return words behind each other; a byte for each is drawn much faster than a list of words."""
    return st.binary(max_size=12).map(lambda picks: glue.join(WORDS[pick % len(WORDS)] for pick in picks))


spelled, listed, parameters = joined(b""), joined(b","), joined(b";")
name = st.sampled_from([b"accept", b"accept-encoding"])


def batches(headers: st.SearchStrategy[Headers]) -> st.SearchStrategy[list[Headers]]:
    return st.lists(headers, min_size=BATCH, max_size=BATCH)


def pairs(accept: st.SearchStrategy[bytes], encoding: st.SearchStrategy[bytes]) -> st.SearchStrategy[Headers]:
    return st.tuples(accept, encoding).map(lambda pair: [(b"accept", pair[0]), (b"accept-encoding", pair[1])])


@many
@given(batches(pairs(raw, raw)))
def test_any_bytes(runner: asyncio.Runner, application: Starlette, requests: list[Headers]) -> None:
    check(runner, application, *requests)


@many
@given(batches(pairs(spelled, spelled)))
def test_any_words(runner: asyncio.Runner, application: Starlette, requests: list[Headers]) -> None:
    check(runner, application, *requests)


@many
@given(batches(pairs(listed, parameters)))
def test_any_lists(runner: asyncio.Runner, application: Starlette, requests: list[Headers]) -> None:
    check(runner, application, *requests)


@many
@given(batches(st.lists(st.tuples(name, st.one_of(raw, parameters)), max_size=4)))
def test_any_repetition(runner: asyncio.Runner, application: Starlette, requests: list[Headers]) -> None:
    check(runner, application, *requests)


@pytest.mark.parametrize(
    "value", [b"a" * 100_000, b",;" * 50_000, b"\xff" * 100_000, b"text/plain;q=0," * 7_000]
)
def test_a_hundred_kilobytes(runner: asyncio.Runner, application: Starlette, value: bytes) -> None:
    check(runner, application, [(b"accept", value), (b"accept-encoding", value)])
