"""Exporter internals: does the exporter itself work?"""

from dashboards.lib import AT_ALL, Chart, Column, Dashboard, Query, Row, Stat, Strip, Table, links, states
from dashboards.lib.colours import BAD, GOOD, IDLE, OTHER

EACH = "{{instance}}"
BY = ("job", "instance")

NOW = Row(
    title="Does the exporter work?",
    panels=(
        Stat(
            title="Answers",
            description="Whether the last scrape succeeded. DOWN is bad: none of its terminals is watched. "
            "Look whether the process runs, and at its log.",
            queries=(Query(expr='up{:exporter,job="mt5-exporter"}', legend=EACH),),
            states=states.UP,
            nothing="no target",
            runbooks=("MT5ExporterDown", "MT5ExporterAbsent", "MT5ExporterVanished"),
        ),
        Stat(
            title="Scheduler ran",
            description="How long ago the scheduler's heartbeat ran, by Prometheus' clock. It runs every "
            "second; more than a scrape's interval is bad, and so is a time in the future: a clock is "
            "wrong.",
            queries=(
                Query(
                    expr="time() - mt5_exporter_scheduler_last_run_timestamp_seconds{:exporter}", legend=EACH
                ),
            ),
            unit="s",
            decimals=0,
            neutral=True,
            runbooks=("MT5SchedulerStuck", "MT5ExporterClockWrong"),
        ),
        Stat(
            title="Runs missed",
            description="Runs that were due in the time shown and did not happen. A few after a restart are "
            "nothing; steady ones are bad: the machine is too busy.",
            queries=(
                Query(
                    expr="sum by (job, instance) (increase(mt5_exporter_scheduler_events_total{"
                    ':exporter,event=~"missed|max_instances|error"}[$__range]))',
                    legend=EACH,
                ),
            ),
            decimals=0,
            neutral=True,
            runbooks=("MT5SchedulerMissedRuns",),
        ),
        Stat(
            title="State file",
            description="Whether the state file keeps what it should. IN MEMORY ONLY is bad: a restart would "
            "lose deals and anchors. Look at the disk.",
            queries=(Query(expr="mt5_exporter_state_store_up{:exporter}", legend=EACH),),
            states=states.STORED,
            runbooks=("MT5StateStoreDown",),
        ),
        Stat(
            title="Values dropped",
            description="Samples left out because a terminal gave a value that is no finite number. Any is "
            "bad: that terminal answers nonsense.",
            queries=(Query(expr="mt5_exporter_samples_dropped{:exporter}", legend=EACH),),
            steps=AT_ALL,
        ),
        Stat(
            title="Loop lag",
            description="How late the event loop woke. Tenths of a second for long are bad: the machine is "
            "too busy, or something blocks the loop.",
            queries=(Query(expr="mt5_exporter_event_loop_lag_seconds{:exporter}", legend=EACH),),
            unit="s",
            neutral=True,
        ),
        Stat(
            title="Series",
            description="Series about terminals in the last exposition. More than planned are bad: choose "
            "fewer symbols.",
            queries=(Query(expr="mt5_exporter_exposition_series{:exporter}", legend=EACH),),
            neutral=True,
        ),
        Stat(
            title="Version",
            description="The exporter's version, and its Python's. Different ones behave differently.",
            queries=(
                Query(
                    expr="mt5_exporter_build_info{:exporter}",
                    legend="{{instance}}: {{version}} on {{python}}",
                ),
            ),
            states=states.words(("NOT SAID", IDLE), ("RUNS", GOOD)),
        ),
    ),
)

