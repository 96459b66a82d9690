"""Market and feed: is what we see fresh?"""

from dashboards.lib import AT_ALL, Chart, Column, Dashboard, Query, Row, Stat, Strip, Table, links, states
from dashboards.lib.colours import WARN

SYMBOL, SYMBOL_WORDS = states.set_of("mt5_symbol_state", ":symbol", states.SYMBOL)
TRADE_MODE, TRADE_MODE_WORDS = states.set_of("mt5_symbol_trade_mode", ":symbol", states.TRADE_MODE)
AGE = "symbol:mt5_symbol_tick_age_seconds:market_open{:symbol}"

NOW = Row(
    title="Is what we see fresh?",
    panels=(
        Stat(
            title="Stale symbols",
            description="Symbols whose last new tick is older than their limit while their market is open. "
            "Any is bad. No data: every market is closed, or nothing is seen.",
            queries=(
                Query(
                    expr=f"sum({AGE} > bool mt5_limit_symbol_tick_age_seconds{{:symbol}})",
                    legend="stale symbols",
                ),
            ),
            nothing="no open market",
            steps=AT_ALL,
            names=False,
            runbooks=("MT5SymbolFeedStale", "MT5AllFeedsStale"),
        ),
        Stat(
            title="No quotes",
            description="Watched symbols that are unknown to the broker, not in Market Watch, or without a "
            "tick. Any is bad: they can never be stale. The table says which.",
            queries=(
                Query(
                    expr='sum(mt5_symbol_state{:symbol,state=~"unknown|unselected|no_tick"})',
                    legend="symbols without quotes",
                ),
            ),
            steps=((1, WARN),),
            names=False,
            runbooks=("MT5SymbolNotQuoted",),
        ),
        Stat(
            title="Wide spreads",
            description="Symbols whose spread is at or above their limit. At the market's opening that is "
            "usual; otherwise trades cost more than they should.",
            queries=(
                Query(
                    expr="sum(mt5_symbol_spread_points{:symbol}"
                    " > bool mt5_limit_symbol_spread_points{:symbol})",
                    legend="wide spreads",
                ),
            ),
            steps=((1, WARN),),
            names=False,
            runbooks=("MT5SpreadAbnormal",),
        ),
        Stat(
            title="Markets open",
            description="Terminals with an open market. With none open, nothing here is expected to move.",
            queries=(Query(expr="sum(mt5_terminal_market_open{:terminal})", legend="terminals"),),
            neutral=True,
            names=False,
        ),
        Stat(
            title="Slow lines",
            description="Terminals whose ping to the trade server is above its limit. Any is bad: orders "
            "arrive late. No data: no terminal is connected.",
            queries=(
                Query(
                    expr="sum(mt5_terminal_ping_seconds{:terminal}"
                    " > bool mt5_limit_terminal_ping_seconds{:terminal})",
                    legend="slow lines",
                ),
            ),
            steps=((1, WARN),),
            names=False,
            runbooks=("MT5BrokerPingHigh",),
        ),
        Stat(
            title="Lossy lines",
            description="Terminals whose share of packets sent again is above its limit. Any is bad: look at "
            "the network between the terminal and its broker.",
            queries=(
                Query(
                    expr="sum(mt5_terminal_retransmission_ratio{:terminal}"
                    " > bool mt5_limit_terminal_retransmission_ratio{:terminal})",
                    legend="lossy lines",
                ),
            ),
            steps=((1, WARN),),
            names=False,
            runbooks=("MT5BrokerPacketLoss",),
        ),
        Stat(
            title="Wrong clocks",
            description="Terminals whose trade server's clock and ours differ by more than the limit, time "
            "zone apart. Any is bad: one of the clocks is wrong. No data: not enough fresh ticks.",
            queries=(
                Query(
                    expr="sum(abs(mt5_terminal_server_clock_skew_seconds{:terminal})"
                    " > bool mt5_limit_terminal_server_clock_skew_seconds{:terminal})",
                    legend="wrong clocks",
                ),
            ),
            nothing="too few ticks",
            steps=((1, WARN),),
            names=False,
            runbooks=("MT5ServerClockSkew",),
        ),
        Stat(
            title="Symbols watched",
            description="Symbols that are watched. A number that nobody expects is bad: look at `symbols` "
            "and `max_symbols` in the configuration.",
            queries=(Query(expr="sum(mt5_symbols_watched{:terminal})", legend="symbols"),),
            neutral=True,
            names=False,
        ),
    ),
)

