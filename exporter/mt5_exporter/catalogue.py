"""Every metric there is, once: its name, kind, labels, and the MT5 field it comes from.

A reading, a probe and a counter name their metric by the row here; the metric table of the README is
generated from it, and a test holds everything served against it.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["gauge", "counter", "info", "stateset", "histogram"]

Group = Literal["status", "value", "counter", "exporter"]
"""status: always there. value: leaves when it is stale. counter: always there, from 0. exporter: about us."""

DURATION_BUCKETS = (0.0005, 0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One row.

    Attributes:
        name: As it is served; a counter ends in `_total`.
        kind: Its OpenMetrics type; an info's and a stateset's samples are served as gauges in text.
        help: What it says, with the source in parentheses.
        labels: Its labels in order; a stateset's last one is the state.
        group: When it is there.
        states: A stateset's states.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...]
    group: Group
    states: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a metric for one set of label values, in the metric's own order of labels."""

    metric: Metric
    labels: tuple[str, ...]
    value: float


METRICS: dict[str, Metric] = {}


def _row(
    group: Group, kind: Kind, name: str, help_text: str, *labels: str, states: tuple[str, ...] = ()
) -> Metric:
    metric = Metric(name, kind, help_text, labels, group, states)
    assert name not in METRICS
    METRICS[name] = metric
    return metric


PROBE_STATUSES = ("passed", "failed", "skipped", "unknown")
SESSION_STATES = ("stopped", "starting", "connecting", "ready", "degraded", "backoff", "draining")
BREAKER_STATES = ("closed", "open", "half_open")

# -- status: there from start-up, for every configured terminal ---------------------------------------

