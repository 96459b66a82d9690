"""Terminal: what is this session doing?"""

from dashboards.lib import AT_ALL, Chart, Column, Dashboard, Query, Row, Stat, Strip, Table, links, states
from dashboards.lib.colours import BAD, OTHER, WARN

SESSION, SESSION_WORDS = states.set_of("mt5_session_state", ":terminal", states.SESSION)
BREAKER, BREAKER_WORDS = states.set_of("mt5_breaker_state", ":terminal", states.BREAKER)
PROBES, PROBE_WORDS = states.set_of("mt5_probe_status", ":terminal", states.PROBE)

NOW = Row(
    title="Does it work now?",
    panels=(
        Stat(
            title="Answers",
            description="Whether the terminal answered the last connection probe, and a poll finished in "
            "time. DOWN is bad while its market is open: follow the runbook.",
            queries=(Query(expr="mt5_up{:terminal}", legend="{{terminal}}"),),
            states=states.UP,
            runbooks=("MT5TerminalDown", "MT5TerminalNotReady"),
        ),
        Stat(
            title="Session",
            description="Where the session is. BACKOFF for long is bad: it cannot connect, and tries ever "
            "less often. The reason is in the table of what does not pass.",
            queries=(Query(expr=SESSION, legend="{{terminal}}"),),
            states=SESSION_WORDS,
        ),
        Stat(
            title="Circuit breaker",
            description="OPEN means that the exporter asks the failing terminal only now and then. It "
            "follows from the failure: mend that, and it closes by itself.",
            queries=(Query(expr=BREAKER, legend="{{terminal}}"),),
            states=BREAKER_WORDS,
            runbooks=("MT5CircuitBreakerOpen", "MT5CircuitBreakerFlapping"),
        ),
        Stat(
            title="Program",
            description="Whether the terminal's program is there, as the last attempt to connect saw it. "
            "DOWN is bad: start it. No data: the system cannot tell.",
            queries=(Query(expr="mt5_terminal_running{:terminal}", legend="{{terminal}}"),),
            states=states.UP,
            nothing="cannot be told",
        ),
        Stat(
            title="Right account",
            description="Whether the account that is logged in is the configured one. NO is bad: the "
            "configured one is watched by nobody. No data: none is configured, or it cannot be told.",
            queries=(Query(expr="mt5_account_match{:terminal}", legend="{{terminal}}"),),
            states=states.YES,
            nothing="cannot be told",
            runbooks=("MT5WrongAccount", "MT5TerminalNotAuthorised"),
        ),
        Stat(
            title="Broker",
            description="Whether the terminal reaches its trade server. DISCONNECTED is bad: it cannot "
            "trade, and its prices stand still. Look at the network and at the broker.",
            queries=(Query(expr="mt5_terminal_connected{:terminal}", legend="{{terminal}}"),),
            states=states.CONNECTED,
            runbooks=("MT5BrokerDisconnected", "MT5BrokerConnectionFlapping"),
        ),
        Stat(
            title="Data",
            description="Whether all of the terminal's readings are fresh. STALE is bad: some values are "
            "left out. The chart of the readings' ages says which.",
            queries=(
                Query(expr="max without (reading) (mt5_reading_stale{:terminal})", legend="{{terminal}}"),
            ),
            states=states.STALE,
            runbooks=("MT5ExporterDataStale", "MT5BlindWhileAtRisk"),
        ),
        Stat(
            title="In this state since",
            description="How long the session has been in its state. A short time that stays short is bad: "
            "it comes and goes. Look at the strip of states.",
            queries=(
                Query(
                    expr="time() - mt5_session_state_last_change_timestamp_seconds{:terminal}",
                    legend="{{terminal}}",
                ),
            ),
            unit="dtdurations",
            neutral=True,
        ),
    ),
)

