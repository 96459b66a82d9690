"""Fleet: is something wrong now, and where?"""

from dashboards.lib import AT_ALL, Chart, Column, Dashboard, Query, Row, Stat, Strip, Table, links, states
from dashboards.lib.colours import BAD, GOOD, WARN

SESSION, SESSION_WORDS = states.set_of("mt5_session_state", ":terminal", states.SESSION)

# Watchdog always fires: with it a count of alerts is 0 where the rules work, and absent where they do not.
NO_ALERTS = '0 * count(ALERTS{alertname="Watchdog",alertstate="firing"})'


def _firing(severity: str) -> str:
    alerts = f'ALERTS{{:alert,alertstate="firing",alertname=~"MT5.+",severity="{severity}"}}'
    return f"count({alerts}) or {NO_ALERTS}"


NOW = Row(
    title="Is something wrong now?",
    panels=(
        Stat(
            title="Exporters down",
            description="Exporters whose last scrape failed. Any is bad: none of its terminals is watched. "
            "Look whether its process runs, and at its log.",
            queries=(Query(expr='sum(up{:exporter,job="mt5-exporter"} == bool 0)', legend="exporters down"),),
            steps=AT_ALL,
            names=False,
        ),
        Stat(
            title="Terminals down",
            description="Terminals that did not answer the last connection probe. Bad while their market is "
            "open. The table below says which; its name leads to the terminal.",
            queries=(Query(expr="sum(mt5_up{:terminal} == bool 0)", legend="terminals down"),),
            steps=AT_ALL,
            names=False,
        ),
        Stat(
            title="Critical alerts",
            description="Critical alerts that fire. Any is bad, and somebody was woken. The table of alerts "
            "says which, and leads to each one's runbook. No data: the rules are not evaluated.",
            queries=(Query(expr=_firing("critical"), legend="critical"),),
            nothing="rules do not run",
            steps=AT_ALL,
            names=False,
        ),
        Stat(
            title="Warnings",
            description="Warnings that fire: somebody looks today. The table of alerts says which, and leads "
            "to each one's runbook. No data: the rules are not evaluated.",
            queries=(Query(expr=_firing("warning"), legend="warnings"),),
            nothing="rules do not run",
            steps=((1, WARN),),
            names=False,
        ),
        Stat(
            title="Stale readings",
            description="Readings, such as an account or its positions, that are too old to be shown. Any is "
            "bad: these values are missing everywhere. The terminal's dashboard says why.",
            queries=(Query(expr="sum(mt5_reading_stale{:terminal})", legend="stale readings"),),
            steps=AT_ALL,
            names=False,
        ),
        Stat(
            title="Margin limit",
            description="How near the account with the lowest margin level is to its critical limit; at 100 "
            "% somebody is woken. Look at Account and risk. No data: no margin is in use, or nothing is "
            "seen.",
            queries=(
                Query(
                    expr="max(mt5_limit_account_margin_level_ratio{:terminal}"
                    " / terminal:mt5_account_margin_level_ratio:last{:terminal})",
                    legend="nearest margin limit",
                ),
            ),
            unit="percentunit",
            decimals=0,
            nothing="no margin in use",
            steps=AT_ALL,
            names=False,
        ),
        Stat(
            title="Daily loss limit",
            description="How near the account that has lost most today is to its critical limit; at 100 % "
            "somebody is woken. Look at Account and risk. No data: no such rule is configured.",
            queries=(
                Query(
                    expr="max(terminal:mt5_account_daily_loss_used_ratio:last{:terminal}"
                    " / mt5_limit_account_daily_loss_used_ratio{:terminal})",
                    legend="nearest daily loss limit",
                ),
            ),
            unit="percentunit",
            decimals=0,
            nothing="no rule",
            steps=AT_ALL,
            names=False,
        ),
        Stat(
            title="Drawdown limit",
            description="How near the account with the largest drawdown is to its critical limit; at 100 % "
            "somebody is woken. Look at Account and risk. No data: no such rule is configured.",
            queries=(
                Query(
                    expr="max(terminal:mt5_account_drawdown_used_ratio:last{:terminal}"
                    " / mt5_limit_account_drawdown_used_ratio{:terminal})",
                    legend="nearest drawdown limit",
                ),
            ),
            unit="percentunit",
            decimals=0,
            nothing="no rule",
            steps=AT_ALL,
            names=False,
        ),
    ),
)

