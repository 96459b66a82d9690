"""What is asked of Prometheus: an expression, selected by the dashboard's variables."""

import re
from dataclasses import dataclass
from typing import Literal

import grafanalib.core as G  # noqa: N812 - the name in its own documentation

from dashboards.lib.plain import Json, plain

EXPORTER = 'job=~"$job",instance=~"$instance"'
TERMINAL = f'{EXPORTER},terminal=~"$terminal"'

SCOPES = {
    "exporter": EXPORTER,
    "terminal": TERMINAL,
    "symbol": f'{TERMINAL},symbol=~"$symbol"',
    "strategy": f'{TERMINAL},symbol=~"$symbol",strategy=~"$strategy"',
    # An alert about an exporter has no terminal, one about a missing job no instance: they belong here.
    "alert": 'job=~"$job|",instance=~"$instance|",terminal=~"$terminal|"',
}
"""What `{:terminal}` in an expression stands for."""

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

Role = Literal["value", "warning", "limit"]


def selected(expr: str) -> str:
    """Return an expression with its scopes spelled out, in one line."""
    return re.sub(r"(?<=\{):([a-z]+)", lambda found: SCOPES[found[1]], " ".join(expr.split()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One question.

    Attributes:
        expr: In PromQL; `mt5_up{:terminal}` is selected by the variables of that scope.
        legend: Its series' names.
        role: A value, or a limit that values are compared with.
        colour: Instead of the next one of the palette.
    """

    expr: str
    legend: str
    role: Role = "value"
    colour: str = ""

    def target(self, ref: str, *, table: bool = False, instant: bool = False) -> Json:
        """Return it as a panel's target."""
        made: object = G.Target(
            datasource=DATASOURCE,
            expr=selected(self.expr),
            format="table" if table else "time_series",
            instant=instant,
            legendFormat=self.legend,
            refId=ref,
        )
        return {**plain(made, without=("query",)), "editorMode": "code", "range": not instant}
