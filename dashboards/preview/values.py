"""Values as a reader sees them: units, words and colours, as a panel's JSON asks for them."""

import math
import time
from collections.abc import Callable, Mapping

from dashboards.lib.colours import GOOD
from dashboards.lib.plain import Json

TEXT = "#D5D9E0"
"""Of a value that is neither good nor bad."""

SPANS = ((86_400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "us"))


def at(value: object, *path: str | int) -> object:
    """Return what stands there, None where nothing does."""
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def text(value: float, field: Json) -> str:
    """Return a value in its field's words, or in its unit."""
    word = at(field, "mappings", 0, "options", f"{value:g}", "text")
    if isinstance(word, str):
        return word
    decimals = field.get("decimals")
    digits = decimals if isinstance(decimals, int) else None
    if not math.isfinite(value):
        return f"{value}"
    said = UNITS.get(str(field.get("unit")))
    return said(value, digits) if said else _figure(value, digits)


def _figure(value: float, digits: int | None) -> str:
    if digits is None:
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:,.{digits}f}"


def _span(seconds: float) -> str:
    for length, name in SPANS:
        if abs(seconds) >= length:
            return f"{seconds / length:.3g} {name}"
    return "0 s"


UNITS: Mapping[str, Callable[[float, int | None], str]] = {
    "bytes": lambda value, _: f"{value / 2**20:.1f} MiB",
    "dateTimeAsIso": lambda value, _: time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(value / 1000)),
    "dtdurations": lambda value, _: _span(value),
    "ops": lambda value, digits: f"{_figure(value, digits)} /s",
    "percentunit": lambda value, digits: f"{_figure(100 * value, 1 if digits is None else digits)} %",
    "reqps": lambda value, digits: f"{_figure(value, digits)} /s",
    "s": lambda value, _: _span(value),
}
"""How Grafana's units are written here."""


def colour(value: float, field: Json) -> str:
    """Return the colour of a value: its word's, or that of the step that it has reached."""
    mapped = at(field, "mappings", 0, "options", f"{value:g}", "color")
    if isinstance(mapped, str):
        return mapped
    if at(field, "color", "mode") == "fixed":
        return TEXT
    found = GOOD
    steps = at(field, "thresholds", "steps")
    for step in steps if isinstance(steps, list) else []:
        if step["value"] is None or value >= step["value"]:
            found = step["color"]
    return found


def overridden(field: Json, overrides: object, matcher: str, wanted: str) -> Json:
    """Return a field with what its overrides change."""
    found = dict(field)
    for override in overrides if isinstance(overrides, list) else []:
        if at(override, "matcher", "id") == matcher and at(override, "matcher", "options") == wanted:
            found |= {str(change["id"]): change["value"] for change in override["properties"]}
    return found


def shade(base: str, number: int) -> str:
    """Return one of a colour's shades, as the series of one query have them."""
    toward = (0.0, 0.45, -0.35, 0.7, -0.55, 0.25)[number % 6]
    parts = [int(base[place : place + 2], 16) for place in (1, 3, 5)]
    mixed = [part + (255 - part) * toward if toward > 0 else part * (1 + toward) for part in parts]
    return "#" + "".join(f"{round(part):02X}" for part in mixed)