WHY = Row(
    title="Why not?",
    panels=(
        Strip(
            title="How far does a round get?",
            description="The last result of each probe; what comes after a failed one is skipped. The first "
            "that fails is the cause.",
            states=PROBE_WORDS,
            queries=(Query(expr=PROBES, legend="{{terminal}} {{probe}}"),),
        ),
        Table(
            title="What does not pass, and why?",
            description="Probes that do not pass now, with the reason. Empty is good. The word is the one of "
            "the errors in docs/readings.md and in the runbooks.",
            nothing="all pass",
            width=12,
            labels={"terminal": "Terminal", "probe": "Probe", "reason": "Reason"},
            sort="Terminal",
            columns=(Column(title="So", expr="mt5_probe_failure_info{:terminal}", shown=False),),
            runbooks=("MT5TerminalNotAuthorised",),
        ),
        Chart(
            title="Which errors are there?",
            description="Failed requests and lost workers, by what they were. Any is bad; what the reasons "
            "mean is in the runbook of MT5TerminalDown. No data: there was none.",
            nothing="no errors",
            bars=True,
            low=0,
            runbooks=("MT5TerminalDown",),
            queries=(
                Query(
                    expr="increase(mt5_errors_total{:terminal}[$__rate_interval]) > 0",
                    legend="{{terminal}} {{type}}: {{reason}}",
                    colour=BAD,
                ),
            ),
        ),
        Chart(
            title="How often does it connect?",
            description="Attempts to connect, those that failed, and sessions that were lost. Attempts that "
            "go on failing are bad; so is a session that is lost over and over.",
            bars=True,
            low=0,
            queries=(
                Query(
                    expr="increase(mt5_session_attempts_total{:terminal}[$__rate_interval])",
                    legend="{{terminal}} attempts",
                ),
                Query(
                    expr="increase(mt5_session_attempt_failures_total{:terminal}[$__rate_interval])",
                    legend="{{terminal}} failed attempts",
                    colour=BAD,
                ),
                Query(
                    expr="increase(mt5_session_losses_total{:terminal}[$__rate_interval])",
                    legend="{{terminal}} lost sessions",
                    colour=OTHER,
                ),
            ),
        ),
    ),
)

STATES = Row(
    title="What did it do?",
    panels=(
        Strip(
            title="Where was the session?",
            description="The session's states. READY is good; what repeats every few minutes is bad. A gap "
            "means that the exporter was not scraped.",
            states=SESSION_WORDS,
            queries=(Query(expr=SESSION, legend="{{terminal}}"),),
        ),
        Strip(
            title="Where was the breaker?",
            description="The circuit breaker's states. OPEN follows a row of failures, HALF OPEN is a trial.",
            states=BREAKER_WORDS,
            runbooks=("MT5CircuitBreakerFlapping",),
            queries=(Query(expr=BREAKER, legend="{{terminal}}"),),
        ),
        Strip(
            title="May it trade?",
            description="The switches by which trading is turned off: the Algo Trading button, the account's "
            "own, and the broker's for expert advisors. OFF is bad where it was on.",
            states=states.ON,
            runbooks=("MT5TradingDisabled",),
            queries=(
                Query(
                    expr="terminal_switch:mt5_trade_allowed:union{:terminal}",
                    legend="{{terminal}} {{switch}}",
                ),
            ),
        ),
        Strip(
            title="Did it reach its broker?",
            description="The link to the trade server. DISCONNECTED is bad while the market is open; one "
            "that comes and goes is a bad line.",
            states=states.CONNECTED,
            runbooks=("MT5BrokerConnectionFlapping",),
            queries=(Query(expr="mt5_terminal_connected{:terminal}", legend="{{terminal}}"),),
        ),
    ),
)

CALLS = Row(
    title="Is it slow?",
    panels=(
        Chart(
            title="How long does a question take?",
            description="Duration of the connection probe, and its limit. Above the limit for ten minutes is "
            "bad: the machine of the terminal is busy, or the terminal is.",
            unit="s",
            low=0,
            runbooks=("MT5TerminalSlow",),
            queries=(
                Query(expr='mt5_probe_duration_seconds{:terminal,probe="connection"}', legend="{{terminal}}"),
                Query(
                    expr="mt5_limit_probe_duration_seconds{:terminal}",
                    legend="limit {{terminal}}",
                    role="limit",
                ),
            ),
        ),
        Chart(
            title="How long do requests take?",
            description="Half, and all but one in a hundred, of the round trips to the worker are faster. A "
            "rise comes before time-outs: look at the load of the terminal's machine.",
            unit="s",
            low=0,
            queries=(
                Query(
                    expr="histogram_quantile(0.5, sum by (job, instance, terminal, le) ("
                    "rate(mt5_request_duration_seconds_bucket{:terminal}[$__rate_interval])))",
                    legend="{{terminal}} half",
                ),
                Query(
                    expr="histogram_quantile(0.99, sum by (job, instance, terminal, le) ("
                    "rate(mt5_request_duration_seconds_bucket{:terminal}[$__rate_interval])))",
                    legend="{{terminal}} 99 %",
                ),
            ),
        ),
        Chart(
            title="How many requests fail or are slow?",
            description="Shares among the last calls, as the circuit breaker counts them. A share that grows "
            "opens the breaker. No data: there were too few calls.",
            unit="percentunit",
            low=0,
            high=1,
            queries=(
                Query(expr="mt5_breaker_failure_ratio{:terminal}", legend="{{terminal}} failed", colour=BAD),
                Query(expr="mt5_breaker_slow_call_ratio{:terminal}", legend="{{terminal}} slow", colour=WARN),
            ),
        ),
        Chart(
            title="What became of the requests?",
            description="Requests a second by what the breaker took them for; not_permitted ones were never "
            "sent. Only `success` is good.",
            unit="reqps",
            low=0,
            queries=(
                Query(
                    expr="rate(mt5_breaker_calls_total{:terminal}[$__rate_interval])",
                    legend="{{terminal}} {{outcome}}",
                ),
                Query(
                    expr="rate(mt5_breaker_slow_calls_total{:terminal}[$__rate_interval])",
                    legend="{{terminal}} slow",
                    colour=WARN,
                ),
            ),
        ),
    ),
)

