"""Frames: what is sent arrives, and nothing that arrives is worse than a WireError."""

import io
import json
import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mt5_exporter.far import wire
from mt5_exporter.far.wire import MAX_FRAME, WireError

# With surrogates, lone and in pairs: a broker's text holds whatever UTF-16 held.
texts = st.text(st.characters())
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=15,
)
messages = st.dictionaries(texts, json_values, max_size=5)


def as_utf16_says(value: object) -> object:
    """Return `value` with the halves of a surrogate pair joined, as JSON joins them."""
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        case list():
            return [as_utf16_says(item) for item in value]
        case dict():
            return {as_utf16_says(key): as_utf16_says(item) for key, item in value.items()}
        case _:
            return value


@settings(deadline=None)
@given(messages)
@example({"comment": "\ud800", "pair": "\ud83d\ude00", "nul": "\0"})
def test_a_message_arrives_as_it_was_sent(message: dict[str, object]) -> None:
    frame = wire.encode(message)

    received = wire.read(io.BytesIO(frame))

    assert received == as_utf16_says(message)


@settings(max_examples=40, deadline=None)
@given(st.lists(messages, max_size=4))
def test_frames_follow_each_other_until_the_stream_ends(sent: list[dict[str, object]]) -> None:
    stream = io.BytesIO(b"".join(wire.encode(message) for message in sent))

    received = [wire.read(stream) for _ in sent]

    assert received == [as_utf16_says(message) for message in sent]
    assert wire.read(stream) is None


def test_a_frame_is_a_length_of_four_bytes_and_plain_ascii() -> None:
    frame = wire.encode({"a": "ü\ud800"})

    assert frame == b'\x00\x00\x00\x14{"a":"\\u00fc\\ud800"}'


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_travels(value: float) -> None:
    received = wire.read(io.BytesIO(wire.encode({"value": value})))

    assert received is not None
    assert str(received["value"]) == str(value)


@settings(deadline=None)
@given(messages, st.data())
def test_a_stream_cut_inside_a_frame_is_an_error(message: dict[str, object], data: st.DataObject) -> None:
    frame = wire.encode(message)
    cut = data.draw(st.integers(1, len(frame) - 1))

    with pytest.raises(WireError, match=r"stream ended inside a (header|frame)"):
        wire.read(io.BytesIO(frame[:cut]))


def test_a_stream_that_ends_between_frames_is_no_error() -> None:
    assert wire.read(io.BytesIO()) is None


def test_an_oversize_header_is_refused_before_its_body_is_read() -> None:
    stream = io.BytesIO((MAX_FRAME + 1).to_bytes(4, "big") + b"body")

    with pytest.raises(WireError, match=f"frame of {MAX_FRAME + 1} bytes is over {MAX_FRAME}"):
        wire.read(stream)

    assert stream.read() == b"body"


def test_an_oversize_message_is_refused_by_its_sender() -> None:
    message = {"value": "x" * MAX_FRAME}

    with pytest.raises(WireError, match=f"is over {MAX_FRAME}"):
        wire.encode(message)


def test_the_largest_frame_passes() -> None:
    message: dict[str, object] = {"value": "x" * (MAX_FRAME - len('{"value":""}'))}

    frame = wire.encode(message)

    assert len(frame) == wire.HEADER + MAX_FRAME
    assert wire.read(io.BytesIO(frame)) == message


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_garbage_is_nothing_worse_than_a_wire_error(garbage: bytes) -> None:
    try:
        message = wire.read(io.BytesIO(garbage))
    except WireError:
        return

    assert message is None or isinstance(message, dict)


@settings(deadline=None)
@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
@example(b"\xff\xfe{")
@example(b"\xef\xbb\xbf{}")
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b'{"a":' + b"9" * 5000 + b"}")
@example(b'"\xed\xa0\x80"')
def test_a_body_of_garbage_is_nothing_worse_than_a_wire_error(body: bytes) -> None:
    try:
        message = wire.decode(body)
    except WireError:
        return

    assert isinstance(message, dict)


@pytest.mark.parametrize("value", [[], "text", 1, None, True])
def test_a_frame_that_is_not_an_object_is_refused(value: object) -> None:
    body = json.dumps(value).encode()

    with pytest.raises(WireError, match=f"not an object but {type(value).__name__}"):
        wire.decode(body)
