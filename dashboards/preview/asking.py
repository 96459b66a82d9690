"""What Prometheus answers to a dashboard's questions, over a time that has passed."""

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboards.lib.plain import Json

POINTS = 240
"""Of a chart's line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One answer: its labels, and its points in time and value."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]

    @property
    def last(self) -> float:
        """The value of now."""
        return self.points[-1][1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prometheus:
    """Where to ask, and about which time.

    Attributes:
        url: Its address.
        start: The beginning, in Unix time.
        end: The end.
        scrape: The seconds between two scrapes.
        chosen: Values of variables; the others are anything.
    """

    url: str
    start: float
    end: float
    scrape: float
    chosen: Mapping[str, str]

    def ask(self, target: Json, variables: Sequence[Json]) -> list[Series]:
        """Return what a panel's target shows, with everything chosen."""
        values = {
            name: self.chosen.get(name, str(found.get("allValue", "")))
            for found in variables
            for name in [str(found["name"])]
        }
        step = max((self.end - self.start) / POINTS, self.scrape)
        text = str(target["expr"])
        text = text.replace("$__rate_interval", f"{round(1000 * max(step + self.scrape, 4 * self.scrape))}ms")
        text = text.replace("$__range", f"{round(1000 * (self.end - self.start))}ms")
        expr = re.sub(r"\$(\w+)", lambda found: values[found[1]], text)
        if target["instant"]:
            return self._get("query", query=expr, time=self.end)
        return self._get("query_range", query=expr, start=self.start, end=self.end, step=step)

    def _get(self, path: str, **asked: str | float) -> list[Series]:
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(asked)}"
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - the reader's own Prometheus
            found = json.load(answer)["data"]["result"]
        return [
            Series(
                labels=series["metric"],
                points=[(float(at), float(value)) for at, value in series.get("values") or [series["value"]]],
            )
            for series in found
        ]


def named(legend: str, labels: Mapping[str, str]) -> str:
    """Return a series' name."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), legend).strip()
