"""Orders and execution: are orders accepted, and what do they cost?"""

from dashboards.lib import Chart, Column, Dashboard, Query, Row, Stat, Strip, Table, links, states
from dashboards.lib.colours import BAD, GOOD, OTHER, WARN

EACH = "{{terminal}}"
STRATEGY = "{{terminal}} {{strategy}}"


def _summed(metric: str) -> str:
    """Return what a counter grew by over the dashboard's time, by strategy."""
    return f"sum by (job, instance, terminal, symbol, strategy) (increase({metric}{{:strategy}}[$__range]))"


def _difference(paid: str, received: str) -> str:
    """Return what was paid less what was received."""
    return f"{_summed(paid)} - {_summed(received)}"


def _pace(metric: str) -> str:
    """Return what a counter grows by around each point, by strategy."""
    return f"sum by (job, instance, terminal, strategy) (increase({metric}{{:strategy}}[$__rate_interval]))"


NOW = Row(
    title="Are orders accepted?",
    panels=(
        Stat(
            title="Rejected orders",
            description="Orders that were rejected in the time shown. Many at once are bad: look at their "
            "margin, their stops and the market's hours.",
            queries=(
                Query(
                    expr="increase(terminal:mt5_history_orders_rejected:sum{:terminal}[$__range])",
                    legend=EACH,
                ),
            ),
            decimals=0,
            neutral=True,
            runbooks=("MT5OrdersRejected",),
        ),
        Stat(
            title="Finished orders",
            description="Orders that ended in the time shown, by whatever way. None from a strategy that "
            "should trade is bad.",
            queries=(
                Query(expr="increase(terminal:mt5_history_orders:sum{:terminal}[$__range])", legend=EACH),
            ),
            decimals=0,
            neutral=True,
        ),
        Stat(
            title="Order limit",
            description="Whether the account has as many pending orders as its limit says is too much. OVER "
            "ITS LIMIT is bad: the broker rejects the next. No data: the broker sets no limit.",
            queries=(
                Query(
                    expr="mt5_account_orders_used_ratio{:terminal}"
                    " >= bool mt5_limit_account_orders_used_ratio{:terminal}",
                    legend=EACH,
                ),
            ),
            states=states.OVER,
            nothing="no limit",
            runbooks=("MT5OrdersNearLimit",),
        ),
        Stat(
            title="Pending orders",
            description="Pending orders of all symbols.",
            queries=(Query(expr="mt5_account_orders{:terminal}", legend=EACH),),
            neutral=True,
        ),
        Stat(
            title="Open positions",
            description="Open positions of all symbols.",
            queries=(Query(expr="mt5_account_positions{:terminal}", legend=EACH),),
            neutral=True,
        ),
        Stat(
            title="Algo trading",
            description="Whether the terminal's Algo Trading button is on. OFF is bad for expert advisors: "
            "somebody, or an update, turned it off.",
            queries=(Query(expr="mt5_terminal_trade_allowed{:terminal}", legend=EACH),),
            states=states.ON,
        ),
        Stat(
            title="Account may trade",
            description="Whether the account may trade; NO for an investor password, too.",
            queries=(Query(expr="mt5_account_trade_allowed{:terminal}", legend=EACH),),
            states=states.YES,
        ),
        Stat(
            title="Experts may trade",
            description="Whether the broker allows expert advisors on the account. NO is bad for them: ask "
            "the broker.",
            queries=(Query(expr="mt5_account_trade_expert{:terminal}", legend=EACH),),
            states=states.YES,
        ),
    ),
)

EXECUTION = Row(
    title="How do they end?",
    panels=(
        Chart(
            title="How did orders end?",
            description="Orders that ended, by how. `rejected` is bad, `canceled` and `expired` are usual "
            "for pending orders.",
            bars=True,
            low=0,
            nothing="none ended",
            queries=(
                Query(
                    expr="sum by (job, instance, terminal, state) ("
                    "increase(mt5_history_orders_total{:strategy}[$__rate_interval]))",
                    legend="{{terminal}} {{state}}",
                ),
            ),
        ),
        Chart(
            title="How many orders are rejected?",
            description="Share of the orders around each point that were rejected. One of one is nothing; "
            "one in five of many is bad, and told.",
            unit="percentunit",
            low=0,
            high=1,
            nothing="none ended",
            runbooks=("MT5OrdersRejected",),
            queries=(
                Query(
                    expr="increase(terminal:mt5_history_orders_rejected:sum{:terminal}[$__rate_interval])"
                    " / (increase(terminal:mt5_history_orders:sum{:terminal}[$__rate_interval]) > 0)",
                    legend=EACH,
                    colour=BAD,
                ),
            ),
        ),
        Table(
            title="Which orders are pending?",
            description="Pending orders by symbol, kind and strategy, with the volume that they still wait "
            "for. A symbol leads to its market.",
            nothing="none",
            width=12,
            leads_to=links.MARKET,
            by=("job", "instance", "terminal", "symbol"),
            labels={"terminal": "Terminal", "symbol": "Symbol", "kind": "Kind", "strategy": "Strategy"},
            sort="-Orders",
            columns=(
                Column(title="Orders", expr="mt5_orders{:strategy}"),
                Column(title="Lots", expr="mt5_orders_volume_lots{:strategy}", decimals=2),
            ),
        ),
        Chart(
            title="How much of the order limit is used?",
            description="Share of the pending orders that the broker allows, and its limit. Above the dashed "
            "line is bad: beyond 100 % orders are rejected. No data: the broker sets no limit.",
            unit="percentunit",
            low=0,
            nothing="no limit",
            runbooks=("MT5OrdersNearLimit",),
            queries=(
                Query(expr="mt5_account_orders_used_ratio{:terminal}", legend=EACH),
                Query(
                    expr="mt5_limit_account_orders_used_ratio{:terminal}",
                    legend="limit {{terminal}}",
                    role="limit",
                ),
            ),
        ),
    ),
)

