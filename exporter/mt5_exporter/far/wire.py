"""Length-prefixed JSON frames, and the result codes that only the far side can give."""

import functools
import json
from collections.abc import Callable, Mapping
from typing import BinaryIO

PROTOCOL = 1
"""Version of the frames; the near side ends a worker that greets with another."""

MAX_FRAME = 8 * 1024 * 1024
"""Bytes of one frame's body; a longer one is a defect of the sender, never memory of the reader."""

HEADER = 4

# The package's own codes end at -10005. These stand for what never reached it.
REFUSED = -20000
RAISED = -20001
NOT_RUNNING = -20002
BUSY = -20003
NO_PIPE = -20004
NO_MODULE = -20005
NO_BRIDGE = -20006


class WireError(Exception):
    """A frame that breaks the protocol: too long, cut short, or not a JSON object."""


def encode(message: Mapping[str, object], spell: Callable[[object], object] | None = None) -> bytes:
    """Return `message` as one frame: four bytes of big-endian length, then UTF-8 JSON.

    A lone surrogate from a broker's text travels escaped, so encoding never fails on it.

    Args:
        message: What it says.
        spell: Returns plain JSON for a value that is none, or raises TypeError.

    Raises:
        WireError: The body is longer than `MAX_FRAME`.
        TypeError: There is a value that JSON has no word for.
    """
    body = _encoder(spell).encode(message).encode("ascii")
    length = len(body)
    if length > MAX_FRAME:
        # A traceback may be shown with its variables, and there may be a secret in this one.
        del body
        raise WireError(f"frame of {length} bytes is over {MAX_FRAME}")
    return length.to_bytes(HEADER, "big") + body


@functools.cache
def _encoder(spell: Callable[[object], object] | None) -> json.JSONEncoder:
    """Return the one encoder for `spell`: to make it anew for each frame costs a third of its encoding."""
    return json.JSONEncoder(separators=(",", ":"), default=spell)


def decode(body: bytes) -> dict[str, object]:
    """Return the JSON object in one frame's body.

    Raises:
        WireError: It is not JSON, or not an object.
    """
    try:
        message: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise WireError(f"frame is not JSON: {error}") from error
    if not isinstance(message, dict):
        raise WireError(f"frame is not an object but {type(message).__name__}")
    return message


def body_length(header: bytes) -> int:
    """Return the length that a header announces.

    Raises:
        WireError: It is over `MAX_FRAME`.
    """
    length = int.from_bytes(header, "big")
    if length > MAX_FRAME:
        raise WireError(f"frame of {length} bytes is over {MAX_FRAME}")
    return length


def read(stream: BinaryIO) -> dict[str, object] | None:
    """Return the next frame of a blocking stream, or None at its end.

    Raises:
        WireError: The stream ends inside a frame, or the frame breaks the protocol.
    """
    header = stream.read(HEADER)
    if not header:
        return None
    if len(header) < HEADER:
        raise WireError("stream ended inside a header")
    length = body_length(header)
    body = stream.read(length)
    if len(body) < length:
        raise WireError("stream ended inside a frame")
    return decode(body)
