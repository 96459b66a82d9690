"""Account and risk: how far is each account from its limits?"""

from dashboards.lib import Chart, Column, Dashboard, Query, Row, Stat, Table, links, states
from dashboards.lib.colours import BAD, GOOD, IDLE, OTHER, WARN

EACH = "{{terminal}}"


def _above(value: str, limit: str) -> str:
    """Return how many of a value's two limits are reached."""
    return (
        f"({value}{{:terminal}} >= bool mt5_limit_warning_{limit}{{:terminal}})"
        f" + ({value}{{:terminal}} >= bool mt5_limit_{limit}{{:terminal}})"
    )


MARGIN_VERDICT = (
    "(terminal:mt5_account_margin_level_ratio:last{:terminal}"
    " < bool mt5_limit_warning_account_margin_level_ratio{:terminal})"
    " + (terminal:mt5_account_margin_level_ratio:last{:terminal}"
    " < bool mt5_limit_account_margin_level_ratio{:terminal})"
)
UNPROTECTED = "sum without (symbol, side, strategy) (mt5_positions_without_stop_loss{:terminal})"

NOW = Row(
    title="How far from the limits?",
    panels=(
        Stat(
            title="Margin",
            description="The margin level against its limits. WARNING: somebody should look; CRITICAL: "
            "somebody is woken. Close positions or add money. No data: no margin is in use.",
            queries=(Query(expr=MARGIN_VERDICT, legend=EACH),),
            states=states.LIMIT,
            nothing="no margin in use",
            runbooks=("MT5NearMarginCall", "MT5MarginLevelLow"),
        ),
        Stat(
            title="Daily loss",
            description="The share of the day's allowed loss against its limits. CRITICAL: little is left "
            "until the rule is broken. No data: no rule is configured, or it cannot be computed.",
            queries=(
                Query(
                    expr=_above(
                        "terminal:mt5_account_daily_loss_used_ratio:last", "account_daily_loss_used_ratio"
                    ),
                    legend=EACH,
                ),
            ),
            states=states.LIMIT,
            nothing="no rule",
            runbooks=("MT5DailyLossCritical", "MT5DailyLossHigh"),
        ),
        Stat(
            title="Drawdown",
            description="The share of the allowed drawdown against its limits. CRITICAL: little is left "
            "until the rule is broken. No data: no rule is configured, or it cannot be computed.",
            queries=(
                Query(
                    expr=_above(
                        "terminal:mt5_account_drawdown_used_ratio:last", "account_drawdown_used_ratio"
                    ),
                    legend=EACH,
                ),
            ),
            states=states.LIMIT,
            nothing="no rule",
            runbooks=("MT5DrawdownCritical", "MT5DrawdownHigh"),
        ),
        Stat(
            title="Stop losses",
            description="Whether more positions are open without a stop loss than may be. OVER ITS LIMIT is "
            "bad: set stop losses. No data: no position is open, or nothing is seen.",
            queries=(
                Query(
                    expr=f"{UNPROTECTED} > bool mt5_limit_positions_without_stop_loss{{:terminal}}",
                    legend=EACH,
                ),
            ),
            states=states.OVER,
            nothing="no positions",
            runbooks=("MT5PositionWithoutStopLoss",),
        ),
        Stat(
            title="Until the margin call",
            description="What equity may still lose until the broker's margin call, in the account's "
            "currency. 0 and less is bad: the stop-out is next. No data: no margin is in use.",
            queries=(Query(expr="terminal:mt5_account_margin_call_distance:last{:terminal}", legend=EACH),),
            unit="short",
            decimals=2,
            neutral=True,
            nothing="no margin in use",
            runbooks=("MT5NearStopOut",),
        ),
        Stat(
            title="Until the stop-out",
            description="What equity may still lose until the broker closes positions, in the account's "
            "currency. The less, the worse. No data: no margin is in use.",
            queries=(Query(expr="mt5_account_stop_out_distance{:terminal}", legend=EACH),),
            unit="short",
            decimals=2,
            neutral=True,
            nothing="no margin in use",
            runbooks=("MT5MarginExhaustionPredicted",),
        ),
        Stat(
            title="Floating profit",
            description="Profit of the open positions, in the account's currency. It is not realised, and "
            "may be gone in a moment.",
            queries=(Query(expr="mt5_account_profit{:terminal}", legend=EACH),),
            unit="short",
            decimals=2,
            neutral=True,
        ),
        Stat(
            title="Realised today",
            description="Profit realised since the trading day began, less commission, swap and fees, in the "
            "account's currency. No data: no trading day is configured.",
            queries=(Query(expr="mt5_account_profit_today{:terminal}", legend=EACH),),
            unit="short",
            decimals=2,
            neutral=True,
            nothing="no trading day",
        ),
    ),
)

