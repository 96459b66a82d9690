"""A thin layer over grafanalib: what a dashboard is made of, in JSON that a Grafana of today reads.

grafanalib is old and still; what of its output is wrong by now is put right here. Dashboards never call it.

    dashboard       rows, places, variables, links       panel           what all panels have
    stat chart strip table                               the four kinds of panel
    query           PromQL with scopes                   states colours  values in words, and their colours
    links variables annotations                          ways on, choices, what happened
    plain           from grafanalib's objects to JSON
"""

from dashboards.lib.chart import Chart as Chart
from dashboards.lib.dashboard import Dashboard as Dashboard
from dashboards.lib.dashboard import Row as Row
from dashboards.lib.panel import AT_ALL as AT_ALL
from dashboards.lib.query import Query as Query
from dashboards.lib.stat import Stat as Stat
from dashboards.lib.strip import Strip as Strip
from dashboards.lib.table import Column as Column
from dashboards.lib.table import Table as Table
