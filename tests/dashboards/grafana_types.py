"""Holds JSON against Grafana's own types, as its foundation SDK has them: no key too many, none too few.

The SDK's `from_json` takes whatever it is given, so its annotations are read instead.
"""

import enum
import functools
import importlib
import types
import typing
import warnings
from collections.abc import Iterator, Mapping

from tests.dashboards.reading import Json, at, listed

with warnings.catch_warnings():
    # Its v1 dashboards are deprecated in favour of a schema that no provisioned file may have yet.
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.models import dashboard as models
    from grafana_foundation_sdk.models import prometheus

PANELS = {
    "stat": ("stat", ""),
    "state-timeline": ("statetimeline", "FieldConfig"),
    "table": ("table", "FieldConfig"),
    "timeseries": ("timeseries", "FieldConfig"),
}
"""Where the types of a panel's options, and of its fields' own configuration, are."""

UNSAID = {"placement": "Grafana writes it for links that are elsewhere than above the panels"}
"""Keys that need not be there, whatever the types say."""

NULL = "thresholds.steps[0].value"
"""The one null that is meant: a threshold's first step begins at nothing."""

SNAKES = frozenset({"refresh_intervals", "quick_ranges"})
"""Keys that Grafana itself does not write in camelCase."""


def complaints(board: Json) -> Iterator[str]:
    """Yield what a dashboard has that Grafana's types have not, and the other way round."""
    yield from _checked(board, models.Dashboard, "dashboard")


def _panel(panel: Json, where: str) -> Iterator[str]:
    title = f"{where} {panel.get('title')!r}"
    if panel.get("type") == "row":
        yield from _checked(panel, models.RowPanel, title, is_panel=True)
        return
    yield from _checked(panel, models.Panel, title, is_panel=True)
    if panel.get("type") not in PANELS:
        yield f"{title}: is of type {panel.get('type')!r}"
        return
    module, fields = PANELS[str(panel["type"])]
    found = importlib.import_module(f"grafana_foundation_sdk.models.{module}")
    yield from _checked(panel.get("options"), found.Options, f"{title}.options")
    if fields:
        custom = at(panel, "fieldConfig", "defaults", "custom") or {}
        yield from _checked(custom, getattr(found, fields), f"{title}.custom")
    for target in listed(panel.get("targets", [])):
        yield from _checked(target, prometheus.Dataquery, f"{title}.target")


def _checked(value: object, hint: object, where: str, *, is_panel: bool = False) -> Iterator[str]:
    origin = typing.get_origin(hint)
    if hint in (models.Panel, models.RowPanel) and not is_panel:
        assert isinstance(value, dict)
        yield from _panel(value, where)
    elif origin in (typing.Union, types.UnionType):
        yield from _one_of(value, typing.get_args(hint), where)
    elif origin is typing.Literal:
        if value not in typing.get_args(hint):
            yield f"{where}: is {value!r}"
    elif origin is list or origin is dict:
        yield from _inside(value, hint, where)
    elif isinstance(hint, type) and issubclass(hint, enum.Enum):
        if value not in [member.value for member in hint]:
            yield f"{where}: is {value!r}, none of {hint.__name__}"
    elif hint in (str, int, float, bool):
        yield from _scalar(value, hint, where)
    elif isinstance(hint, type) and hasattr(hint, "from_json"):
        yield from _object(value, hint, where)


def _one_of(value: object, options: tuple[object, ...], where: str) -> Iterator[str]:
    if {models.Panel, models.RowPanel} <= set(options):
        assert isinstance(value, dict)
        yield from _panel(value, where)
        return
    if value is None and where.endswith(NULL):
        return
    # Nothing chosen yet is an empty object.
    if value == {} and where.endswith(".current"):
        return
    found = [[*_checked(value, option, where)] for option in options if option is not type(None)]
    yield from min(found, key=len)


def _inside(value: object, hint: object, where: str) -> Iterator[str]:
    *_, inner = typing.get_args(hint)
    if typing.get_origin(hint) is list and isinstance(value, list):
        for number, entry in enumerate(value):
            yield from _checked(entry, inner, f"{where}[{number}]")
    elif typing.get_origin(hint) is dict and isinstance(value, dict):
        for key, entry in value.items():
            yield from _checked(entry, inner, f"{where}.{key}")
    else:
        yield f"{where}: is {value!r}"


def _scalar(value: object, hint: object, where: str) -> Iterator[str]:
    wanted = (int, float) if hint is float else (hint,)
    if (isinstance(value, bool) and hint is not bool) or type(value) not in wanted:
        yield f"{where}: is {value!r}"


def _object(value: object, hint: type, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: is {value!r}"
        return
    hints = _hints(hint)
    yield from (f"{where}: has {key}" for key in value if key not in hints)
    for key, found in hints.items():
        if key in value:
            yield from _checked(value[key], found, f"{where}.{key}")
        elif type(None) not in typing.get_args(found) and key not in UNSAID:
            yield f"{where}: lacks {key}"


@functools.cache
def _hints(hint: type) -> Mapping[str, object]:
    return {_spelled(name): found for name, found in typing.get_type_hints(hint).items()}


def _spelled(name: str) -> str:
    """Return the JSON key of an attribute: `id_val` is `id`, `ref_id` is `refId`."""
    if name in SNAKES:
        return name
    first, *rest = name.removesuffix("_val").split("_")
    return first + "".join(word.capitalize() for word in rest)
