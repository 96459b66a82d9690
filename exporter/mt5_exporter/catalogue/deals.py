"""What deals and finished orders leave behind; these totals live in the state store and survive a restart."""

from mt5_exporter.catalogue.metric import Metric, lasting, row, value

BY_DEAL = ("terminal", "symbol", "side", "entry", "reason", "strategy")


def _pair(name: str, what: str, field: str) -> tuple[Metric, Metric]:
    """Enter two counters for an amount that has a sign."""
    return (
        lasting(
            f"mt5_deals_{name}_paid_total",
            f"{what} paid, in the deposit currency. (history_deals_get().{field} < 0)",
            *BY_DEAL,
        ),
        lasting(
            f"mt5_deals_{name}_received_total",
            f"{what} received, in the deposit currency. (history_deals_get().{field} > 0)",
            *BY_DEAL,
        ),
    )


DEALS = lasting(
    "mt5_deals_total",
    "Deals since the baseline, by the position's side, which an `out` deal has closed. "
    "(history_deals_get().type, entry, reason, magic)",
    *BY_DEAL,
)
DEALS_VOLUME = lasting(
    "mt5_deals_volume_lots_total", "Volume of the deals in lots. (history_deals_get().volume)", *BY_DEAL
)
DEALS_PROFIT = lasting(
    "mt5_deals_profit_total",
    "Profit realised by winning deals, in the deposit currency. (history_deals_get().profit > 0)",
    *BY_DEAL,
)
DEALS_LOSS = lasting(
    "mt5_deals_loss_total",
    "Loss realised by losing deals, in the deposit currency. (history_deals_get().profit < 0)",
    *BY_DEAL,
)
DEALS_COMMISSION_PAID, DEALS_COMMISSION_RECEIVED = _pair("commission", "Commission", "commission")
DEALS_SWAP_PAID, DEALS_SWAP_RECEIVED = _pair("swap", "Swap", "swap")
DEALS_FEE_PAID, DEALS_FEE_RECEIVED = _pair("fee", "Fees", "fee")
OPERATIONS = lasting(
    "mt5_account_operations_total",
    "Entries in the history that are no trades, such as deposits, credits and charges. "
    "(history_deals_get().type)",
    "terminal",
    "kind",
)
OPERATIONS_RECEIVED = lasting(
    "mt5_account_operations_received_total",
    "Money that such entries brought, in the deposit currency. (history_deals_get().type, profit > 0)",
    "terminal",
    "kind",
)
OPERATIONS_PAID = lasting(
    "mt5_account_operations_paid_total",
    "Money that such entries took, in the deposit currency. (history_deals_get().type, profit < 0)",
    "terminal",
    "kind",
)
STOP_OUTS = lasting(
    "mt5_account_stop_outs_total",
    "Deals by which the broker closed a position for want of margin. (history_deals_get().reason)",
    "terminal",
)
LAST_STOP_OUT = row(
    "lasting",
    "gauge",
    "mt5_account_last_stop_out_timestamp_seconds",
    "When the exporter first saw the last stop-out, in Unix time of this machine; 0 before any. "
    "(history_deals_get().reason)",
    "terminal",
)
HISTORY_SINCE = row(
    "lasting",
    "gauge",
    "mt5_history_since_timestamp_seconds",
    "When the account's history was first taken over, in Unix time; deals from before are not "
    "counted. (history_deals_get)",
    "terminal",
)
HISTORY_ORDERS = lasting(
    "mt5_history_orders_total",
    "Orders that ended since the baseline, by how. (history_orders_get().state, magic)",
    "terminal",
    "symbol",
    "state",
    "strategy",
)
HISTORY_LEFT_OUT = value(
    "mt5_history_symbols_left_out",
    "Symbols of deals that are counted under symbol `other`, since they are more than max_symbols. "
    "(history_deals_get)",
    "terminal",
)
PROFIT_TODAY = value(
    "mt5_account_profit_today",
    "Profit realised since the trading day began, less commission, swap and fees, in the deposit "
    "currency; deposits do not count. "
    "(history_deals_get().profit, commission, swap, fee)",
    "terminal",
)