SCHEDULE = Row(
    title="Does it poll in time?",
    panels=(
        Chart(
            title="What became of the due runs?",
            description="Runs a second by what became of them. Anything but `executed` is bad: polls are "
            "missing.",
            unit="ops",
            low=0,
            runbooks=("MT5SchedulerMissedRuns",),
            queries=(
                Query(
                    expr="rate(mt5_exporter_scheduler_events_total{:exporter}[$__rate_interval])",
                    legend="{{instance}} {{event}}",
                ),
            ),
        ),
        Chart(
            title="How late do runs begin?",
            description="Half, and all but one in a hundred, of the runs begin earlier than this after their "
            "time. A second and more is bad.",
            unit="s",
            low=0,
            queries=(
                Query(
                    expr="histogram_quantile(0.5, sum by (job, instance, le) ("
                    "rate(mt5_exporter_scheduler_lag_seconds_bucket{:exporter}[$__rate_interval])))",
                    legend="{{instance}} half",
                ),
                Query(
                    expr="histogram_quantile(0.99, sum by (job, instance, le) ("
                    "rate(mt5_exporter_scheduler_lag_seconds_bucket{:exporter}[$__rate_interval])))",
                    legend="{{instance}} 99 %",
                ),
            ),
        ),
        Chart(
            title="How late does the event loop wake?",
            description="Lateness of the last watchdog. Peaks of a second and more are bad: polls and "
            "scrapes wait for them.",
            unit="s",
            low=0,
            queries=(Query(expr="mt5_exporter_event_loop_lag_seconds{:exporter}", legend=EACH),),
        ),
        Chart(
            title="Do the clocks agree?",
            description="Prometheus' clock less the exporter's, as old as a scrape. Beyond half a minute is "
            "bad: ages of ticks are wrong. A jump of the wall clock schedules every job anew.",
            unit="s",
            runbooks=("MT5ExporterClockWrong",),
            queries=(
                Query(
                    expr="time() - mt5_exporter_scheduler_last_run_timestamp_seconds{:exporter}", legend=EACH
                ),
                Query(
                    expr="increase(mt5_exporter_scheduler_clock_jumps_total{:exporter}[$__rate_interval])",
                    legend="{{instance}} jumps",
                    colour=OTHER,
                ),
            ),
        ),
    ),
)

SERVING = Row(
    title="Does it serve?",
    panels=(
        Strip(
            title="When did it answer?",
            description="Whether each scrape succeeded. DOWN is bad; what comes and goes is a process that "
            "is restarted over and over.",
            states=states.UP,
            runbooks=("MT5ExporterDown",),
            queries=(Query(expr='up{:exporter,job="mt5-exporter"}', legend=EACH),),
        ),
        Chart(
            title="How long does a scrape take?",
            description="Duration of the scrapes, as Prometheus sees it, and of the exposition's rendering. "
            "Near the scrape's timeout is bad.",
            unit="s",
            low=0,
            queries=(
                Query(
                    expr='scrape_duration_seconds{:exporter,job="mt5-exporter"}', legend="{{instance}} scrape"
                ),
                Query(
                    expr="mt5_exporter_render_duration_seconds{:exporter}", legend="{{instance}} rendering"
                ),
            ),
        ),
        Chart(
            title="How many series are there?",
            description="Samples of a scrape, and those about terminals. A line that only grows is bad: "
            "choose fewer symbols.",
            low=0,
            queries=(
                Query(
                    expr='scrape_samples_scraped{:exporter,job="mt5-exporter"}', legend="{{instance}} scraped"
                ),
                Query(
                    expr="mt5_exporter_exposition_series{:exporter}", legend="{{instance}} about terminals"
                ),
            ),
        ),
        Chart(
            title="Does it render?",
            description="Renderings a second, and those that failed. Any failure is bad: what is served "
            "grows old, and the log has the error.",
            unit="ops",
            low=0,
            queries=(
                Query(expr="rate(mt5_exporter_renders_total{:exporter}[$__rate_interval])", legend=EACH),
                Query(
                    expr="rate(mt5_exporter_render_failures_total{:exporter}[$__rate_interval])",
                    legend="{{instance}} failed",
                    colour=BAD,
                ),
            ),
        ),
    ),
)

CONFIGURED = Row(
    title="What does it run by?",
    collapsed=True,
    panels=(
        Strip(
            title="Does it run by the files as they are?",
            description="Whether the configuration and the web configuration that run are what their files "
            "say. REFUSED is bad: the log says which line is wrong, and what ran before goes on.",
            states=states.words(("REFUSED", BAD), ("AS WRITTEN", GOOD)),
            runbooks=("MT5ExporterConfigReloadFailed", "MT5ExporterWebConfigReloadFailed"),
            queries=(
                Query(expr="mt5_exporter_config_last_reload_successful{:exporter}", legend=EACH),
                Query(
                    expr="mt5_exporter_web_config_last_reload_successful{:exporter}",
                    legend="{{instance}} web",
                ),
            ),
        ),
        Chart(
            title="How long has it run by them?",
            description="Since the configurations that run were read. It falls to nothing with a reload; one "
            "that nobody asked for is bad.",
            unit="s",
            low=0,
            queries=(
                Query(
                    expr="time() - mt5_exporter_config_last_reload_success_timestamp_seconds{:exporter}",
                    legend=EACH,
                ),
                Query(
                    expr="time() - mt5_exporter_web_config_last_reload_success_timestamp_seconds{:exporter}",
                    legend="{{instance}} web",
                    colour=OTHER,
                ),
            ),
        ),
        Table(
            title="By which configuration?",
            description="The hash of what runs. Exporters that should run by one file and differ are bad.",
            width=12,
            labels={"instance": "Exporter", "hash": "Configuration"},
            by=("job", "instance", "hash"),
            sort="Exporter",
            columns=(
                Column(
                    title="Runs",
                    expr="mt5_exporter_config_info{:exporter}",
                    states=states.words(("NO", BAD), ("YES", GOOD)),
                ),
            ),
        ),
        Chart(
            title="Who is turned away?",
            description="Requests and connections refused, by cause. A few are scanners; many are an "
            "attack, or a scraper with a wrong secret, which is bad.",
            bars=True,
            low=0,
            queries=(
                Query(
                    expr="increase(mt5_exporter_web_refused_total{:exporter}[$__rate_interval])",
                    legend="{{instance}} {{reason}}",
                ),
            ),
        ),
    ),
)

