"""States over time: a row for each series, its words in the row."""

from dataclasses import dataclass

import grafanalib.core as G  # noqa: N812 - the name in its own documentation

from dashboards.lib.panel import Panel, lettered
from dashboards.lib.plain import PANEL, Json, plain
from dashboards.lib.query import Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip(Panel):
    """States over time: a row for each series, its words in the row.

    Attributes:
        queries: What is asked.
    """

    queries: tuple[Query, ...]

    def json(self, number: int, place: G.GridPos) -> Json:
        """Return it as Grafana reads it."""
        assert self.states, f"{self.title}: a strip shows words"
        targets = [query.target(ref) for ref, query in lettered(self.queries)]
        field = {**self.linked(()), "color": {"mode": "thresholds"}}
        made: object = G.StateTimeline(
            **self.common(number, place, targets),
            alignValue="left",
            fillOpacity=80,
            lineWidth=0,
            mergeValues=True,
            rowHeight=0.85,
            showValue="auto",
            tooltipMode="multi",
            extraJson={
                "fieldConfig": {"defaults": field},
                "options": {"legend": {"calcs": [], "showLegend": True}, "tooltip": {"sort": "none"}},
            },
        )
        return plain(made, without=PANEL)
