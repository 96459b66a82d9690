"""From grafanalib's objects to the JSON of a Grafana of today.

grafanalib 0.7.1 writes what Grafana read in 2018: keys that are gone, and nulls for what was never said.
"""

import json
from collections.abc import Collection, Iterator

from grafanalib._gen import DashboardEncoder

Json = dict[str, object]

OBSOLETE = frozenset(
    {
        "__inputs",
        "auto",
        "auto_count",
        "auto_min",
        "cacheTimeout",
        "error",
        "gnetId",
        "height",
        "hideControls",
        "hideTimeOverride",
        "intervalFactor",
        "metric",
        "minSpan",
        "rows",
        "sharedCrosshair",
        "span",
        "step",
        "style",
        "tagValuesQuery",
        "tagsQuery",
        "target",
        "time_options",
        "useTags",
    }
)
"""Keys that no Grafana of today reads, wherever they stand."""


PANEL = frozenset({"color", "columns", "editable", "fontSize", "mappings"})
"""Keys that grafanalib writes beside a panel's own, where nobody looks for them."""


def plain(made: object, *, without: Collection[str] = ()) -> Json:
    """Return the JSON of one of grafanalib's objects without what is obsolete or was never said.

    Args:
        made: The object.
        without: Keys of its own, and of nothing in it, to leave out.
    """
    found: object = json.loads(json.dumps(made, cls=DashboardEncoder))
    assert isinstance(found, dict)
    return {key: value for key, value in _fields(found) if key not in without}


def _fields(found: dict[str, object]) -> Iterator[tuple[str, object]]:
    for key, value in found.items():
        # A threshold's first step begins at null, and means it.
        meant = value is not None or (key == "value" and "color" in found)
        if key not in OBSOLETE and meant:
            yield key, _cleaned(value)


def _cleaned(value: object) -> object:
    if isinstance(value, list):
        return [_cleaned(entry) for entry in value]
    return dict(_fields(value)) if isinstance(value, dict) else value
