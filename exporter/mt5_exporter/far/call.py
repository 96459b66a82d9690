"""One call of a MetaTrader5 module, its `last_error` directly after it, and its fields in plain JSON.

A bridge gets this file as source and runs it beside a terminal of its own, on whatever Python is there: it
imports nothing of this project, and nothing in it is newer than Python 3.8.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence


def call(
    api: object, function: str, args: Sequence[object], kwargs: Mapping[str, object], fields: Sequence[str]
) -> tuple[object, int, str]:
    """Return what a function answers, and code and text of `last_error`; what is raised passes through."""
    value: object = getattr(api, function)(*args, **kwargs)
    # At once: it is a global of the process and any later call overwrites it.
    code, text = getattr(api, "last_error")()  # noqa: B009 - any module will do
    return project(value, fields), code, text


def project(value: object, fields: Sequence[str]) -> object:
    """Return `value` in plain JSON: a struct as its `fields` in order, a tuple of structs as a list of those.

    A field that this build of the terminal does not have is None.
    """
    if hasattr(value, "_asdict"):
        return [getattr(value, field, None) for field in fields]
    if isinstance(value, (tuple, list)):
        return [project(item, fields) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"cannot send a {type(value).__name__}")


def answer(api: object, request: str) -> str:
    """Make the call that one JSON text asks for and say in another what came of it, an exception included."""
    try:
        function, args, kwargs, fields = json.loads(request)
        return json.dumps([*call(api, function, args, kwargs, fields), ""])
    except Exception as error:  # noqa: BLE001 - whatever it is, the far end classifies
        return json.dumps([None, 0, "", f"{type(error).__name__}: {error}"])
