"""Figures of now, each with its word or its number."""

from dataclasses import dataclass

import grafanalib.core as G  # noqa: N812 - the name in its own documentation

from dashboards.lib.colours import IDLE
from dashboards.lib.panel import Panel, Steps, lettered
from dashboards.lib.plain import PANEL, Json, plain
from dashboards.lib.query import Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat(Panel):
    """Figures of now, each with its word or its number.

    Attributes:
        queries: What is asked; a series is a figure.
        steps: From which value on which colour.
        neutral: Whether a number is neither good nor bad.
        names: Whether each figure says whose it is.
    """

    queries: tuple[Query, ...]
    steps: Steps = ()
    neutral: bool = False
    names: bool = True
    width: int = 3
    height: int = 4

    def json(self, number: int, place: G.GridPos) -> Json:
        """Return it as Grafana reads it."""
        targets = [query.target(ref, instant=True) for ref, query in lettered(self.queries)]
        field = self.linked(self.steps)
        field["color"] = {"mode": "fixed", "fixedColor": IDLE} if self.neutral else {"mode": "thresholds"}
        made: object = G.Stat(
            **self.common(number, place, targets),
            alignment="auto",
            colorMode="none" if self.neutral else "background_solid",
            graphMode="none",
            mappings=[],
            noValue=self.nothing,
            reduceCalc="lastNotNull",
            textMode="value_and_name" if self.names else "value",
            thresholds=[],
            extraJson={
                "fieldConfig": {"defaults": field, "overrides": []},
                "options": {
                    "percentChangeColorMode": "standard",
                    "showPercentChange": False,
                    "wideLayout": True,
                },
            },
        )
        return plain(made, without=PANEL)
