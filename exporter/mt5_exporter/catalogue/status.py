"""Always there, from start-up, for every configured terminal."""

from mt5_exporter.catalogue.metric import row, status

PROBE_STATUSES = ("passed", "failed", "skipped", "unknown")
SESSION_STATES = ("stopped", "starting", "connecting", "ready", "degraded", "backoff", "draining")
BREAKER_STATES = ("closed", "open", "half_open")

UP = status(
    "mt5_up",
    "Whether the terminal answered the last connection probe, and a poll has finished in time. "
    "(terminal_info)",
    "terminal",
)
TERMINAL_RUNNING = status(
    "mt5_terminal_running",
    "Whether the terminal's program is there, as the last attempt to connect saw it; absent where the system "
    "cannot tell. (the terminal's pipe and process)",
    "terminal",
)
SESSION_STATE = row(
    "status",
    "stateset",
    "mt5_session_state",
    "Where the session to the terminal is.",
    "terminal",
    "state",
    states=SESSION_STATES,
)
SESSION_STATE_SINCE = status(
    "mt5_session_state_last_change_timestamp_seconds",
    "When the session last changed its state, in Unix time.",
    "terminal",
)
SESSION_FAILED_ATTEMPTS = status(
    "mt5_session_failed_attempts", "Failures in a row since the last good account_info.", "terminal"
)
BREAKER_STATE = row(
    "status",
    "stateset",
    "mt5_breaker_state",
    "State of the terminal's circuit breaker.",
    "terminal",
    "state",
    states=BREAKER_STATES,
)
BREAKER_FAILURE_RATIO = status(
    "mt5_breaker_failure_ratio",
    "Share of failures among the last calls, 0 to 1; absent below the minimum of calls.",
    "terminal",
)
BREAKER_SLOW_CALL_RATIO = status(
    "mt5_breaker_slow_call_ratio",
    "Share of slow calls among the last calls, 0 to 1; absent below the minimum of calls.",
    "terminal",
)
BREAKER_OPEN_UNTIL = status(
    "mt5_breaker_open_until_timestamp_seconds",
    "When the next trial call is made, in Unix time; only while the breaker is open.",
    "terminal",
)
WORKER_UP = status("mt5_worker_up", "Whether the terminal's worker process runs.", "terminal")
WORKER_MEMORY = status(
    "mt5_worker_resident_memory_bytes", "Resident memory of the worker process at its last reply.", "terminal"
)
WORKER_START_SECONDS = status(
    "mt5_worker_start_duration_seconds",
    "How long the worker process took to start, the last time.",
    "terminal",
)
PROBE_SUCCESS = status(
    "mt5_probe_success", "Raw result of the probe's last run: 1 passed, 0 anything else.", "terminal", "probe"
)
PROBE_STATUS = row(
    "status",
    "stateset",
    "mt5_probe_status",
    "Result of the probe's last run; skipped when a layer below failed, unknown when it cannot be told.",
    "terminal",
    "probe",
    "status",
    states=PROBE_STATUSES,
)
PROBE_FAILURE = status(
    "mt5_probe_failure_info",
    "Why the probe did not pass, while it does not: always 1.",
    "terminal",
    "probe",
    "reason",
)
PROBE_SECONDS = status("mt5_probe_duration_seconds", "Duration of the probe's last run.", "terminal", "probe")
PROBE_LAST_RUN = status(
    "mt5_probe_last_run_timestamp_seconds",
    "When the probe last ran, in Unix time; 0 before the first run.",
    "terminal",
    "probe",
)
PROBE_LAST_SUCCESS = status(
    "mt5_probe_last_success_timestamp_seconds",
    "When the probe last passed, in Unix time; 0 before it ever did.",
    "terminal",
    "probe",
)
ACCOUNT_MATCH = status(
    "mt5_account_match",
    "Whether the account that is logged in is the configured one; absent while it cannot be told, and where "
    "none is configured. (account_info().login, server)",
    "terminal",
)
READING_SUCCESS = status(
    "mt5_reading_success", "Whether the last attempt at this reading succeeded.", "terminal", "reading"
)
READING_STALE = status(
    "mt5_reading_stale",
    "Whether the reading is older than mt5_reading_stale_after_seconds, so that its series are left out.",
    "terminal",
    "reading",
)
READING_SECONDS = status(
    "mt5_reading_duration_seconds", "Duration of the last attempt at this reading.", "terminal", "reading"
)
READING_LAST_SUCCESS = status(
    "mt5_reading_last_success_timestamp_seconds",
    "When the reading last succeeded, in Unix time; 0 before it ever did.",
    "terminal",
    "reading",
)
STALE_AFTER = status(
    "mt5_reading_stale_after_seconds",
    "Age at which a reading's series are left out. (configuration)",
    "terminal",
)
POLL_INTERVAL = status(
    "mt5_poll_interval_seconds",
    "Interval at which the terminal is polled in the background. (configuration)",
    "terminal",
)
POLL_DEADLINE = status("mt5_poll_deadline_seconds", "Deadline of one whole poll. (configuration)", "terminal")
POLL_LAST_FINISH = status(
    "mt5_poll_last_finish_timestamp_seconds",
    "When a poll last finished, whatever its result, in Unix time; 0 before the first.",
    "terminal",
)
POLL_SECONDS = status("mt5_poll_duration_seconds", "Duration of the last poll.", "terminal")
TERMINAL_MARKET_OPEN = status(
    "mt5_terminal_market_open",
    "Whether the market of any of the terminal's symbols is open; of its default market where it has none. "
    "(configured calendar)",
    "terminal",
)
SYMBOL_MARKET_OPEN = status(
    "mt5_symbol_market_open",
    "Whether the symbol's market is open. (configured calendar)",
    "terminal",
    "symbol",
)
