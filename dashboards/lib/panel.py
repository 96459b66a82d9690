"""What every panel has, and how values are shown: thresholds, words, links."""

import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import grafanalib.core as G  # noqa: N812 - the name in its own documentation

from dashboards.lib import links
from dashboards.lib.colours import BAD, GOOD
from dashboards.lib.plain import Json
from dashboards.lib.query import DATASOURCE, Query
from dashboards.lib.states import States

Steps = tuple[tuple[float, str], ...]
"""From which value on which colour; below the first it is the good one."""

AT_ALL: Steps = ((1, BAD),)
"""None is good, one is bad."""

DRILL = ("job", "instance", "terminal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """What all panels have.

    Attributes:
        title: The question that it answers.
        description: What it shows, what is bad, and what to do then.
        unit: Grafana's word for it.
        states: Its values in words.
        decimals: Digits after the point.
        nothing: What it says without data.
        width: Of 24 columns.
        height: In Grafana's rows of 30 pixels.
        runbooks: Alerts whose runbooks help here.
        leads_to: The uid of the dashboard that each value leads to.
        by: The labels by which it leads there.
    """

    title: str
    description: str
    unit: str = "none"
    states: States = ()
    decimals: int | None = None
    nothing: str = "no data"
    width: int = 12
    height: int = 8
    runbooks: tuple[str, ...] = ()
    leads_to: str = ""
    by: tuple[str, ...] = DRILL

    def json(self, number: int, place: G.GridPos) -> Json:
        """Return it as Grafana reads it."""
        raise NotImplementedError

    def common(self, number: int, place: G.GridPos, targets: Sequence[Json]) -> Json:
        """Return the arguments that each of grafanalib's panels takes."""
        return {
            "id": number,
            "title": self.title,
            "description": self.description,
            "dataSource": DATASOURCE,
            "gridPos": place,
            "maxDataPoints": None,
            "targets": list(targets),
            "links": [links.to_runbook(alert) for alert in self.runbooks],
        }

    def field(self, steps: Steps) -> Json:
        """Return how values are shown."""
        field: Json = {
            "mappings": mappings(self.states),
            "noValue": self.nothing,
            "thresholds": thresholds(steps),
            "unit": self.unit,
        }
        if self.decimals is not None:
            field["decimals"] = self.decimals
        return field

    def linked(self, steps: Steps) -> Json:
        """Return the same for series, which lead on by their labels."""
        leads = [links.to_dashboard(self.leads_to, self.by, table=False)] if self.leads_to else []
        return {**self.field(steps), "links": leads}


def lettered(queries: Sequence[Query]) -> Iterator[tuple[str, Query]]:
    """Yield each query after its letter."""
    yield from zip(string.ascii_uppercase, queries, strict=False)


def override(matcher: str, wanted: str, properties: Json) -> Json:
    """Return what is different for some fields."""
    return {
        "matcher": {"id": matcher, "options": wanted},
        "properties": [{"id": key, "value": value} for key, value in properties.items()],
    }


def mappings(states: States) -> list[Json]:
    """Return value mappings: each value's word and colour."""
    if not states:
        return []
    options = {
        str(state.value): {"color": state.colour, "index": number, "text": state.word}
        for number, state in enumerate(states)
    }
    return [{"options": options, "type": "value"}]


def thresholds(steps: Steps) -> Json:
    """Return thresholds that begin at nothing; grafanalib's own make all values look good."""
    shown: list[Json] = [{"color": GOOD, "value": None}]
    shown += [{"color": colour, "value": value} for value, colour in steps]
    return {"mode": "absolute", "steps": shown}