TRENDS = Row(
    title="Is it getting worse?",
    panels=(
        Chart(
            title="How far is the margin level from its limits?",
            description="Equity over margin in use, our limits, and the broker's own levels. Below the "
            "dashed lines is bad.",
            unit="percentunit",
            log=True,
            queries=(
                Query(expr="mt5_account_margin_level_ratio{:terminal}", legend=EACH),
                Query(
                    expr="mt5_limit_warning_account_margin_level_ratio{:terminal}",
                    legend="warning limit {{terminal}}",
                    role="warning",
                ),
                Query(
                    expr="mt5_limit_account_margin_level_ratio{:terminal}",
                    legend="critical limit {{terminal}}",
                    role="limit",
                ),
                Query(
                    expr="mt5_account_margin_call_level_ratio{:terminal}", legend="margin call {{terminal}}"
                ),
                Query(
                    expr="mt5_account_stop_out_level_ratio{:terminal}",
                    legend="stop-out {{terminal}}",
                    colour=IDLE,
                ),
            ),
        ),
        Chart(
            title="How much may equity still lose?",
            description="Distance to the broker's margin call and to the stop-out, in the account's "
            "currency. A line that goes to 0 is bad: add money, or close positions before the broker does.",
            unit="short",
            decimals=2,
            runbooks=("MT5MarginExhaustionPredicted",),
            queries=(
                Query(expr="mt5_account_margin_call_distance{:terminal}", legend="margin call {{terminal}}"),
                Query(expr="mt5_account_stop_out_distance{:terminal}", legend="stop-out {{terminal}}"),
            ),
        ),
        Chart(
            title="How much of the day's loss is used?",
            description="Share of the loss that the day allows; at 100 % the rule is broken. At the dashed "
            "lines somebody looks, or is woken.",
            unit="percentunit",
            low=0,
            nothing="no rule",
            runbooks=("MT5DailyLossCritical",),
            queries=(
                Query(expr="mt5_account_daily_loss_used_ratio{:terminal}", legend=EACH),
                Query(
                    expr="mt5_limit_warning_account_daily_loss_used_ratio{:terminal}",
                    legend="warning limit {{terminal}}",
                    role="warning",
                ),
                Query(
                    expr="mt5_limit_account_daily_loss_used_ratio{:terminal}",
                    legend="critical limit {{terminal}}",
                    role="limit",
                ),
            ),
        ),
        Chart(
            title="How much of the drawdown is used?",
            description="Share of the allowed drawdown; at 100 % the rule is broken. At the dashed lines "
            "somebody looks, or is woken.",
            unit="percentunit",
            low=0,
            nothing="no rule",
            runbooks=("MT5DrawdownCritical",),
            queries=(
                Query(expr="mt5_account_drawdown_used_ratio{:terminal}", legend=EACH),
                Query(
                    expr="mt5_limit_warning_account_drawdown_used_ratio{:terminal}",
                    legend="warning limit {{terminal}}",
                    role="warning",
                ),
                Query(
                    expr="mt5_limit_account_drawdown_used_ratio{:terminal}",
                    legend="critical limit {{terminal}}",
                    role="limit",
                ),
            ),
        ),
        Chart(
            title="What is the account worth?",
            description="Equity, balance and credit in the account's currency. Equity far below the balance "
            "is a loss that is not realised yet.",
            unit="short",
            decimals=2,
            queries=(
                Query(expr="mt5_account_equity{:terminal}", legend="equity {{terminal}}"),
                Query(expr="mt5_account_balance{:terminal}", legend="balance {{terminal}}"),
                Query(expr="mt5_account_credit{:terminal}", legend="credit {{terminal}}"),
            ),
        ),
        Chart(
            title="How much margin is in use?",
            description="Margin in use, and what is free, in the account's currency. Free margin that goes "
            "to 0 is bad: no order is accepted any more.",
            unit="short",
            decimals=2,
            queries=(
                Query(expr="mt5_account_margin{:terminal}", legend="in use {{terminal}}"),
                Query(expr="mt5_account_margin_free{:terminal}", legend="free {{terminal}}"),
            ),
        ),
    ),
)