POLLS = Row(
    title="Are its data fresh?",
    panels=(
        Chart(
            title="How old is each reading?",
            description="Age of each reading's last success, and the age at which its values are left out. "
            "Above that line is bad: the values are gone.",
            unit="s",
            height=10,
            low=0,
            runbooks=("MT5ExporterDataStale",),
            queries=(
                Query(
                    expr="time() - (mt5_reading_last_success_timestamp_seconds{:terminal} > 0)",
                    legend="{{terminal}} {{reading}}",
                ),
                Query(
                    expr="mt5_reading_stale_after_seconds{:terminal}",
                    legend="left out from {{terminal}}",
                    role="limit",
                ),
            ),
        ),
        Strip(
            title="Which readings succeed?",
            description="The last attempt at each reading. NOT PASSED for long is bad, and the log of the "
            "exporter has the error.",
            states=states.PASSED,
            height=10,
            runbooks=("MT5ReadingFailing",),
            queries=(Query(expr="mt5_reading_success{:terminal}", legend="{{terminal}} {{reading}}"),),
        ),
        Chart(
            title="How long does a poll take?",
            description="Duration of the last poll, the interval, and the deadline. Longer than the interval "
            "is bad: polls are left out.",
            unit="s",
            low=0,
            queries=(
                Query(expr="mt5_poll_duration_seconds{:terminal}", legend="{{terminal}}"),
                Query(
                    expr="mt5_poll_interval_seconds{:terminal}",
                    legend="interval {{terminal}}",
                    role="warning",
                ),
                Query(
                    expr="mt5_poll_deadline_seconds{:terminal}", legend="deadline {{terminal}}", role="limit"
                ),
            ),
        ),
        Chart(
            title="Are polls left out?",
            description="Polls a second that finished, and those that were due and did not run: no_lease, or "
            "still_running. Many that are left out are bad: the terminal is too slow for its interval.",
            unit="ops",
            low=0,
            queries=(
                Query(expr="rate(mt5_polls_total{:terminal}[$__rate_interval])", legend="{{terminal}} polls"),
                Query(
                    expr="rate(mt5_polls_skipped_total{:terminal}[$__rate_interval])",
                    legend="{{terminal}} left out: {{reason}}",
                    colour=WARN,
                ),
            ),
        ),
        Chart(
            title="When was the last poll?",
            description="Age of the last poll that finished, whatever its result. More than the interval and "
            "the deadline together is bad, and the terminal counts as down.",
            unit="s",
            low=0,
            queries=(
                Query(
                    expr="time() - (mt5_poll_last_finish_timestamp_seconds{:terminal} > 0)",
                    legend="{{terminal}}",
                ),
                Query(
                    expr="mt5_poll_interval_seconds{:terminal} + mt5_poll_deadline_seconds{:terminal}",
                    legend="down from {{terminal}}",
                    role="limit",
                ),
            ),
        ),
    ),
)

