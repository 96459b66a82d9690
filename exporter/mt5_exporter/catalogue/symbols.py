"""What the market says of each watched symbol."""

from mt5_exporter.catalogue.metric import row, value

SYMBOL_STATES = ("unknown", "unselected", "no_tick", "ticking")
TRADE_MODES = ("disabled", "long_only", "short_only", "close_only", "full", "other")

SYMBOL_BID = value(
    "mt5_symbol_bid",
    "Bid of the last tick, in the symbol's price. (symbol_info_tick().bid)",
    "terminal",
    "symbol",
)
SYMBOL_ASK = value(
    "mt5_symbol_ask",
    "Ask of the last tick, in the symbol's price. (symbol_info_tick().ask)",
    "terminal",
    "symbol",
)
SYMBOL_TICK_CHANGED = value(
    "mt5_symbol_tick_last_change_timestamp_seconds",
    "When a new tick was last seen here, in Unix time of this machine; the first look at a symbol counts. "
    "(symbol_info_tick().time_msc)",
    "terminal",
    "symbol",
)
SYMBOL_TICK_SERVER_TIME = value(
    "mt5_symbol_tick_server_timestamp_seconds",
    "Time of the last tick on the trade server's clock, which is not UTC: for comparing, never for ages. "
    "(symbol_info_tick().time_msc)",
    "terminal",
    "symbol",
)
SYMBOL_SPREAD = value(
    "mt5_symbol_spread_points",
    "Ask less bid in points; absent without both. (symbol_info_tick().bid, ask, symbol_info().point)",
    "terminal",
    "symbol",
)
SYMBOL_STATE = row(
    "value",
    "stateset",
    "mt5_symbol_state",
    "What Market Watch does with the symbol: unknown to the broker, not selected, selected without a "
    "tick, ticking. "
    "(symbol_info().select, symbol_info_tick)",
    "terminal",
    "symbol",
    "state",
    states=SYMBOL_STATES,
)
SYMBOL_TRADE_MODE = row(
    "value",
    "stateset",
    "mt5_symbol_trade_mode",
    "What the broker allows on the symbol. (symbol_info().trade_mode)",
    "terminal",
    "symbol",
    "mode",
    states=TRADE_MODES,
)
SYMBOLS_WATCHED = value(
    "mt5_symbols_watched", "Symbols that are watched. (configured symbols, symbols_get)", "terminal"
)
SYMBOLS_LEFT_OUT = value(
    "mt5_symbols_left_out",
    "Symbols that match the configuration and are left out, since they are more than max_symbols "
    "or would share a label. (symbols_get)",
    "terminal",
)
