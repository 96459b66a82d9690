"""The ways from here: to another dashboard with what is looked at, and to the runbooks."""

from collections.abc import Iterable

from dashboards.lib.plain import Json

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
    return {"title": f"{TITLES[uid]} of this one", "url": f"/d/{uid}?{query}", "targetBlank": False}


def to_runbook(alert: str) -> Json:
    """Return a link to an alert's runbook."""
    return {"title": f"Runbook: {alert}", "url": f"{RUNBOOKS}/{alert}.md", "targetBlank": True}