UP = _row(
    "status",
    "gauge",
    "mt5_up",
    "Whether the terminal answered the last connection probe, and a poll has finished in time. "
    "(terminal_info)",
    "terminal",
)
TERMINAL_RUNNING = _row(
    "status",
    "gauge",
    "mt5_terminal_running",
    "Whether the terminal's program is there, as the last attempt to connect saw it; absent where the system "
    "cannot tell. (the terminal's pipe and process)",
    "terminal",
)
SESSION_STATE = _row(
    "status",
    "stateset",
    "mt5_session_state",
    "Where the session to the terminal is.",
    "terminal",
    "state",
    states=SESSION_STATES,
)
SESSION_STATE_SINCE = _row(
    "status",
    "gauge",
    "mt5_session_state_last_change_timestamp_seconds",
    "When the session last changed its state, in Unix time.",
    "terminal",
)
SESSION_FAILED_ATTEMPTS = _row(
    "status",
    "gauge",
    "mt5_session_failed_attempts",
    "Failures in a row since the last good account_info.",
    "terminal",
)
BREAKER_STATE = _row(
    "status",
    "stateset",
    "mt5_breaker_state",
    "State of the terminal's circuit breaker.",
    "terminal",
    "state",
    states=BREAKER_STATES,
)
BREAKER_FAILURE_RATIO = _row(
    "status",
    "gauge",
    "mt5_breaker_failure_ratio",
    "Share of failures among the last calls, 0 to 1; absent below the minimum of calls.",
    "terminal",
)
BREAKER_SLOW_CALL_RATIO = _row(
    "status",
    "gauge",
    "mt5_breaker_slow_call_ratio",
    "Share of slow calls among the last calls, 0 to 1; absent below the minimum of calls.",
    "terminal",
)
BREAKER_OPEN_UNTIL = _row(
    "status",
    "gauge",
    "mt5_breaker_open_until_timestamp_seconds",
    "When the next trial call is made, in Unix time; only while the breaker is open.",
    "terminal",
)
WORKER_UP = _row(
    "status", "gauge", "mt5_worker_up", "Whether the terminal's worker process runs.", "terminal"
)
WORKER_MEMORY = _row(
    "status",
    "gauge",
    "mt5_worker_resident_memory_bytes",
    "Resident memory of the worker process at its last reply.",
    "terminal",
)
WORKER_START_SECONDS = _row(
    "status",
    "gauge",
    "mt5_worker_start_duration_seconds",
    "How long the worker process took to start, the last time.",
    "terminal",
)
PROBE_SUCCESS = _row(
    "status",
    "gauge",
    "mt5_probe_success",
    "Raw result of the probe's last run: 1 passed, 0 anything else.",
    "terminal",
    "probe",
)
PROBE_STATUS = _row(
    "status",
    "stateset",
    "mt5_probe_status",
    "Result of the probe's last run; skipped when a layer below failed, unknown when it cannot be told.",
    "terminal",
    "probe",
    "status",
    states=PROBE_STATUSES,
)
PROBE_FAILURE = _row(
    "status",
    "gauge",
    "mt5_probe_failure_info",
    "Why the probe did not pass, while it does not: always 1.",
    "terminal",
    "probe",
    "reason",
)
PROBE_SECONDS = _row(
    "status",
    "gauge",
    "mt5_probe_duration_seconds",
    "Duration of the probe's last run.",
    "terminal",
    "probe",
)
PROBE_LAST_RUN = _row(
    "status",
    "gauge",
    "mt5_probe_last_run_timestamp_seconds",
    "When the probe last ran, in Unix time; 0 before the first run.",
    "terminal",
    "probe",
)
PROBE_LAST_SUCCESS = _row(
    "status",
    "gauge",
    "mt5_probe_last_success_timestamp_seconds",
    "When the probe last passed, in Unix time; 0 before it ever did.",
    "terminal",
    "probe",
)
READING_SUCCESS = _row(
    "status",
    "gauge",
    "mt5_reading_success",
    "Whether the last attempt at this reading succeeded.",
    "terminal",
    "reading",
)
READING_STALE = _row(
    "status",
    "gauge",
    "mt5_reading_stale",
    "Whether the reading is older than mt5_reading_stale_after_seconds, so that its series are left out.",
    "terminal",
    "reading",
)
READING_SECONDS = _row(
    "status",
    "gauge",
    "mt5_reading_duration_seconds",
    "Duration of the last attempt at this reading.",
    "terminal",
    "reading",
)
READING_LAST_SUCCESS = _row(
    "status",
    "gauge",
    "mt5_reading_last_success_timestamp_seconds",
    "When the reading last succeeded, in Unix time; 0 before it ever did.",
    "terminal",
    "reading",
)
STALE_AFTER = _row(
    "status",
    "gauge",
    "mt5_reading_stale_after_seconds",
    "Age at which a reading's series are left out. (configuration)",
    "terminal",
)
POLL_INTERVAL = _row(
    "status",
    "gauge",
    "mt5_poll_interval_seconds",
    "Interval at which the terminal is polled in the background. (configuration)",
    "terminal",
)
POLL_DEADLINE = _row(
    "status",
    "gauge",
    "mt5_poll_deadline_seconds",
    "Deadline of one whole poll. (configuration)",
    "terminal",
)
POLL_LAST_FINISH = _row(
    "status",
    "gauge",
    "mt5_poll_last_finish_timestamp_seconds",
    "When a poll last finished, whatever its result, in Unix time; 0 before the first.",
    "terminal",
)
POLL_SECONDS = _row("status", "gauge", "mt5_poll_duration_seconds", "Duration of the last poll.", "terminal")
TERMINAL_MARKET_OPEN = _row(
    "status",
    "gauge",
    "mt5_terminal_market_open",
    "Whether the market of any of the terminal's symbols is open; of its default market where it has none. "
    "(configured calendar)",
    "terminal",
)
SYMBOL_MARKET_OPEN = _row(
    "status",
    "gauge",
    "mt5_symbol_market_open",
    "Whether the symbol's market is open. (configured calendar)",
    "terminal",
    "symbol",
)

# -- counters: there from start-up, at 0 -----------------------------------------------------------------

