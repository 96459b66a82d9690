"""How much of what a prop firm allows to lose is lost, in the deposit currency."""

from mt5_exporter.catalogue.metric import row, value

RULES = ("daily_loss", "drawdown")

DAILY_LOSS = value(
    "mt5_account_daily_loss",
    "What the account has lost since the trading day began, deposits and withdrawals left out; 0 in profit. "
    "(account_info().equity, balance)",
    "terminal",
)
DAILY_LOSS_ALLOWED = value(
    "mt5_account_daily_loss_allowed", "What it may lose in this trading day. (configured risk)", "terminal"
)
DAILY_LOSS_USED = value(
    "mt5_account_daily_loss_used_ratio",
    "Share of the day's allowed loss that is used; at 1 the rule is broken. "
    "(account_info().equity, configured risk)",
    "terminal",
)
DAILY_LOSS_ANCHOR = value(
    "mt5_account_daily_loss_anchor",
    "What the day's loss counts from, with deposits and withdrawals since then. "
    "(account_info() at the day's reset)",
    "terminal",
)
DAILY_LOSS_ANCHOR_TIME = value(
    "mt5_account_daily_loss_anchor_timestamp_seconds",
    "The reset that the day's loss counts from, in Unix time. (configured risk)",
    "terminal",
)
DRAWDOWN = value(
    "mt5_account_drawdown",
    "What the account has lost from the mark that its drawdown counts from; 0 above it. "
    "(account_info().equity, balance)",
    "terminal",
)
DRAWDOWN_ALLOWED = value(
    "mt5_account_drawdown_allowed", "What it may lose from that mark. (configured risk)", "terminal"
)
DRAWDOWN_USED = value(
    "mt5_account_drawdown_used_ratio",
    "Share of the allowed drawdown that is used; at 1 the rule is broken. "
    "(account_info().equity, configured risk)",
    "terminal",
)
DRAWDOWN_ANCHOR = value(
    "mt5_account_drawdown_anchor",
    "The mark that the drawdown counts from, with deposits and withdrawals since then. "
    "(account_info(), configured risk)",
    "terminal",
)
DRAWDOWN_ANCHOR_TIME = value(
    "mt5_account_drawdown_anchor_timestamp_seconds",
    "When that mark was made, in Unix time. (account_info(), configured risk)",
    "terminal",
)
RISK_ANCHOR = row(
    "value",
    "info",
    "mt5_risk_anchor_info",
    "Where a rule's anchor comes from: observed, rebuilt from deals, configured, or first seen: always 1.",
    "terminal",
    "rule",
    "source",
)
RISK_UNAVAILABLE = row(
    "value",
    "info",
    "mt5_risk_unavailable_info",
    "Why a configured rule has no value, while it has none: always 1.",
    "terminal",
    "rule",
    "reason",
)