WORKER = Row(
    title="Worker, probes and the rest",
    collapsed=True,
    panels=(
        Strip(
            title="Does the worker run?",
            description="The worker process that asks the terminal. DOWN for long is bad: look at the log.",
            states=states.UP,
            queries=(Query(expr="mt5_worker_up{:terminal}", legend="{{terminal}}"),),
        ),
        Chart(
            title="Why was the worker replaced?",
            description="Worker processes replaced, by what ended the one before. Once is what deadlines are "
            "for; over and over is bad.",
            bars=True,
            low=0,
            runbooks=("MT5WorkerRestarting",),
            queries=(
                Query(
                    expr="increase(mt5_worker_restarts_total{:terminal}[$__rate_interval])",
                    legend="{{terminal}} {{reason}}",
                ),
            ),
        ),
        Chart(
            title="How much memory does the worker use?",
            description="Resident memory at the worker's last reply. A line that only grows is bad, and the "
            "MetaTrader5 package is to blame: a restart of the worker helps.",
            unit="bytes",
            low=0,
            queries=(Query(expr="mt5_worker_resident_memory_bytes{:terminal}", legend="{{terminal}}"),),
        ),
        Chart(
            title="How long did the worker take to start?",
            description="Duration of the last start. Seconds are usual under Wine; minutes are bad.",
            unit="s",
            low=0,
            queries=(Query(expr="mt5_worker_start_duration_seconds{:terminal}", legend="{{terminal}}"),),
        ),
        Chart(
            title="Does the worker complain?",
            description="Lines that worker processes wrote to stderr, a minute. They are in the exporter's "
            "log.",
            low=0,
            queries=(
                Query(
                    expr="60 * rate(mt5_worker_stderr_lines_total{:terminal}[$__rate_interval])",
                    legend="{{terminal}}",
                ),
            ),
        ),
        Chart(
            title="When did the breaker change?",
            description="Changes of the circuit breaker's state. From closed to open is a failure that "
            "begins.",
            bars=True,
            low=0,
            queries=(
                Query(
                    expr="increase(mt5_breaker_transitions_total{:terminal}[$__rate_interval]) > 0",
                    legend="{{terminal}} {{from}} to {{to}}",
                ),
            ),
            nothing="no changes",
        ),
        Chart(
            title="How many probes fail?",
            description="Share of each probe's runs that failed. Any for long is bad.",
            unit="percentunit",
            low=0,
            high=1,
            queries=(
                Query(
                    expr="rate(mt5_probe_failures_total{:terminal}[$__rate_interval])"
                    " / rate(mt5_probe_runs_total{:terminal}[$__rate_interval])",
                    legend="{{terminal}} {{probe}}",
                ),
            ),
        ),
        Chart(
            title="When did each probe last pass?",
            description="Age of each probe's last success. Longer than a few polls is bad.",
            unit="s",
            low=0,
            queries=(
                Query(
                    expr="time() - (mt5_probe_last_success_timestamp_seconds{:terminal} > 0)",
                    legend="{{terminal}} {{probe}}",
                ),
            ),
        ),
        Chart(
            title="How many readings fail?",
            description="Attempts at each reading that failed. Over and over is bad; the log has the error.",
            bars=True,
            low=0,
            queries=(
                Query(
                    expr="increase(mt5_reading_failures_total{:terminal}[$__rate_interval])",
                    legend="{{terminal}} {{reading}}",
                    colour=BAD,
                ),
            ),
        ),
        Chart(
            title="How long does each reading take?",
            description="Duration of the last attempt at each reading. One that takes most of the poll is "
            "the one to ask less often.",
            unit="s",
            low=0,
            queries=(
                Query(expr="mt5_reading_duration_seconds{:terminal}", legend="{{terminal}} {{reading}}"),
            ),
        ),
        Chart(
            title="How many attempts failed in a row?",
            description="Failures since the last good account_info. The more, the longer until the next "
            "attempt.",
            stepped=True,
            low=0,
            queries=(Query(expr="mt5_session_failed_attempts{:terminal}", legend="{{terminal}}"),),
        ),
        Stat(
            title="Next trial call in",
            description="When an open breaker lets the next call through. No data is good: it is not open.",
            queries=(
                Query(
                    expr="mt5_breaker_open_until_timestamp_seconds{:terminal} - time()", legend="{{terminal}}"
                ),
            ),
            unit="s",
            neutral=True,
            nothing="not open",
            width=4,
        ),
        Stat(
            title="Python API",
            description="Whether the terminal forbids trading through the Python API. It is no harm to "
            "watching.",
            queries=(Query(expr="mt5_terminal_tradeapi_disabled{:terminal}", legend="{{terminal}}"),),
            states=states.FORBIDDEN,
            nothing="not told",
            width=4,
        ),
        Stat(
            title="Symbols left out",
            description="Symbols that are not watched, since they are more than max_symbols. Any is bad: "
            "raise it, or name fewer symbols.",
            queries=(
                Query(
                    expr="mt5_symbols_left_out{:terminal} + mt5_positions_symbols_left_out{:terminal}"
                    " + mt5_orders_symbols_left_out{:terminal}",
                    legend="{{terminal}}",
                ),
            ),
            steps=AT_ALL,
            width=4,
            runbooks=("MT5CardinalityLimit",),
        ),
        Stat(
            title="Limits exported",
            description="Limits that rules compare this terminal with. A terminal with fewer than others is "
            "bad: an alert of it cannot fire.",
            queries=(
                Query(
                    expr="count by (job, instance, terminal) ("
                    '{:terminal,__name__=~"mt5_limit_.+",symbol=""})',
                    legend="{{terminal}}",
                ),
            ),
            neutral=True,
            width=4,
            runbooks=("MT5LimitMissing",),
        ),
    ),
)

DASHBOARD = Dashboard(
    uid=links.TERMINAL,
    question="What is this session doing, and if nothing, why?",
    rows=(NOW, WHY, STATES, CALLS, POLLS, WORKER),
)