WHICH = Row(
    title="Which symbol?",
    panels=(
        Table(
            title="How is each symbol?",
            description="A line for each symbol. An age above its limit is bad while the market is open; an "
            "empty age means that it is closed, or that nothing is seen.",
            height=10,
            by=("job", "instance", "terminal", "symbol"),
            labels={"terminal": "Terminal", "symbol": "Symbol"},
            sort="-Tick age",
            columns=(
                Column(title="Market", expr="mt5_symbol_market_open{:symbol}", states=states.OPEN),
                Column(title="Quotes", expr=SYMBOL, states=SYMBOL_WORDS),
                Column(title="Trading", expr=TRADE_MODE, states=TRADE_MODE_WORDS),
                Column(title="Tick age", expr=AGE, unit="s", decimals=0),
                Column(
                    title="Feed",
                    expr=f"{AGE} > bool mt5_limit_symbol_tick_age_seconds{{:symbol}}",
                    states=states.STALE,
                ),
                Column(title="Bid", expr="mt5_symbol_bid{:symbol}"),
                Column(title="Ask", expr="mt5_symbol_ask{:symbol}"),
                Column(title="Spread", expr="mt5_symbol_spread_points{:symbol}", decimals=0),
                Column(
                    title="Server's time of the tick",
                    expr="1000 * mt5_symbol_tick_server_timestamp_seconds{:symbol}",
                    unit="dateTimeAsIso",
                ),
            ),
        ),
        Chart(
            title="How old is the last tick?",
            description="Age of each symbol's last new tick while its market is open, and its limit. Above "
            "the dashed line is bad. A gap: the market is closed.",
            unit="s",
            low=0,
            runbooks=("MT5SymbolFeedStale", "MT5AllFeedsStale"),
            queries=(
                Query(expr=AGE, legend="{{terminal}} {{symbol}}"),
                Query(
                    expr="mt5_limit_symbol_tick_age_seconds{:symbol}",
                    legend="limit {{terminal}} {{symbol}}",
                    role="limit",
                ),
            ),
        ),
        Chart(
            title="How wide is the spread?",
            description="Ask less bid in points, and its limit. Above the dashed line for long is bad: "
            "trades cost more than they should.",
            low=0,
            runbooks=("MT5SpreadAbnormal",),
            queries=(
                Query(expr="mt5_symbol_spread_points{:symbol}", legend="{{terminal}} {{symbol}}"),
                Query(
                    expr="mt5_limit_symbol_spread_points{:symbol}",
                    legend="limit {{terminal}} {{symbol}}",
                    role="limit",
                ),
            ),
        ),
        Strip(
            title="When was each market open?",
            description="Market hours as they are configured. Hours that are not those of the broker are "
            "bad: alerts come too soon, or not at all.",
            states=states.OPEN,
            queries=(Query(expr="mt5_symbol_market_open{:symbol}", legend="{{terminal}} {{symbol}}"),),
        ),
        Strip(
            title="Was each symbol quoted?",
            description="What Market Watch does with each symbol. Only TICKING is good.",
            states=SYMBOL_WORDS,
            runbooks=("MT5SymbolNotQuoted",),
            queries=(Query(expr=SYMBOL, legend="{{terminal}} {{symbol}}"),),
        ),
    ),
)

LINE = Row(
    title="Is it the line, or the clock?",
    panels=(
        Chart(
            title="How slow is the line to the broker?",
            description="Last known ping to the trade server, and its limit. Above the dashed line for ten "
            "minutes is bad. A gap: the terminal is not connected.",
            unit="s",
            low=0,
            runbooks=("MT5BrokerPingHigh",),
            queries=(
                Query(expr="mt5_terminal_ping_seconds{:terminal}", legend="{{terminal}}"),
                Query(
                    expr="mt5_limit_terminal_ping_seconds{:terminal}",
                    legend="limit {{terminal}}",
                    role="limit",
                ),
            ),
        ),
        Chart(
            title="How many packets are sent again?",
            description="Share of packets sent again to the trade server, and its limit. Above the dashed "
            "line for ten minutes is bad.",
            unit="percentunit",
            low=0,
            runbooks=("MT5BrokerPacketLoss",),
            queries=(
                Query(expr="mt5_terminal_retransmission_ratio{:terminal}", legend="{{terminal}}"),
                Query(
                    expr="mt5_limit_terminal_retransmission_ratio{:terminal}",
                    legend="limit {{terminal}}",
                    role="limit",
                ),
            ),
        ),
        Chart(
            title="How far apart are the clocks?",
            description="What fresh ticks differ from the server's clock beyond its time zone, and the limit "
            "either way. Beyond a dashed line is bad: look at both clocks.",
            unit="s",
            runbooks=("MT5ServerClockSkew",),
            queries=(
                Query(expr="mt5_terminal_server_clock_skew_seconds{:terminal}", legend="{{terminal}}"),
                Query(
                    expr="mt5_limit_terminal_server_clock_skew_seconds{:terminal}",
                    legend="limit {{terminal}}",
                    role="limit",
                ),
                Query(
                    expr="-mt5_limit_terminal_server_clock_skew_seconds{:terminal}",
                    legend="limit below {{terminal}}",
                    role="limit",
                ),
            ),
        ),
        Chart(
            title="Which time zone has the trade server?",
            description="The trade server's clock less UTC, in steps of a quarter of an hour. It moves with "
            "the daylight saving time of its country; any other step is bad.",
            unit="dtdurations",
            stepped=True,
            queries=(
                Query(expr="mt5_terminal_server_clock_offset_seconds{:terminal}", legend="{{terminal}}"),
            ),
        ),
    ),
)

PRICES = Row(
    title="Prices",
    collapsed=True,
    panels=(
        Chart(
            title="What are the prices?",
            description="Bid of each symbol. Choose one symbol above: prices of different ones have no "
            "common scale. A flat line in an open market is a feed that stands still.",
            queries=(Query(expr="mt5_symbol_bid{:symbol}", legend="{{terminal}} {{symbol}}"),),
        ),
        Strip(
            title="What does the broker allow?",
            description="What may be traded on each symbol. Anything but FULL is bad for a strategy that "
            "trades it: ask the broker.",
            states=TRADE_MODE_WORDS,
            queries=(Query(expr=TRADE_MODE, legend="{{terminal}} {{symbol}}"),),
        ),
    ),
)

DASHBOARD = Dashboard(
    uid=links.MARKET,
    question="Is what we see of the market fresh, and if not, is it the line or the clock?",
    rows=(NOW, WHICH, LINE, PRICES),
    chosen=("job", "instance", "terminal", "symbol"),
)
