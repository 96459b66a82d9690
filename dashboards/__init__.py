"""The dashboards, as code: each answers one question, the most urgent rows first.

`lib` is what they are made of; `python -m dashboards` writes them to `generated/`, byte for byte the same.
"""

from dashboards import exporter, fleet, market, orders, risk, slo, terminal
from dashboards.lib import Dashboard

DASHBOARDS: tuple[Dashboard, ...] = (
    fleet.DASHBOARD,
    terminal.DASHBOARD,
    risk.DASHBOARD,
    market.DASHBOARD,
    orders.DASHBOARD,
    exporter.DASHBOARD,
    slo.DASHBOARD,
)
"""In the order in which they are looked at."""