EXPOSURE = Row(
    title="What is open?",
    panels=(
        Table(
            title="Which positions are open?",
            description="Open positions by symbol, side and strategy. Those without a stop loss are bad "
            "where the limit does not allow them. A symbol leads to its market.",
            nothing="none",
            leads_to=links.MARKET,
            by=("job", "instance", "terminal", "symbol"),
            labels={"terminal": "Terminal", "symbol": "Symbol", "side": "Side", "strategy": "Strategy"},
            sort="-Exposure",
            columns=(
                Column(title="Positions", expr="mt5_positions{:terminal}"),
                Column(title="Lots", expr="mt5_positions_volume_lots{:terminal}", decimals=2),
                Column(title="Profit", expr="mt5_positions_profit{:terminal}", decimals=2),
                Column(title="Swap", expr="mt5_positions_swap{:terminal}", decimals=2),
                Column(title="Exposure", expr="mt5_positions_exposure{:terminal}", unit="short", decimals=0),
                Column(
                    title="No stop loss",
                    expr="mt5_positions_without_stop_loss{:terminal}",
                    steps=((1, WARN),),
                ),
                Column(title="No take profit", expr="mt5_positions_without_take_profit{:terminal}"),
            ),
        ),
        Chart(
            title="How large is the exposure?",
            description="Value of the open positions by side, in the account's currency. A jump that nobody "
            "ordered is bad.",
            unit="short",
            decimals=0,
            low=0,
            queries=(
                Query(
                    expr="sum by (job, instance, terminal, side) (mt5_positions_exposure{:terminal})",
                    legend="{{terminal}} {{side}}",
                ),
            ),
        ),
        Chart(
            title="How many positions have no stop loss?",
            description="Open positions, those without a stop loss, and how many may be. Above the dashed "
            "line for ten minutes is bad.",
            stepped=True,
            low=0,
            runbooks=("MT5PositionWithoutStopLoss",),
            queries=(
                Query(expr="mt5_account_positions{:terminal}", legend="open {{terminal}}"),
                Query(expr=UNPROTECTED, legend="without a stop loss {{terminal}}", colour=BAD),
                Query(
                    expr="mt5_limit_positions_without_stop_loss{:terminal}",
                    legend="limit {{terminal}}",
                    role="limit",
                ),
            ),
        ),
        Chart(
            title="Does each expert advisor live?",
            description="Age of each expert advisor's heartbeat, and its limit. Above the line is bad: "
            "nobody looks after its positions. No data: no heartbeat file is configured.",
            unit="s",
            low=0,
            nothing="no heartbeats configured",
            runbooks=("MT5ExpertHeartbeatOld",),
            queries=(
                Query(
                    expr="time() - mt5_expert_heartbeat_timestamp_seconds{:terminal}",
                    legend="{{terminal}} {{expert}}",
                ),
                Query(
                    expr="mt5_limit_expert_heartbeat_age_seconds{:terminal}",
                    legend="limit {{terminal}}",
                    role="limit",
                ),
            ),
        ),
        Chart(
            title="How much profit is realised and floating?",
            description="Profit realised today and profit of the open positions, in the account's currency.",
            unit="short",
            decimals=2,
            queries=(
                Query(expr="mt5_account_profit_today{:terminal}", legend="realised today {{terminal}}"),
                Query(expr="mt5_account_profit{:terminal}", legend="floating {{terminal}}"),
            ),
        ),
    ),
)

