"""About the exporter itself."""

from mt5_exporter.catalogue.metric import row

EXPORTER_BUILD = row(
    "exporter", "info", "mt5_exporter_build_info", "The exporter itself: always 1.", "version", "python"
)
EXPORTER_CONFIG = row(
    "exporter",
    "info",
    "mt5_exporter_config_info",
    "The configuration that runs, by a hash of it in which no secret takes part: always 1.",
    "hash",
)
EXPORTER_CONFIG_RELOADED = row(
    "exporter",
    "gauge",
    "mt5_exporter_config_last_reload_successful",
    "Whether the last attempt to read the configuration succeeded; after a failure the one before goes on.",
)
EXPORTER_CONFIG_RELOADED_AT = row(
    "exporter",
    "gauge",
    "mt5_exporter_config_last_reload_success_timestamp_seconds",
    "When the configuration was last read with success, in Unix time.",
)
EXPORTER_JOBS = row(
    "exporter",
    "counter",
    "mt5_exporter_scheduler_events_total",
    "What became of the scheduler's due runs: executed, error, missed, max_instances.",
    "event",
)
EXPORTER_JOB_LAG = row(
    "exporter", "histogram", "mt5_exporter_scheduler_lag_seconds", "How late after its due time a job began."
)
EXPORTER_CLOCK_JUMPS = row(
    "exporter",
    "counter",
    "mt5_exporter_scheduler_clock_jumps_total",
    "Jumps of the wall clock after which every job was scheduled anew.",
)
EXPORTER_HEARTBEAT = row(
    "exporter",
    "gauge",
    "mt5_exporter_scheduler_last_run_timestamp_seconds",
    "When the scheduler's own heartbeat last ran, in Unix time.",
)
EXPORTER_LOOP_LAG = row(
    "exporter",
    "gauge",
    "mt5_exporter_event_loop_lag_seconds",
    "How late the event loop woke the last watchdog.",
)
EXPORTER_TASKS = row(
    "exporter",
    "gauge",
    "mt5_exporter_event_loop_tasks",
    "Tasks on the event loop: some for each terminal and each connection. More and more of them are a leak.",
)
EXPORTER_RENDER_SECONDS = row(
    "exporter",
    "gauge",
    "mt5_exporter_render_duration_seconds",
    "How long the rendering before this one took.",
)
EXPORTER_RENDERS = row("exporter", "counter", "mt5_exporter_renders_total", "Renderings of the exposition.")
EXPORTER_RENDER_FAILURES = row(
    "exporter",
    "counter",
    "mt5_exporter_render_failures_total",
    "Renderings of the exposition that raised; they are tried again.",
)
EXPORTER_SERIES = row(
    "exporter", "gauge", "mt5_exporter_exposition_series", "Series about terminals in this exposition."
)
EXPORTER_LISTENER_ERRORS = row(
    "exporter",
    "counter",
    "mt5_exporter_listener_errors_total",
    "Listeners to the exporter's own events that raised.",
)
EXPORTER_DROPPED = row(
    "exporter",
    "gauge",
    "mt5_exporter_samples_dropped",
    "Samples left out of this exposition because the terminal gave a value that is no finite number.",
)
EXPORTER_STORE_UP = row(
    "exporter",
    "gauge",
    "mt5_exporter_state_store_up",
    "Whether the state file keeps what it should; 0 while some of it is in memory alone. 1 without a "
    "configured file, where all of it is.",
)
EXPORTER_STORE_ERRORS = row(
    "exporter",
    "counter",
    "mt5_exporter_state_store_errors_total",
    "Attempts to open or write the state file that failed, by cause.",
    "reason",
)
EXPORTER_STORE_PENDING = row(
    "exporter",
    "gauge",
    "mt5_exporter_state_store_pending",
    "Entries that are to be written to the state file as soon as it can be.",
)
EXPORTER_WEB_RELOADED = row(
    "exporter",
    "gauge",
    "mt5_exporter_web_config_last_reload_successful",
    "Whether the web configuration in force is what its files say; 1 without one.",
)
EXPORTER_WEB_RELOADED_AT = row(
    "exporter",
    "gauge",
    "mt5_exporter_web_config_last_reload_success_timestamp_seconds",
    "When the web configuration in force was read, in Unix time; 0 without one.",
)
EXPORTER_WEB_REFUSED = row(
    "exporter",
    "counter",
    "mt5_exporter_web_refused_total",
    "Connections and requests that were turned away, by cause.",
    "reason",
)