ERRORS = _row(
    "counter",
    "counter",
    "mt5_errors_total",
    "Failed requests and lost workers, once each, by the error's type and cause. (last_error)",
    "terminal",
    "type",
    "reason",
)
WORKER_RESTARTS = _row(
    "counter",
    "counter",
    "mt5_worker_restarts_total",
    "Worker processes replaced, by what ended the one before.",
    "terminal",
    "reason",
)
WORKER_STDERR = _row(
    "counter",
    "counter",
    "mt5_worker_stderr_lines_total",
    "Lines that worker processes wrote to stderr, logged or dropped.",
    "terminal",
)
SESSION_ATTEMPTS = _row(
    "counter", "counter", "mt5_session_attempts_total", "Attempts to connect.", "terminal"
)
SESSION_ATTEMPT_FAILURES = _row(
    "counter", "counter", "mt5_session_attempt_failures_total", "Attempts to connect that failed.", "terminal"
)
SESSION_LOSSES = _row(
    "counter", "counter", "mt5_session_losses_total", "Attached sessions that were lost.", "terminal"
)
BREAKER_CALLS = _row(
    "counter",
    "counter",
    "mt5_breaker_calls_total",
    "Requests by what the circuit breaker took them for; not_permitted ones were never sent.",
    "terminal",
    "outcome",
)
BREAKER_SLOW_CALLS = _row(
    "counter",
    "counter",
    "mt5_breaker_slow_calls_total",
    "Requests that took as long as the breaker calls slow.",
    "terminal",
)
BREAKER_TRANSITIONS = _row(
    "counter",
    "counter",
    "mt5_breaker_transitions_total",
    "Changes of the circuit breaker's state.",
    "terminal",
    "from",
    "to",
)
POLLS = _row(
    "counter", "counter", "mt5_polls_total", "Polls that finished, whatever their result.", "terminal"
)
POLLS_SKIPPED = _row(
    "counter",
    "counter",
    "mt5_polls_skipped_total",
    "Polls that were due and did not run: no_lease, or still_running.",
    "terminal",
    "reason",
)
PROBE_RUNS = _row("counter", "counter", "mt5_probe_runs_total", "Runs of the probe.", "terminal", "probe")
PROBE_FAILURES = _row(
    "counter", "counter", "mt5_probe_failures_total", "Runs of the probe that failed.", "terminal", "probe"
)
READING_FAILURES = _row(
    "counter",
    "counter",
    "mt5_reading_failures_total",
    "Attempts at the reading that failed.",
    "terminal",
    "reading",
)
REQUEST_SECONDS = _row(
    "counter",
    "histogram",
    "mt5_request_duration_seconds",
    "Round trips to the worker, the terminal's answer included.",
    "terminal",
)

# -- values: there while they are fresh -------------------------------------------------------------------