RULES = Row(
    title="Where do the rules count from?",
    collapsed=True,
    panels=(
        Table(
            title="Where do the anchors come from?",
            description="How each rule's anchor was found. `first_seen` is the weakest: what was lost before "
            "is not counted.",
            nothing="no rule",
            width=12,
            labels={"terminal": "Terminal", "rule": "Rule", "source": "Source"},
            sort="Terminal",
            columns=(Column(title="So", expr="mt5_risk_anchor_info{:terminal}", shown=False),),
        ),
        Table(
            title="Which rules cannot be computed?",
            description="Rules that are configured and have no value, with the reason. Any is bad: nobody is "
            "told when it breaks. Empty is good.",
            nothing="none",
            width=12,
            labels={"terminal": "Terminal", "rule": "Rule", "reason": "Reason"},
            sort="Terminal",
            columns=(Column(title="So", expr="mt5_risk_unavailable_info{:terminal}", shown=False),),
            runbooks=("MT5RiskRuleUnavailable",),
        ),
        Chart(
            title="How much is lost today?",
            description="The day's loss and what is allowed, in the account's currency. At the dashed line "
            "the rule is broken.",
            unit="short",
            decimals=2,
            low=0,
            nothing="no rule",
            queries=(
                Query(expr="mt5_account_daily_loss{:terminal}", legend=EACH),
                Query(
                    expr="mt5_account_daily_loss_allowed{:terminal}",
                    legend="allowed {{terminal}}",
                    role="limit",
                ),
            ),
        ),
        Chart(
            title="How deep is the drawdown?",
            description="The drawdown and what is allowed, in the account's currency. At the dashed line the "
            "rule is broken.",
            unit="short",
            decimals=2,
            low=0,
            nothing="no rule",
            queries=(
                Query(expr="mt5_account_drawdown{:terminal}", legend=EACH),
                Query(
                    expr="mt5_account_drawdown_allowed{:terminal}",
                    legend="allowed {{terminal}}",
                    role="limit",
                ),
            ),
        ),
        Chart(
            title="What do the rules count from?",
            description="The anchors of daily loss and drawdown, deposits and withdrawals since then "
            "included. A step without a deposit or a reset is bad.",
            unit="short",
            decimals=2,
            nothing="no rule",
            queries=(
                Query(expr="mt5_account_daily_loss_anchor{:terminal}", legend="day {{terminal}}"),
                Query(expr="mt5_account_drawdown_anchor{:terminal}", legend="drawdown {{terminal}}"),
            ),
        ),
        Table(
            title="Since when, and with which leverage?",
            description="When each anchor was made, when the last stop-out was seen, the age of the oldest "
            "position, and the leverage. A stop-out today is bad: follow its runbook.",
            width=12,
            labels={"terminal": "Terminal"},
            sort="Terminal",
            runbooks=("MT5StopOutHappened",),
            columns=(
                Column(
                    title="Day from",
                    expr="1000 * mt5_account_daily_loss_anchor_timestamp_seconds{:terminal}",
                    unit="dateTimeAsIso",
                ),
                Column(
                    title="Drawdown from",
                    expr="1000 * mt5_account_drawdown_anchor_timestamp_seconds{:terminal}",
                    unit="dateTimeAsIso",
                ),
                Column(
                    title="Last stop-out",
                    expr="1000 * (mt5_account_last_stop_out_timestamp_seconds{:terminal} > 0)",
                    unit="dateTimeAsIso",
                ),
                Column(
                    title="Oldest position",
                    expr="time() - mt5_positions_oldest_open_timestamp_seconds{:terminal}",
                    unit="dtdurations",
                ),
                Column(title="Leverage", expr="mt5_account_leverage{:terminal}"),
            ),
        ),
        Chart(
            title="Was the account stopped out?",
            description="Deals by which the broker closed a position for want of margin. Any is bad: money "
            "was lost, and the cause is likely still there.",
            bars=True,
            low=0,
            runbooks=("MT5StopOutHappened",),
            queries=(
                Query(
                    expr="increase(mt5_account_stop_outs_total{:terminal}[$__rate_interval])",
                    legend=EACH,
                    colour=BAD,
                ),
            ),
        ),
        Chart(
            title="Which levels does the broker set in money?",
            description="Levels of margin call and stop-out where the broker sets them in money and not in "
            "percent. No data: they are set in percent.",
            unit="short",
            decimals=2,
            nothing="set in percent",
            queries=(
                Query(expr="mt5_account_margin_call_level{:terminal}", legend="margin call {{terminal}}"),
                Query(expr="mt5_account_stop_out_level{:terminal}", legend="stop-out {{terminal}}"),
            ),
        ),
        Chart(
            title="Which money came and went without a trade?",
            description="Deposits, withdrawals, credits and charges, in the account's currency. One that "
            "nobody ordered is bad: ask the broker.",
            unit="short",
            decimals=2,
            bars=True,
            nothing="none",
            queries=(
                Query(
                    expr="increase(mt5_account_operations_received_total{:terminal}[$__rate_interval])",
                    legend="{{terminal}} {{kind}} received",
                    colour=GOOD,
                ),
                Query(
                    expr="-increase(mt5_account_operations_paid_total{:terminal}[$__rate_interval])",
                    legend="{{terminal}} {{kind}} paid",
                    colour=OTHER,
                ),
            ),
        ),
        Chart(
            title="How many entries are no trades?",
            description="Entries in the history such as deposits, credits and charges.",
            bars=True,
            low=0,
            nothing="none",
            queries=(
                Query(
                    expr="increase(mt5_account_operations_total{:terminal}[$__rate_interval])",
                    legend="{{terminal}} {{kind}}",
                ),
            ),
        ),
    ),
)

DASHBOARD = Dashboard(
    uid=links.RISK,
    question="How far is each account from its limits, and what is open?",
    rows=(NOW, TRENDS, EXPOSURE, RULES),
)