WHERE = Row(
    title="Where?",
    panels=(
        Table(
            title="Which terminal, and what of it?",
            description="A line for each terminal. An empty cell is unknown, not good: the value is stale. A "
            "name leads to its terminal, a margin or a loss to its account.",
            height=9,
            leads_to=links.TERMINAL,
            labels={"terminal": "Terminal", "instance": "Exporter"},
            sort="Answers",
            columns=(
                Column(title="Answers", expr="mt5_up{:terminal}", states=states.UP),
                Column(title="Session", expr=SESSION, states=SESSION_WORDS),
                Column(
                    title="Logged in",
                    expr='mt5_probe_success{:terminal,probe="authentication"}',
                    states=states.YES,
                ),
                Column(title="Broker", expr="mt5_terminal_connected{:terminal}", states=states.CONNECTED),
                Column(title="Market", expr="mt5_terminal_market_open{:terminal}", states=states.OPEN),
                Column(
                    title="Data",
                    expr="mt5_reading_stale{:terminal}",
                    states=states.STALE,
                ),
                Column(
                    title="Margin",
                    expr="(mt5_account_margin_level_ratio{:terminal}"
                    " < bool mt5_limit_warning_account_margin_level_ratio{:terminal})"
                    " + (mt5_account_margin_level_ratio{:terminal}"
                    " < bool mt5_limit_account_margin_level_ratio{:terminal})",
                    states=states.LIMIT,
                    leads_to=links.RISK,
                ),
                Column(
                    title="Daily loss used",
                    expr="mt5_account_daily_loss_used_ratio{:terminal}",
                    unit="percentunit",
                    decimals=0,
                    leads_to=links.RISK,
                ),
                Column(
                    title="Drawdown used",
                    expr="mt5_account_drawdown_used_ratio{:terminal}",
                    unit="percentunit",
                    decimals=0,
                    leads_to=links.RISK,
                ),
                Column(title="Positions", expr="mt5_account_positions{:terminal}", leads_to=links.RISK),
                Column(
                    title="Floating profit",
                    expr="mt5_account_profit{:terminal}",
                    decimals=2,
                    leads_to=links.RISK,
                ),
                Column(
                    title="Alerts",
                    expr="count by (job, instance, terminal) ("
                    'ALERTS{:terminal,alertstate="firing",alertname=~"MT5.+"})',
                    steps=((1, BAD),),
                ),
            ),
        ),
        Table(
            title="Which alerts fire?",
            description="Alerts that fire now, those that are muted by a worse one included. A name leads to "
            "its runbook, a terminal to its dashboard. Empty is good.",
            nothing="none",
            height=7,
            leads_to=links.TERMINAL,
            labels={
                "alertname": "Alert",
                "severity": "Severity",
                "terminal": "Terminal",
                "symbol": "Symbol",
                "instance": "Exporter",
            },
            runbook_of="alertname",
            sort="Severity",
            columns=(
                Column(
                    title="Firing",
                    expr='ALERTS{:alert,alertstate="firing",alertname=~"MT5.+"}',
                    shown=False,
                ),
            ),
        ),
    ),
)

WHEN = Row(
    title="Since when?",
    panels=(
        Strip(
            title="When did each terminal answer?",
            description="Whether each terminal answered its last connection probe, and whether its market "
            "was open. Down with the market open is bad; a gap means that the exporter was not scraped.",
            runbooks=("MT5TerminalDown",),
            states=states.TERMINAL,
            queries=(
                Query(
                    expr="mt5_up{:terminal} + 2 * (1 - mt5_terminal_market_open{:terminal})",
                    legend="{{terminal}}",
                ),
            ),
            leads_to=links.TERMINAL,
        ),
        Chart(
            title="How much does each account float?",
            description="Profit of the open positions, in each account's own currency. A fall that the desk "
            "does not expect is bad; the series leads to the account.",
            unit="short",
            decimals=2,
            queries=(Query(expr="mt5_account_profit{:terminal}", legend="{{terminal}}"),),
            leads_to=links.RISK,
        ),
        Chart(
            title="How many alerts fire?",
            description="Firing alerts by severity. A rise tells when it began; the marks on other charts "
            "say which alert it was.",
            stepped=True,
            low=0,
            queries=(
                Query(expr=_firing("critical"), legend="critical", colour=BAD),
                Query(expr=_firing("warning"), legend="warning", colour=WARN),
                Query(expr=_firing("info"), legend="info"),
            ),
        ),
        Chart(
            title="How many terminals answer?",
            description="Terminals that are configured, and those of them that answer. Two lines that part "
            "are bad; the strip of states says which terminal it is.",
            stepped=True,
            low=0,
            queries=(
                Query(expr="count(mt5_up{:terminal})", legend="configured"),
                Query(expr="sum(mt5_up{:terminal})", legend="answering"),
            ),
        ),
    ),
)

