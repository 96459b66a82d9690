"""The account's money, its levels and its limits, in the deposit currency."""

from mt5_exporter.catalogue.metric import row, value

ACCOUNT_INFO = row(
    "value",
    "info",
    "mt5_account_info",
    "The account, nothing personal: always 1. (account_info().server, currency, trade_mode, margin_mode)",
    "terminal",
    "server",
    "currency",
    "trade_mode",
    "margin_mode",
)
ACCOUNT_BALANCE = value(
    "mt5_account_balance", "Balance in the deposit currency. (account_info().balance)", "terminal"
)
ACCOUNT_EQUITY = value(
    "mt5_account_equity", "Equity in the deposit currency. (account_info().equity)", "terminal"
)
ACCOUNT_CREDIT = value(
    "mt5_account_credit", "Credit in the deposit currency. (account_info().credit)", "terminal"
)
ACCOUNT_PROFIT = value(
    "mt5_account_profit",
    "Floating profit of the open positions in the deposit currency. (account_info().profit)",
    "terminal",
)
ACCOUNT_MARGIN = value(
    "mt5_account_margin", "Margin in use in the deposit currency. (account_info().margin)", "terminal"
)
ACCOUNT_MARGIN_FREE = value(
    "mt5_account_margin_free", "Free margin in the deposit currency. (account_info().margin_free)", "terminal"
)
ACCOUNT_MARGIN_LEVEL = value(
    "mt5_account_margin_level_ratio",
    "Equity over margin in use, 1 for 100 %; absent while no margin is used. (account_info().margin_level)",
    "terminal",
)
ACCOUNT_TRADE_ALLOWED = value(
    "mt5_account_trade_allowed",
    "Whether the account may trade; 0 for an investor password, too. (account_info().trade_allowed)",
    "terminal",
)
ACCOUNT_TRADE_EXPERT = value(
    "mt5_account_trade_expert",
    "Whether the broker allows expert advisors on the account. (account_info().trade_expert)",
    "terminal",
)
ACCOUNT_LEVERAGE = value(
    "mt5_account_leverage",
    "Leverage, 100 for 1:100; absent where it is not told. (account_info().leverage)",
    "terminal",
)
MARGIN_CALL_LEVEL = value(
    "mt5_account_margin_call_level_ratio",
    "Margin level of the margin call, 1 for 100 %; absent where it is set in money. "
    "(account_info().margin_so_call, margin_so_mode)",
    "terminal",
)
STOP_OUT_LEVEL = value(
    "mt5_account_stop_out_level_ratio",
    "Margin level of the stop-out, 1 for 100 %; absent where it is set in money. "
    "(account_info().margin_so_so, margin_so_mode)",
    "terminal",
)
MARGIN_CALL_MONEY = value(
    "mt5_account_margin_call_level",
    "Level of the margin call in the deposit currency; absent where it is set in percent. "
    "(account_info().margin_so_call, margin_so_mode)",
    "terminal",
)
STOP_OUT_MONEY = value(
    "mt5_account_stop_out_level",
    "Level of the stop-out in the deposit currency; absent where it is set in percent. "
    "(account_info().margin_so_so, margin_so_mode)",
    "terminal",
)
MARGIN_CALL_DISTANCE = value(
    "mt5_account_margin_call_distance",
    "What equity may still lose until the margin call, in the deposit currency, at the margin now in use; "
    "absent while none is. (account_info().equity, margin, margin_so_call, margin_so_mode)",
    "terminal",
)
STOP_OUT_DISTANCE = value(
    "mt5_account_stop_out_distance",
    "What equity may still lose until the stop-out, in the deposit currency, at the margin now in use; "
    "absent while none is. (account_info().equity, margin, margin_so_so, margin_so_mode)",
    "terminal",
)
ACCOUNT_ORDERS_LIMIT = value(
    "mt5_account_orders_limit",
    "Pending orders that the account may have; absent without a limit. (account_info().limit_orders)",
    "terminal",
)
ACCOUNT_ORDERS_USED = value(
    "mt5_account_orders_used_ratio",
    "Share of the allowed pending orders in use, 0 to 1; absent without a limit. "
    "(orders_get, account_info().limit_orders)",
    "terminal",
)