DEALS = Row(
    title="What do they bring, and cost?",
    panels=(
        Table(
            title="What did each strategy do?",
            description="Deals in the time shown, by symbol and strategy: volume, realised profit and loss, "
            "and costs, in the account's currency. Costs that eat the profit are bad.",
            nothing="no deals",
            leads_to=links.MARKET,
            by=("job", "instance", "terminal", "symbol"),
            labels={"terminal": "Terminal", "symbol": "Symbol", "strategy": "Strategy"},
            sort="-Deals",
            columns=(
                Column(title="Deals", expr=_summed("mt5_deals_total"), decimals=0),
                Column(title="Lots", expr=_summed("mt5_deals_volume_lots_total"), decimals=2),
                Column(title="Profit", expr=_summed("mt5_deals_profit_total"), decimals=2),
                Column(title="Loss", expr=_summed("mt5_deals_loss_total"), decimals=2),
                Column(
                    title="Commission",
                    expr=_difference(
                        "mt5_deals_commission_paid_total", "mt5_deals_commission_received_total"
                    ),
                    decimals=2,
                ),
                Column(
                    title="Swap",
                    expr=_difference("mt5_deals_swap_paid_total", "mt5_deals_swap_received_total"),
                    decimals=2,
                ),
                Column(
                    title="Fees",
                    expr=_difference("mt5_deals_fee_paid_total", "mt5_deals_fee_received_total"),
                    decimals=2,
                ),
            ),
        ),
        Chart(
            title="How much does each strategy win and lose?",
            description="Profit realised by winning deals, and loss by losing ones below 0, in the account's "
            "currency.",
            unit="short",
            decimals=2,
            bars=True,
            nothing="no deals",
            queries=(
                Query(expr=_pace("mt5_deals_profit_total"), legend=f"{STRATEGY} won", colour=GOOD),
                Query(expr=f"-{_pace('mt5_deals_loss_total')}", legend=f"{STRATEGY} lost", colour=WARN),
            ),
        ),
        Chart(
            title="How much is traded?",
            description="Deals by strategy. None from a strategy that should trade is bad, and so are many "
            "more than usual.",
            bars=True,
            low=0,
            nothing="no deals",
            queries=(Query(expr=_pace("mt5_deals_total"), legend=STRATEGY),),
        ),
        Chart(
            title="What do the deals cost?",
            description="Commission, swap and fees that were paid, in the account's currency.",
            unit="short",
            decimals=2,
            bars=True,
            low=0,
            nothing="no deals",
            queries=(
                Query(expr=_pace("mt5_deals_commission_paid_total"), legend=f"{STRATEGY} commission"),
                Query(expr=_pace("mt5_deals_swap_paid_total"), legend=f"{STRATEGY} swap"),
                Query(expr=_pace("mt5_deals_fee_paid_total"), legend=f"{STRATEGY} fees", colour=OTHER),
            ),
        ),
        Strip(
            title="May it trade?",
            description="The switches by which trading is turned off. OFF is bad where it was on.",
            states=states.ON,
            queries=(
                Query(
                    expr="terminal_switch:mt5_trade_allowed:union{:terminal}",
                    legend="{{terminal}} {{switch}}",
                ),
            ),
            leads_to=links.TERMINAL,
        ),
    ),
)

HISTORY = Row(
    title="How complete is the history?",
    collapsed=True,
    panels=(
        Table(
            title="Since when is counted?",
            description="When each account's history was taken over; deals from before are not counted. "
            "Symbols beyond max_symbols are counted together as `other`.",
            labels={"terminal": "Terminal"},
            sort="Terminal",
            columns=(
                Column(
                    title="Counted from",
                    expr="1000 * mt5_history_since_timestamp_seconds{:terminal}",
                    unit="dateTimeAsIso",
                ),
                Column(title="Symbols counted as other", expr="mt5_history_symbols_left_out{:terminal}"),
                Column(title="Pending orders allowed", expr="mt5_account_orders_limit{:terminal}"),
            ),
        ),
    ),
)

DASHBOARD = Dashboard(
    uid=links.ORDERS,
    question="Are orders accepted, and what do they bring and cost?",
    rows=(NOW, EXECUTION, DEALS, HISTORY),
    chosen=("job", "instance", "terminal", "symbol", "strategy"),
)