WHAT = Row(
    title="What runs where?",
    collapsed=True,
    panels=(
        Table(
            title="Which programs are they?",
            description="The terminals' programs, as they tell of themselves. Builds that differ behave "
            "differently; driver `simulated` is a demo and no real account.",
            leads_to=links.TERMINAL,
            labels={
                "terminal": "Terminal",
                "driver": "Driver",
                "build": "Build",
                "version": "Version",
                "released": "Released",
                "name": "Program",
                "company": "Company",
            },
            sort="Terminal",
            columns=(Column(title="Known", expr="mt5_terminal_info{:terminal}", shown=False),),
        ),
        Table(
            title="Which accounts are they?",
            description="The accounts, nothing personal. A trade mode or a currency that nobody expects is "
            "bad: look whether the terminal is logged in to the right account.",
            leads_to=links.RISK,
            labels={
                "terminal": "Terminal",
                "server": "Server",
                "currency": "Currency",
                "trade_mode": "Trade mode",
                "margin_mode": "Margin mode",
            },
            sort="Terminal",
            columns=(Column(title="Known", expr="mt5_account_info{:terminal}", shown=False),),
        ),
    ),
)

ALERTING = Row(
    title="Does the alerting itself work?",
    collapsed=True,
    panels=(
        Stat(
            title="Watchdog",
            description="An alert that always fires. Missing is bad: Prometheus does not evaluate the rules, "
            "and nobody is told anything.",
            queries=(
                Query(
                    expr='count(ALERTS{alertname="Watchdog",alertstate="firing"}) > bool 0', legend="Watchdog"
                ),
            ),
            states=states.words(("SILENT", BAD), ("FIRING", GOOD)),
            nothing="SILENT",
            names=False,
            width=4,
            runbooks=("Watchdog", "InfoInhibitor"),
        ),
        Stat(
            title="Alertmanagers",
            description="Alertmanagers that Prometheus has found. None is bad: nobody is told anything.",
            queries=(
                Query(
                    expr="prometheus_notifications_alertmanagers_discovered",
                    legend="{{instance}}",
                ),
            ),
            neutral=True,
            nothing="Prometheus is not scraped",
            width=4,
            runbooks=("PrometheusNotConnectedToAlertmanagers",),
        ),
        Chart(
            title="Do the rules run?",
            description="Evaluations of our rules that failed or were left out. Any is bad: a rule that "
            "fails does not fire. Look at Prometheus' log.",
            low=0,
            width=8,
            runbooks=("PrometheusRuleFailures", "PrometheusMissingRuleEvaluations"),
            queries=(
                Query(
                    expr="sum by (instance) (increase("
                    'prometheus_rule_evaluation_failures_total{rule_group=~".+;mt5-.+"}[$__rate_interval]))',
                    legend="failed at {{instance}}",
                ),
                Query(
                    expr="sum by (instance) (increase("
                    'prometheus_rule_group_iterations_missed_total{rule_group=~".+;mt5-.+"}[$__rate_interval]))',
                    legend="left out at {{instance}}",
                ),
            ),
        ),
        Chart(
            title="Do notifications arrive?",
            description="Notifications that could not be delivered, by the way to reach somebody. Any is "
            "bad. Look at Alertmanager's log, and tell the people another way.",
            low=0,
            width=8,
            nothing="Alertmanager is not scraped",
            runbooks=("AlertmanagerFailedToSendAlerts",),
            queries=(
                Query(
                    expr="sum by (instance, integration) ("
                    "increase(alertmanager_notifications_failed_total[$__rate_interval]))",
                    legend="{{integration}} at {{instance}}",
                ),
            ),
        ),
    ),
)

DASHBOARD = Dashboard(
    uid=links.FLEET,
    question="Is something wrong now, and where?",
    rows=(NOW, WHERE, WHEN, WHAT, ALERTING),
)
