"""An anchor as a fact that a store keeps, in plain JSON, and back."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")


def recall(kind: type[T], fact: object) -> T | None:
    """Return the dataclass that `dataclasses.asdict` made a fact of.

    None stands for no fact, and for one of another shape, such as another version may leave.
    """
    assert dataclasses.is_dataclass(kind)
    hints = typing.get_type_hints(kind)
    if not isinstance(fact, Mapping) or fact.keys() != hints.keys():
        return None
    try:
        return kind(**{name: _value(hint, fact[name]) for name, hint in hints.items()})
    except ValueError:
        return None


def _value(hint: object, value: object) -> object:
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if value is None and types.NoneType in kinds:
        return None
    for kind in kinds:
        if kind is bool and isinstance(value, bool):
            return value
        if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if isinstance(kind, type) and issubclass(kind, StrEnum) and isinstance(value, str):
            return kind(value)
    raise ValueError(value)
