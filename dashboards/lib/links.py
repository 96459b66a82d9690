"""The ways from here: to another dashboard with what is looked at, and to the runbooks."""

from collections.abc import Iterable

import grafanalib.core as G  # noqa: N812 - the name in its own documentation

from dashboards.lib.plain import Json, plain

FLEET = "mt5-fleet"
TERMINAL = "mt5-terminal"
RISK = "mt5-risk"
MARKET = "mt5-market"
ORDERS = "mt5-orders"
EXPORTER = "mt5-exporter"
SLO = "mt5-slo"

TITLES = {
    FLEET: "Fleet",
    TERMINAL: "Terminal",
    RISK: "Account and risk",
    MARKET: "Market and feed",
    ORDERS: "Orders and execution",
    EXPORTER: "Exporter internals",
    SLO: "SLO",
}
"""The dashboards by uid, in the order in which they are looked at."""

RUNBOOKS = "${runbooks}"
"""A hidden variable: where they are is said once, in alerts/rules/links.rules.yml."""


def to_dashboard(uid: str, labels: Iterable[str], *, table: bool) -> Json:
    """Return a link from a value to a dashboard about the same thing, over the same time.

    Args:
        uid: Where to.
        labels: What it is told apart by, and the dashboard's variables.
        table: Whether the value is a cell of a row, or a series.
    """
    of = "data.fields" if table else "field.labels"
    carried = [f"var-{label}=${{__{of}.{label}}}" for label in labels]
    query = "&".join(["${datasource:queryparam}", *carried, "${__url_time_range}"])
    return _link(f"{TITLES[uid]} of this one", f"/d/{uid}?{query}")


def to_runbook(alert: str) -> Json:
    """Return a link to an alert's runbook."""
    return _link(f"Runbook: {alert}", f"{RUNBOOKS}/{alert}.md", new=True)


def to_runbook_of(label: str) -> Json:
    """Return a link from a cell with an alert's name to its runbook."""
    return _link("Runbook", f"{RUNBOOKS}/${{__data.fields.{label}}}.md", new=True)


def _link(title: str, url: str, *, new: bool = False) -> Json:
    made: object = G.DashboardLink(
        title=title, uri=url, targetBlank=new, type="link", icon="external link", keepTime=False
    )
    return plain(made)
