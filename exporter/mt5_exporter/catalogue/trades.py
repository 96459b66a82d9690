"""What is open: positions and pending orders."""

from mt5_exporter.catalogue.metric import value

GROUPED = ("terminal", "symbol", "side", "strategy")

ACCOUNT_POSITIONS = value(
    "mt5_account_positions", "Open positions, of all symbols. (positions_get)", "terminal"
)
ACCOUNT_ORDERS = value("mt5_account_orders", "Pending orders, of all symbols. (orders_get)", "terminal")
POSITIONS = value("mt5_positions", "Open positions. (positions_get)", *GROUPED)
POSITIONS_VOLUME = value(
    "mt5_positions_volume_lots", "Volume of the open positions in lots. (positions_get().volume)", *GROUPED
)
POSITIONS_PROFIT = value(
    "mt5_positions_profit",
    "Floating profit of the open positions in the deposit currency. (positions_get().profit)",
    *GROUPED,
)
POSITIONS_SWAP = value(
    "mt5_positions_swap",
    "Swap collected by the open positions in the deposit currency, negative when paid. "
    "(positions_get().swap)",
    *GROUPED,
)
POSITIONS_EXPOSURE = value(
    "mt5_positions_exposure",
    "Value of the open positions in the deposit currency: volume x price / tick size x tick value; "
    "absent where the terminal has no tick value. "
    "(positions_get().volume, price_current, symbol_info().trade_tick_size, trade_tick_value)",
    *GROUPED,
)
POSITIONS_WITHOUT_SL = value(
    "mt5_positions_without_stop_loss", "Open positions without a stop loss. (positions_get().sl)", *GROUPED
)
POSITIONS_WITHOUT_TP = value(
    "mt5_positions_without_take_profit",
    "Open positions without a take profit. (positions_get().tp)",
    *GROUPED,
)
POSITIONS_OLDEST = value(
    "mt5_positions_oldest_open_timestamp_seconds",
    "When the oldest open position was opened, in Unix time; absent while none is open or the "
    "server's clock is unknown. "
    "(positions_get().time)",
    "terminal",
)
POSITIONS_LEFT_OUT = value(
    "mt5_positions_symbols_left_out",
    "Symbols with positions that have no series of their own, since they are more than max_symbols. "
    "(positions_get)",
    "terminal",
)
ORDERS = value("mt5_orders", "Pending orders. (orders_get)", "terminal", "symbol", "kind", "strategy")
ORDERS_VOLUME = value(
    "mt5_orders_volume_lots",
    "Volume that pending orders still wait for, in lots. (orders_get().volume_current)",
    "terminal",
    "symbol",
    "kind",
    "strategy",
)
ORDERS_LEFT_OUT = value(
    "mt5_orders_symbols_left_out",
    "Symbols with pending orders that have no series of their own, since they are more than "
    "max_symbols. (orders_get)",
    "terminal",
)
