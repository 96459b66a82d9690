"""Series over time, and the limits that they are compared with."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import grafanalib.core as G  # noqa: N812 - the name in its own documentation

from dashboards.lib.colours import BAD, PALETTE, WARN
from dashboards.lib.panel import Panel, lettered, override
from dashboards.lib.plain import PANEL, Json, plain
from dashboards.lib.query import Query, Role

DASHES: dict[Role, list[int]] = {"limit": [10, 6], "warning": [3, 6]}
COLOURS: dict[Role, str] = {"limit": BAD, "warning": WARN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart(Panel):
    """Series over time, with the limits that they are compared with as dashed lines.

    Attributes:
        queries: What is asked. The series of one are shades of its colour.
        stepped: Whether a value holds until the next one.
        bars: Whether each point is an amount of its own.
        log: Whether each step of the axis is ten times the one before.
        low: Where the axis begins.
        high: Where it ends.
    """

    queries: tuple[Query, ...]
    stepped: bool = False
    bars: bool = False
    log: bool = False
    low: float | None = None
    high: float | None = None

    def json(self, number: int, place: G.GridPos) -> Json:
        """Return it as Grafana reads it."""
        targets = [query.target(ref) for ref, query in lettered(self.queries)]
        field: Json = {
            **self.linked(()),
            "color": {"mode": "shades", "fixedColor": PALETTE[0]},
            # None where grafanalib would take no fraction, or has a logarithm's base for a scale without one.
            "custom": {"scaleDistribution": {"log": 10 if self.log else None}},
            "max": self.high,
            "min": self.low,
        }
        made: object = G.TimeSeries(
            **self.common(number, place, targets),
            colorMode="shades",
            drawStyle="bars" if self.bars else "line",
            fillOpacity=60 if self.bars else 0,
            legendCalcs=["lastNotNull", "max"],
            legendDisplayMode="table",
            lineInterpolation="stepAfter" if self.stepped else "linear",
            overrides=list(self._colours()),
            scaleDistributionType="log" if self.log else "linear",
            showPoints="never" if self.bars else "auto",
            spanNulls=False,
            stacking={"group": "A", "mode": "none"},
            tooltipMode="multi",
            tooltipSort="desc",
            unit=self.unit,
            extraJson={
                "fieldConfig": {"defaults": field},
                "options": {"legend": {"showLegend": True}},
            },
        )
        return plain(made, without=PANEL)

    def _colours(self) -> Iterator[Json]:
        """Yield what tells the queries apart: a colour each, and dashes for limits."""
        colours = itertools.cycle(PALETTE)
        for ref, query in lettered(self.queries):
            if query.role == "value":
                colour = query.colour or next(colours)
                yield override("byFrameRefID", ref, {"color": {"mode": "shades", "fixedColor": colour}})
            else:
                dashed: Json = {
                    "color": {"mode": "fixed", "fixedColor": COLOURS[query.role]},
                    "custom.drawStyle": "line",
                    "custom.fillOpacity": 0,
                    # A limit for each terminal would fill the legend; the pointer still tells them.
                    "custom.hideFrom": {"legend": True, "tooltip": False, "viz": False},
                    "custom.lineInterpolation": "stepAfter",
                    "custom.lineStyle": {"fill": "dash", "dash": DASHES[query.role]},
                    "custom.showPoints": "never",
                }
                yield override("byFrameRefID", ref, dashed)
