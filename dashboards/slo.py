"""SLO: how much of the budget for outages is left, and how fast is it being spent?"""

from dashboards.lib import Chart, Column, Dashboard, Query, Row, Stat, Strip, Table, links, states
from dashboards.lib.colours import BAD, GOOD, WARN

EACH = "{{terminal}}"
FAST, MEDIUM, SLOW = 14.4, 6, 1
"""The paces of the alert MT5AvailabilityBudgetBurn; a test compares."""


def _spent(long: str, short: str, pace: float, title: str) -> Chart:
    """Return a chart of a long window, the short one that says whether it goes on, and the alert's pace."""
    return Chart(
        title=title,
        description=f"Pace at which the budget is spent over {long} and over {short}; 1 spends all of it in "
        f"30 days. Both above {pace:g} is bad, and told. The terminal's dashboard says why.",
        low=0,
        decimals=1,
        runbooks=("MT5AvailabilityBudgetBurn",),
        leads_to=links.TERMINAL,
        queries=(
            Query(expr=f"terminal:mt5_unavailable:burnrate{long}{{:terminal}}", legend=f"{EACH} over {long}"),
            Query(
                expr=f"terminal:mt5_unavailable:burnrate{short}{{:terminal}}", legend=f"{EACH} over {short}"
            ),
            Query(expr=f"vector({pace:g})", legend="told from here on", role="limit"),
        ),
    )


NOW = Row(
    title="How much is left?",
    panels=(
        Stat(
            title="Objective",
            description="The share of the time with an open market in which a terminal is to answer. It is "
            "set in alerts/rules/slo.rules.yml, and nowhere else.",
            queries=(Query(expr="mt5:availability_objective:ratio", legend="objective"),),
            unit="percentunit",
            decimals=2,
            neutral=True,
            names=False,
            width=4,
        ),
        Stat(
            title="Budget left",
            description="What is left of the 30 days' budget for outages; below 0 the objective is missed. "
            "Prometheus keeps 15 days unless it is told to keep 30: then it is that of what it keeps.",
            queries=(Query(expr="terminal:mt5_unavailable:budget30d{:terminal}", legend=EACH),),
            unit="percentunit",
            decimals=1,
            neutral=True,
            nothing="not counted yet",
            width=8,
            runbooks=("MT5AvailabilityBudgetBurn",),
            leads_to=links.TERMINAL,
        ),
        Stat(
            title="Pace of the last hour",
            description="How fast the budget is being spent; 1 spends all of it in 30 days. Above 14.4 for "
            "both the hour and five minutes is bad, and told.",
            queries=(Query(expr="terminal:mt5_unavailable:burnrate1h{:terminal}", legend=EACH),),
            decimals=1,
            steps=((SLOW, WARN), (FAST, BAD)),
            width=6,
            leads_to=links.TERMINAL,
        ),
        Stat(
            title="Unavailable now",
            description="Whether the terminal is down while its market is open: that is what spends the "
            "budget. The terminal's dashboard says why it is down.",
            queries=(Query(expr="terminal:mt5_unavailable:market_open{:terminal}", legend=EACH),),
            states=states.words(("AVAILABLE", GOOD), ("UNAVAILABLE", BAD)),
            width=6,
            leads_to=links.TERMINAL,
        ),
    ),
)

PACE = Row(
    title="How fast is it spent?",
    panels=(
        _spent("1h", "5m", FAST, "Is an outage going on?"),
        _spent("6h", "30m", MEDIUM, "Was today bad?"),
        _spent("3d", "6h", SLOW, "Is it slowly eaten up?"),
        Chart(
            title="How much of the budget is left?",
            description="What is left of the 30 days' budget, 100 % to 0 and below. A line that falls faster "
            "than a thirtieth a day is bad.",
            unit="percentunit",
            high=1,
            nothing="not counted yet",
            leads_to=links.TERMINAL,
            queries=(
                Query(expr="terminal:mt5_unavailable:budget30d{:terminal}", legend=EACH),
                Query(expr="vector(0)", legend="spent", role="limit"),
            ),
        ),
    ),
)

WHEN = Row(
    title="When was it spent?",
    panels=(
        Strip(
            title="When was each terminal unavailable?",
            description="Down with an open market: what counts against the objective.",
            states=states.words(("AVAILABLE", GOOD), ("UNAVAILABLE", BAD)),
            leads_to=links.TERMINAL,
            queries=(Query(expr="terminal:mt5_unavailable:market_open{:terminal}", legend=EACH),),
        ),
        Table(
            title="Who spends most?",
            description="A line for each terminal: its budget, and the paces over the windows of the alert. "
            "A name leads to its dashboard.",
            width=12,
            leads_to=links.TERMINAL,
            labels={"terminal": "Terminal"},
            sort="-Last 6 h",
            columns=(
                Column(
                    title="Budget left",
                    expr="terminal:mt5_unavailable:budget30d{:terminal}",
                    unit="percentunit",
                    decimals=1,
                ),
                Column(title="Last 5 min", expr="terminal:mt5_unavailable:burnrate5m{:terminal}", decimals=1),
                Column(title="Last hour", expr="terminal:mt5_unavailable:burnrate1h{:terminal}", decimals=1),
                Column(title="Last 6 h", expr="terminal:mt5_unavailable:burnrate6h{:terminal}", decimals=1),
                Column(
                    title="Last 3 days", expr="terminal:mt5_unavailable:burnrate3d{:terminal}", decimals=1
                ),
            ),
        ),
    ),
)

DASHBOARD = Dashboard(
    uid=links.SLO,
    question="How much of the budget for outages is left, and how fast is it being spent?",
    rows=(NOW, PACE, WHEN),
)
