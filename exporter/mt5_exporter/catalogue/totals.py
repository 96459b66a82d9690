"""What only grows while the exporter runs; there from start-up, at 0."""

from mt5_exporter.catalogue.metric import counter, row

ERRORS = counter(
    "mt5_errors_total",
    "Failed requests and lost workers, once each, by the error's type and cause. (last_error)",
    "terminal",
    "type",
    "reason",
)
WORKER_RESTARTS = counter(
    "mt5_worker_restarts_total",
    "Worker processes replaced, by what ended the one before.",
    "terminal",
    "reason",
)
WORKER_STDERR = counter(
    "mt5_worker_stderr_lines_total",
    "Lines that worker processes wrote to stderr, logged or dropped.",
    "terminal",
)
SESSION_ATTEMPTS = counter("mt5_session_attempts_total", "Attempts to connect.", "terminal")
SESSION_ATTEMPT_FAILURES = counter(
    "mt5_session_attempt_failures_total", "Attempts to connect that failed.", "terminal"
)
SESSION_LOSSES = counter("mt5_session_losses_total", "Attached sessions that were lost.", "terminal")
BREAKER_CALLS = counter(
    "mt5_breaker_calls_total",
    "Requests by what the circuit breaker took them for; not_permitted ones were never sent.",
    "terminal",
    "outcome",
)
BREAKER_SLOW_CALLS = counter(
    "mt5_breaker_slow_calls_total", "Requests that took as long as the breaker calls slow.", "terminal"
)
BREAKER_TRANSITIONS = counter(
    "mt5_breaker_transitions_total", "Changes of the circuit breaker's state.", "terminal", "from", "to"
)
POLLS = counter("mt5_polls_total", "Polls that finished, whatever their result.", "terminal")
POLLS_SKIPPED = counter(
    "mt5_polls_skipped_total",
    "Polls that were due and did not run: no_lease, or still_running.",
    "terminal",
    "reason",
)
PROBE_RUNS = counter("mt5_probe_runs_total", "Runs of the probe.", "terminal", "probe")
PROBE_FAILURES = counter("mt5_probe_failures_total", "Runs of the probe that failed.", "terminal", "probe")
READING_FAILURES = counter(
    "mt5_reading_failures_total", "Attempts at the reading that failed.", "terminal", "reading"
)
REQUEST_SECONDS = row(
    "counter",
    "histogram",
    "mt5_request_duration_seconds",
    "Round trips to the worker, the terminal's answer included.",
    "terminal",
)