KEEPING = Row(
    title="Does it keep, and what does it use?",
    panels=(
        Chart(
            title="What waits for the state file?",
            description="Entries that are to be written. A line that grows is bad: the disk is full or gone, "
            "and a restart would lose them.",
            stepped=True,
            low=0,
            runbooks=("MT5StateStoreDown",),
            queries=(Query(expr="mt5_exporter_state_store_pending{:exporter}", legend=EACH),),
        ),
        Chart(
            title="Why can it not be written?",
            description="Attempts to open or write the state file that failed, by cause. Any is bad.",
            bars=True,
            low=0,
            queries=(
                Query(
                    expr="increase(mt5_exporter_state_store_errors_total{:exporter}[$__rate_interval])",
                    legend="{{instance}} {{reason}}",
                    colour=BAD,
                ),
                Query(
                    expr="increase(mt5_exporter_listener_errors_total{:exporter}[$__rate_interval])",
                    legend="{{instance}} own listeners that raised",
                    colour=OTHER,
                ),
            ),
        ),
        Chart(
            title="How much of a core does it use?",
            description="Cores used by the exporter's own process, its workers apart. Near 1 is bad: it has "
            "one loop. No data: only Linux tells.",
            unit="none",
            decimals=2,
            low=0,
            nothing="not told by this system",
            queries=(
                Query(
                    expr='rate(process_cpu_seconds_total{:exporter,job="mt5-exporter"}[$__rate_interval])',
                    legend=EACH,
                ),
            ),
        ),
        Chart(
            title="How much memory does it use?",
            description="Resident memory of the exporter's own process, its workers apart. A line that only "
            "grows is bad. No data: only Linux tells.",
            unit="bytes",
            low=0,
            nothing="not told by this system",
            queries=(Query(expr='process_resident_memory_bytes{:exporter,job="mt5-exporter"}', legend=EACH),),
        ),
        Chart(
            title="How many files does it hold open?",
            description="Open file descriptors, and how many there may be. Near the dashed line is bad. No "
            "data: only Linux tells.",
            low=0,
            nothing="not told by this system",
            queries=(
                Query(expr='process_open_fds{:exporter,job="mt5-exporter"}', legend=EACH),
                Query(
                    expr='process_max_fds{:exporter,job="mt5-exporter"}',
                    legend="may be open {{instance}}",
                    role="limit",
                ),
            ),
        ),
        Chart(
            title="How many tasks are on the event loop?",
            description="Some for each terminal and each connection. A line that only grows is bad: what is "
            "begun is never ended.",
            low=0,
            queries=(Query(expr="mt5_exporter_event_loop_tasks{:exporter}", legend=EACH),),
        ),
        Table(
            title="Which terminals does it watch?",
            description="A line for each terminal of these exporters. A name leads to its dashboard.",
            width=12,
            leads_to=links.TERMINAL,
            labels={"instance": "Exporter", "terminal": "Terminal"},
            by=("job", "instance", "terminal"),
            sort="Exporter",
            columns=(
                Column(title="Answers", expr="mt5_up{:exporter}", states=states.UP),
                Column(title="Worker", expr="mt5_worker_up{:exporter}", states=states.UP),
            ),
        ),
    ),
)

DASHBOARD = Dashboard(
    uid=links.EXPORTER,
    question="Does the exporter itself work?",
    rows=(NOW, SCHEDULE, SERVING, CONFIGURED, KEEPING),
    chosen=BY,
)
