"""The variables of a dashboard, each asked within those before it."""

import grafanalib.core as G  # noqa: N812 - the name in its own documentation

from dashboards.lib.plain import Json, plain
from dashboards.lib.query import DATASOURCE, selected

ON_TIME_RANGE_CHANGE = 2
ALPHABETICALLY = 1
UNSEEN = 2

ASKED = {
    "job": "label_values(mt5_exporter_build_info, job)",
    "instance": 'label_values(mt5_exporter_build_info{job=~"$job"}, instance)',
    "terminal": "label_values(mt5_up{:exporter}, terminal)",
    "symbol": "label_values(mt5_symbol_market_open{:terminal}, symbol)",
    "strategy": "label_values(mt5_deals_total{:terminal}, strategy)",
}
"""What there is to choose from, by what the rest was set to; alerts' links set them by these names."""

ANYTHING = {"strategy": ".*"}
"""What `All` means where it is not `.+`: a position that belongs to no strategy counts as well."""


def data_source() -> Json:
    """Return the choice of the Prometheus; nothing else in a dashboard names one."""
    made: object = G.Template(
        name="datasource", label="Data source", type="datasource", query="prometheus", refresh=1
    )
    return {**plain(made), "current": {}}


def runbooks() -> Json:
    """Return where the runbooks are, as the rules say: nobody chooses that here."""
    asked = "label_values(mt5:links:info, runbooks)"
    made: object = G.Template(
        name="runbooks",
        label="runbooks",
        dataSource=DATASOURCE,
        query=asked,
        refresh=ON_TIME_RANGE_CHANGE,
        sort=ALPHABETICALLY,
        hide=UNSEEN,
    )
    return {**plain(made), "current": {}, "definition": asked}


def variable(name: str) -> Json:
    """Return one of those that are chosen: any number of values, and all to begin with."""
    asked = selected(ASKED[name])
    made: object = G.Template(
        name=name,
        label=name,
        dataSource=DATASOURCE,
        query=asked,
        refresh=ON_TIME_RANGE_CHANGE,
        sort=ALPHABETICALLY,
        multi=True,
        includeAll=True,
        allValue=ANYTHING.get(name, ".+"),
    )
    current = {"selected": True, "text": ["All"], "value": ["$__all"]}
    return {**plain(made), "current": current, "definition": asked}