TERMINAL_INFO = _row(
    "value",
    "info",
    "mt5_terminal_info",
    "The terminal's program: always 1. (terminal_info().build, name, company)",
    "terminal",
    "driver",
    "build",
    "name",
    "company",
)
TERMINAL_CONNECTED = _row(
    "value",
    "gauge",
    "mt5_terminal_connected",
    "Whether the terminal reaches its trade server. (terminal_info().connected)",
    "terminal",
)
TERMINAL_TRADE_ALLOWED = _row(
    "value",
    "gauge",
    "mt5_terminal_trade_allowed",
    "Whether the Algo Trading button is on. (terminal_info().trade_allowed)",
    "terminal",
)
TERMINAL_PING = _row(
    "value",
    "gauge",
    "mt5_terminal_ping_seconds",
    "Last known ping to the trade server; left out while disconnected. (terminal_info().ping_last)",
    "terminal",
)
TERMINAL_RETRANSMISSION = _row(
    "value",
    "gauge",
    "mt5_terminal_retransmission_ratio",
    "Share of TCP packets sent again to the trade server, 0 to 1. (terminal_info().retransmission)",
    "terminal",
)
ACCOUNT_INFO = _row(
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
ACCOUNT_BALANCE = _row(
    "value",
    "gauge",
    "mt5_account_balance",
    "Balance in the deposit currency. (account_info().balance)",
    "terminal",
)
ACCOUNT_EQUITY = _row(
    "value",
    "gauge",
    "mt5_account_equity",
    "Equity in the deposit currency. (account_info().equity)",
    "terminal",
)
ACCOUNT_CREDIT = _row(
    "value",
    "gauge",
    "mt5_account_credit",
    "Credit in the deposit currency. (account_info().credit)",
    "terminal",
)
ACCOUNT_PROFIT = _row(
    "value",
    "gauge",
    "mt5_account_profit",
    "Floating profit of the open positions in the deposit currency. (account_info().profit)",
    "terminal",
)
ACCOUNT_MARGIN = _row(
    "value",
    "gauge",
    "mt5_account_margin",
    "Margin in use in the deposit currency. (account_info().margin)",
    "terminal",
)
ACCOUNT_MARGIN_FREE = _row(
    "value",
    "gauge",
    "mt5_account_margin_free",
    "Free margin in the deposit currency. (account_info().margin_free)",
    "terminal",
)
ACCOUNT_MARGIN_LEVEL = _row(
    "value",
    "gauge",
    "mt5_account_margin_level_ratio",
    "Equity over margin in use, 1 for 100 %; absent while no margin is used. (account_info().margin_level)",
    "terminal",
)
ACCOUNT_TRADE_ALLOWED = _row(
    "value",
    "gauge",
    "mt5_account_trade_allowed",
    "Whether the account may trade; 0 for an investor password, too. (account_info().trade_allowed)",
    "terminal",
)
ACCOUNT_POSITIONS = _row(
    "value", "gauge", "mt5_account_positions", "Open positions. (positions_total)", "terminal"
)
ACCOUNT_ORDERS = _row("value", "gauge", "mt5_account_orders", "Pending orders. (orders_total)", "terminal")
SYMBOL_BID = _row(
    "value",
    "gauge",
    "mt5_symbol_bid",
    "Bid of the last tick, in the symbol's price. (symbol_info_tick().bid)",
    "terminal",
    "symbol",
)
SYMBOL_ASK = _row(
    "value",
    "gauge",
    "mt5_symbol_ask",
    "Ask of the last tick, in the symbol's price. (symbol_info_tick().ask)",
    "terminal",
    "symbol",
)
SYMBOL_TICK_CHANGED = _row(
    "value",
    "gauge",
    "mt5_symbol_tick_last_change_timestamp_seconds",
    "When a new tick was last seen here, in Unix time of this machine; the first look at a symbol counts. "
    "(symbol_info_tick().time_msc)",
    "terminal",
    "symbol",
)

SYMBOL_TICK_SERVER_TIME = _row(
    "value",
    "gauge",
    "mt5_symbol_tick_server_timestamp_seconds",
    "Time of the last tick on the trade server's clock, which is not UTC: for comparing, never for ages. "
    "(symbol_info_tick().time_msc)",
    "terminal",
    "symbol",
)

# -- exporter: about ourselves ------------------------------------------------------------------------------

EXPORTER_BUILD = _row(
    "exporter",
    "info",
    "mt5_exporter_build_info",
    "The exporter itself: always 1.",
    "version",
    "python",
)
EXPORTER_JOBS = _row(
    "exporter",
    "counter",
    "mt5_exporter_scheduler_events_total",
    "What became of the scheduler's due runs: executed, error, missed, max_instances.",
    "event",
)
EXPORTER_JOB_LAG = _row(
    "exporter",
    "histogram",
    "mt5_exporter_scheduler_lag_seconds",
    "How late after its due time a job began.",
)
EXPORTER_CLOCK_JUMPS = _row(
    "exporter",
    "counter",
    "mt5_exporter_scheduler_clock_jumps_total",
    "Jumps of the wall clock after which every job was scheduled anew.",
)
EXPORTER_HEARTBEAT = _row(
    "exporter",
    "gauge",
    "mt5_exporter_scheduler_last_run_timestamp_seconds",
    "When the scheduler's own heartbeat last ran, in Unix time.",
)
EXPORTER_LOOP_LAG = _row(
    "exporter",
    "gauge",
    "mt5_exporter_event_loop_lag_seconds",
    "How late the event loop woke the last watchdog.",
)
EXPORTER_RENDER_SECONDS = _row(
    "exporter",
    "gauge",
    "mt5_exporter_render_duration_seconds",
    "How long the rendering before this one took.",
)
EXPORTER_RENDERS = _row("exporter", "counter", "mt5_exporter_renders_total", "Renderings of the exposition.")
EXPORTER_RENDER_FAILURES = _row(
    "exporter",
    "counter",
    "mt5_exporter_render_failures_total",
    "Renderings of the exposition that raised; they are tried again.",
)
EXPORTER_SERIES = _row(
    "exporter",
    "gauge",
    "mt5_exporter_exposition_series",
    "Series about terminals in this exposition.",
)
EXPORTER_LISTENER_ERRORS = _row(
    "exporter",
    "counter",
    "mt5_exporter_listener_errors_total",
    "Listeners to the exporter's own events that raised.",
)
EXPORTER_DROPPED = _row(
    "exporter",
    "gauge",
    "mt5_exporter_samples_dropped",
    "Samples left out of this exposition because the terminal gave a value that is no finite number.",
)


def table() -> str:
    """Return the metric table of the README, in Markdown."""
    titles = {
        "status": "Status: always there",
        "counter": "Counters: always there, from 0",
        "value": "Values: there while they are fresh",
        "exporter": "About the exporter itself",
    }
    parts: list[str] = []
    for group, title in titles.items():
        rows = [metric for metric in METRICS.values() if metric.group == group]
        parts += [f"**{title}**", "", "| metric | kind | labels | meaning |", "| --- | --- | --- | --- |"]
        parts += [
            f"| `{row.name}` | {row.kind} | {', '.join(row.labels) or '-'} | {row.help} |" for row in rows
        ]
        parts.append("")
    return "\n".join(parts)


if __name__ == "__main__":
    print(table())  # noqa: T201 - what this command is for
