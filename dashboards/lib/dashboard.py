"""A dashboard: one question, rows in the order of urgency, ways on."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import grafanalib.core as G  # noqa: N812 - the name in its own documentation

from dashboards.lib import annotations, links, variables
from dashboards.lib.panel import Panel
from dashboards.lib.plain import Json, plain

COLUMNS = 24
SCHEMA = 41
"""That of Grafana 12; older ones read it, newer ones bring it up to date when they load it."""

TAG = "mt5"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Panels that belong together, from left to right.

    Attributes:
        title: What they are about.
        panels: In order; a new line begins where the next has no place.
        collapsed: Whether they are asked for only when somebody opens the row.
    """

    title: str
    panels: tuple[Panel, ...]
    collapsed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """One question.

    Attributes:
        uid: What alerts and links know it by; never to be changed.
        question: What it answers.
        rows: The most urgent first.
        chosen: Its variables, each within those before it.
    """

    uid: str
    question: str
    rows: tuple[Row, ...]
    chosen: tuple[str, ...] = ("job", "instance", "terminal")

    @property
    def title(self) -> str:
        """What it is called."""
        return f"MT5 / {links.TITLES[self.uid]}"

    def json(self) -> Json:
        """Return it as Grafana reads it."""
        made: object = G.Dashboard(
            annotations=G.Annotations([told.json() for told in self._told()]),
            description=self.question,
            editable=False,
            graphTooltip=G.GRAPH_TOOLTIP_MODE_SHARED_CROSSHAIR,
            links=self._links(),
            panels=list(self._placed()),
            refresh="30s",
            schemaVersion=SCHEMA,
            tags=[TAG],
            templating=G.Templating(
                [
                    variables.data_source(),
                    *(variables.variable(name) for name in self.chosen),
                    variables.runbooks(),
                ]
            ),
            time=G.Time("now-6h", "now"),
            timePicker=G.TimePicker(["30s", "1m", "5m", "15m"], []),
            timezone="browser",
            title=self.title,
            uid=self.uid,
            version=1,
        )
        return plain(made)

    def text(self) -> str:
        """Return it as it stands in its file: the same bytes whoever writes them."""
        return json.dumps(self.json(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def _told(self) -> Sequence[annotations.Annotation]:
        if "terminal" in self.chosen:
            return annotations.ALERTS, annotations.RESTARTS, annotations.TRIPS
        return annotations.EXPORTER_ALERTS, annotations.RESTARTS

    def _links(self) -> list[Json]:
        others: object = G.DashboardLink(
            asDropdown=True,
            icon="external link",
            includeVars=True,
            keepTime=True,
            tags=[TAG],
            title="MT5 dashboards",
            tooltip="The other dashboards, about what is chosen here",
            type="dashboards",
        )
        index: object = G.DashboardLink(
            icon="doc",
            keepTime=False,
            targetBlank=True,
            title="Runbooks",
            tooltip="What each alert means, and what to do at night",
            type="link",
            uri=links.RUNBOOKS,
        )
        return [plain(others), plain(index)]

    def _placed(self) -> Iterator[Json]:
        """Yield rows and panels with their numbers and places, line by line."""
        number = 1
        top = 0
        for row in self.rows:
            head = number
            number += 1
            inside: list[Json] = []
            left, below, line = 0, top + 1, 0
            for panel in row.panels:
                if left + panel.width > COLUMNS:
                    left, below, line = 0, below + line, 0
                place = G.GridPos(h=panel.height, w=panel.width, x=left, y=below)
                inside.append(panel.json(number, place))
                number, left, line = number + 1, left + panel.width, max(line, panel.height)
            yield _row(row, head, top, inside if row.collapsed else [])
            # A collapsed row takes the place of its head alone.
            top = top + 1 if row.collapsed else below + line
            if not row.collapsed:
                yield from inside


def _row(row: Row, number: int, top: int, panels: list[Json]) -> Json:
    made: object = G.RowPanel(
        id=number,
        title=row.title,
        collapsed=row.collapsed,
        gridPos=G.GridPos(h=1, w=COLUMNS, x=0, y=top),
        panels=panels,
    )
    kept = ("collapsed", "gridPos", "id", "panels", "title", "type")
    return {key: value for key, value in plain(made).items() if key in kept}
