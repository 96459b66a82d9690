"""The limits: each in the unit and with the labels of the metric that it bounds, for rules and dashboards."""

from dataclasses import dataclass

from mt5_exporter.catalogue.metric import Metric, status


@dataclass(frozen=True, slots=True, eq=False)
class Limit:
    """What may be configured under `limits`.

    Attributes:
        metric: Where it is exported.
        default: Its value where nobody says otherwise.
        per_symbol: Whether each symbol has its own.
    """

    metric: Metric
    default: float
    per_symbol: bool


LIMITS: dict[str, Limit] = {}


def _limit(name: str, default: float, what: str, *, per_symbol: bool = False) -> None:
    labels = ("terminal", "symbol") if per_symbol else ("terminal",)
    text = f"{what} (configured limits, default {default:g})"
    LIMITS[name] = Limit(status(f"mt5_limit_{name}", text, *labels), default, per_symbol)


_limit("terminal_ping_seconds", 0.5, "Ping to the trade server from which on it is slow.")
_limit("terminal_retransmission_ratio", 0.05, "Share of packets sent again from which on the line is bad.")
_limit("terminal_server_clock_skew_seconds", 5, "Skew, either way, from which on a clock is wrong.")
_limit("probe_duration_seconds", 1, "Round trip from the exporter to the terminal from which on it is slow.")
_limit(
    "symbol_tick_age_seconds",
    120,
    "Age of the last new tick, market open, from which on the feed is stale.",
    per_symbol=True,
)
_limit("symbol_spread_points", 100, "Spread from which on it is abnormal.", per_symbol=True)
_limit("account_margin_level_ratio", 1.2, "Margin level below which a person is woken.")
_limit("warning_account_margin_level_ratio", 2, "Margin level below which somebody should look.")
_limit("account_orders_used_ratio", 0.9, "Share of the allowed pending orders that is too much.")
_limit("account_daily_loss_used_ratio", 0.9, "Share of the day's allowed loss at which a person is woken.")
_limit("warning_account_daily_loss_used_ratio", 0.7, "Share of the day's allowed loss to look at.")
_limit("account_drawdown_used_ratio", 0.9, "Share of the allowed drawdown at which a person is woken.")
_limit("warning_account_drawdown_used_ratio", 0.7, "Share of the allowed drawdown to look at.")
_limit("positions_without_stop_loss", 0, "Positions that may be open without a stop loss.")
_limit("expert_heartbeat_age_seconds", 300, "Age of an expert advisor's heartbeat from which on it is dead.")
