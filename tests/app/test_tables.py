"""What a person reads of one poll: every value with its unit, its limit, and why it is missing."""

import unicodedata
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt5_exporter import catalogue
from mt5_exporter.catalogue import METRICS, Metric, Sample
from mt5_exporter.config import Config, TerminalConfig
from mt5_exporter.limits import Limits
from mt5_exporter.market import FX
from mt5_exporter.readings import READINGS
from mt5_exporter.snapshot import PollResult, ReadingResult
from mt5_exporter.tables import WIDTH, Column, age, blocks, plain, tables, width, words

SATURDAY = 1_765_022_400.0
"""2025-12-06 12:00 UTC."""

DESK = TerminalConfig(
    name="desk",
    symbols=("EURUSD", "BTCUSD"),
    symbol_markets={"BTCUSD": "crypto"},
    limits=Limits(configured={"symbol_spread_points": {"EURUSD": 20.0, "*": 60.0}}),
)
CONFIG = Config(terminals=(DESK,))


def shown(*readings: ReadingResult, terminal: TerminalConfig = DESK) -> list[str]:
    poll = PollResult(terminal="desk", at=SATURDAY, instant=0, seconds=0, probes=(), readings=tuple(readings))
    return tables(CONFIG, terminal, poll)


def reading(name: str, *samples: Sample, message: str = "") -> ReadingResult:
    return ReadingResult(
        reading=name, success=not message, at=SATURDAY, instant=0, samples=samples, message=message
    )


def sample(metric: Metric, *labels: object) -> Sample:
    *values, number = labels
    assert isinstance(number, (int, float))
    return Sample(metric, ("desk", *map(str, values)), number)


CURRENCY = sample(catalogue.ACCOUNT_INFO, "Broker-Live", "EUR", "real", "netting", 1)


def test_an_account_is_its_money_its_limits_and_why_something_is_missing() -> None:
    lines = shown(
        reading(
            "account",
            CURRENCY,
            sample(catalogue.ACCOUNT_BALANCE, 10_023.4),
            sample(catalogue.ACCOUNT_PROFIT, -54.155),
            sample(catalogue.ACCOUNT_MARGIN_LEVEL, 19.904),
            sample(catalogue.ACCOUNT_TRADE_ALLOWED, 0),
            sample(catalogue.ACCOUNT_LEVERAGE, 100),
        )
    )

    assert lines[:3] == [
        "",
        "desk: account",
        "  server Broker-Live, currency EUR, trade mode real, margin mode netting",
    ]
    assert {
        "  balance               10023.40  EUR",
        "  equity                       -       not told",
        "  profit                  -54.16  EUR",
        "  margin level            1990.4  %    limit 120.0 %, warning 200.0 %",
        "  trade allowed               no",
        "  leverage                   100",
        "  margin call distance         -       absent while none is",
    } <= set(lines)


def test_a_terminal_is_told_in_the_units_of_a_person() -> None:
    lines = shown(
        reading(
            "terminal",
            sample(catalogue.TERMINAL_CONNECTED, 1),
            sample(catalogue.TERMINAL_PING, 0.0234),
            sample(catalogue.SERVER_CLOCK_OFFSET, 7200.0),
        )
    )

    lines = [line for line in lines if "skew" not in line]
    assert [line.split() for line in lines[2:]] == [
        ["connected", "yes"],
        ["trade", "allowed", "-", "not", "told"],
        ["tradeapi", "disabled", "-", "absent", "where", "the", "build", "does", "not", "tell"],
        ["ping", "23ms", "limit", "500ms"],
        ["retransmission", "-", "not", "told"],
        ["server", "clock", "offset", "2h"],
    ]


def test_symbols_are_rows_with_their_market_and_a_limit_of_their_own() -> None:
    def symbol(name: str, spread: float, changed: float, ticked: float, state: str) -> list[Sample]:
        return [
            sample(catalogue.SYMBOL_BID, name, 1.12345),
            sample(catalogue.SYMBOL_SPREAD, name, spread),
            sample(catalogue.SYMBOL_TICK_CHANGED, name, changed),
            sample(catalogue.SYMBOL_TICK_SERVER_TIME, name, ticked),
            *(
                Sample(catalogue.SYMBOL_STATE, ("desk", name, known), float(known == state))
                for known in catalogue.SYMBOL_STATES
            ),
        ]

    lines = shown(
        reading(
            "symbols",
            *symbol("EURUSD", 12.0, SATURDAY, 1000.0, "no_tick"),
            *symbol("BTCUSD", 1353.5, SATURDAY - 7, 1042.0, "ticking"),
        )
    )

    rows = {line.split()[0]: line.split() for line in lines if line.startswith("  ")}
    heads = rows["SYMBOL"]
    assert [heads.count(head) for head in ("BID", "SPREAD", "LIMIT", "STATE", "MARKET")] == [1, 1, 2, 1, 1]
    # Behind the newest tick by 42 s; watched without a change for 7 s.
    assert {"1.12345", "12.0", "20.0", "42s", "2m", "no_tick", "closed"} <= set(rows["EURUSD"])
    assert {"1353.5", "60.0", "7s", "ticking", "open"} <= set(rows["BTCUSD"])


def test_positions_are_grouped_and_an_empty_cell_is_explained() -> None:
    def group(symbol: str, *, exposure: float | None) -> list[Sample]:
        labels = (symbol, "buy", "scalper")
        found = [
            sample(catalogue.POSITIONS, *labels, 3),
            sample(catalogue.POSITIONS_VOLUME, *labels, 0.30000000000000004),
            sample(catalogue.POSITIONS_PROFIT, *labels, -1234.5),
            sample(catalogue.POSITIONS_WITHOUT_SL, *labels, 1),
        ]
        return (
            found if exposure is None else [*found, sample(catalogue.POSITIONS_EXPOSURE, *labels, exposure)]
        )

    lines = shown(
        reading("account", CURRENCY),
        reading(
            "positions",
            sample(catalogue.ACCOUNT_POSITIONS, 6),
            sample(catalogue.POSITIONS_OLDEST, SATURDAY - 90_000),
            *group("EURUSD", exposure=33_000.0),
            *group("ODD", exposure=None),
        ),
    )

    assert "  oldest open       1d1h ago    2025-12-05 11:00:00 UTC" in lines
    [euro] = [line.split() for line in lines if line.startswith("  EURUSD")]
    [odd] = [line.split() for line in lines if line.startswith("  ODD")]
    assert euro[:7] == ["EURUSD", "buy", "scalper", "3", "0.30", "-1234.50", "-"]
    assert "33000.00" in euro
    assert "33000.00" not in odd
    assert "  exposure: absent where the terminal has no tick value" in lines


def test_a_reading_that_failed_says_why_and_one_without_anything_says_none() -> None:
    lines = shown(
        reading("orders", message="terminal 'desk': orders_get: " + "no\n" * 60), reading("experts")
    )

    assert lines[1] == "desk: pending orders"
    assert lines[2].startswith("  not read: terminal 'desk': orders_get: no no no")
    assert len(lines[2]) <= WIDTH
    assert lines[-2:] == ["desk: expert advisors", "  none"]


def test_an_experts_heartbeat_is_its_age_beside_its_limit() -> None:
    lines = shown(
        reading(
            "experts",
            sample(catalogue.EXPERT_HEARTBEAT, "trend", SATURDAY - 12),
            sample(catalogue.EXPERT_HEARTBEAT, "grid", 0),
        )
    )

    assert [line.split() for line in lines[-2:]] == [["trend", "12s", "ago", "5m"], ["grid", "never", "5m"]]


def test_a_table_that_is_too_wide_goes_on_below_with_its_rows_named_again() -> None:
    deals = [metric for metric in METRICS.values() if metric.labels == catalogue.DEALS.labels]
    labels = {"symbol": "EURUSD", "side": "buy", "entry": "out", "reason": "expert", "strategy": "scalper"}
    values = [labels[name] for name in catalogue.DEALS.labels[1:]]
    lines = shown(reading("deals", *(sample(metric, *values, 1_234_567.891) for metric in deals)))

    rows = [line.split() for line in lines if line.startswith("  EURUSD")]
    assert len(rows) > 1
    assert all(row[: len(values)] == values for row in rows)
    assert sum(len(row) - len(values) for row in rows) == len(deals)
    assert max(map(len, lines)) <= WIDTH


def test_a_risk_rule_says_where_its_anchor_comes_from() -> None:
    lines = shown(
        reading(
            "risk",
            sample(catalogue.RISK_ANCHOR, "daily_loss", "observed", 1),
            sample(catalogue.DAILY_LOSS, 120.0),
            sample(catalogue.DAILY_LOSS_USED, 0.24),
        )
    )

    assert lines[2] == "  rule daily_loss, source observed"
    [used] = [line.split() for line in lines if "daily loss used" in line]
    assert used == ["daily", "loss", "used", "24.0", "%", "limit", "90.0", "%,", "warning", "70.0", "%"]


# Every metric


READ = [
    metric
    for metric in METRICS.values()
    if metric.group != "status"
    and (metric.group == "value" or metric.name.startswith(("mt5_deals", "mt5_account_", "mt5_history")))
]
MONEY_WORDS = {
    *("balance", "equity", "credit", "profit", "margin", "loss", "drawdown", "anchor", "exposure", "swap"),
    *("commission", "fee", "paid", "received", "level", "distance"),
}


@pytest.mark.parametrize("metric", READ, ids=lambda metric: metric.name)
def test_money_is_what_is_called_so_and_nothing_else(metric: Metric) -> None:
    labels = ["x" for _ in metric.labels[1:]]
    lines = shown(reading("account", CURRENCY), reading("any", sample(metric, *labels, 1)))
    section = lines[lines.index("desk: any") :]

    is_money = any("EUR" in line for line in section)

    if metric.kind in {"info", "stateset"} or metric in {catalogue.SYMBOL_BID, catalogue.SYMBOL_ASK}:
        assert not is_money
    elif is_money:
        assert MONEY_WORDS & set(words(metric).split()), "say what unit this is in, in tables.py"


def test_a_name_is_the_metrics_own_words() -> None:
    assert {words(metric) for metric in (catalogue.POSITIONS, catalogue.ACCOUNT_POSITIONS)} == {"positions"}
    assert words(catalogue.ACCOUNT_MARGIN_LEVEL) == "margin level"
    assert words(catalogue.POSITIONS_VOLUME) == words(catalogue.DEALS_VOLUME) == "volume"
    assert words(catalogue.POSITIONS_OLDEST) == "oldest open"


def test_the_readings_of_the_exporter_are_all_shown() -> None:
    lines = shown(*(reading(known.name) for known in READINGS))

    assert sum(line.startswith("desk: ") for line in lines) == len(READINGS)


# Numbers and text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.0234, "23ms"),
        (9.5, "9s500ms"),
        (75.4, "1m15s"),
        (3_700, "1h2m"),
        (190_000, "2d5h"),
        (-75, "-1m15s"),
        (1e300, "1e+300s"),
        (float("inf"), "infs"),
    ],
)
def test_an_age_has_no_more_digits_than_a_person_wants(seconds: float, text: str) -> None:
    assert age(seconds) == text


def test_a_number_that_no_column_holds_is_short() -> None:
    assert (plain(1e14, 2), plain(1e300, 2), plain(-0.004, 2)) == ("100000000000000.00", "1e+300", "-0.00")


def test_a_value_that_is_no_number_says_so() -> None:
    lines = shown(reading("account", sample(catalogue.ACCOUNT_EQUITY, float("nan"))))

    assert any(line.split() == ["equity", "no", "number"] for line in lines)


def test_a_wide_character_takes_two_columns_and_an_accent_none() -> None:
    assert (width("東京"), width("e\u0301"), width("abc")) == (4, 1, 3)


@given(widths=st.lists(st.integers(1, 120), min_size=1, max_size=12))
def test_blocks_hold_every_column_once_and_fit_where_they_can(widths: list[int]) -> None:
    key = Column(head=("KEY",), cells={})
    columns = [Column(head=("x" * size,), cells={}) for size in widths]

    found = list(blocks([key], columns, []))

    assert [column for block in found for column in block[1:]] == columns
    for block in found:
        taken = sum(2 + len(column.head[0]) for column in block)
        assert taken <= WIDTH or len(block) == 2


HOSTILE = st.text(st.characters(exclude_categories=()), max_size=300)
NUMBERS = st.floats() | st.sampled_from([0.0, 1e-12, 1e15, 1e300, -1e300])


@given(
    texts=st.lists(HOSTILE, min_size=8, max_size=8),
    numbers=st.lists(NUMBERS, min_size=4, max_size=4),
    message=HOSTILE,
)
def test_nothing_that_a_broker_says_leaves_its_line(
    texts: list[str], numbers: list[float], message: str
) -> None:
    server, currency, symbol, other = texts[:4]
    lines = shown(
        reading(
            "account",
            sample(catalogue.ACCOUNT_INFO, server, currency, "real", "netting", 1),
            sample(catalogue.ACCOUNT_EQUITY, numbers[0]),
            sample(catalogue.DAILY_LOSS_ANCHOR_TIME, numbers[1]),
        ),
        reading(
            "positions",
            sample(catalogue.POSITIONS_PROFIT, symbol, "buy", "manual", numbers[2]),
            sample(catalogue.POSITIONS_PROFIT, other, "buy", "manual", numbers[3]),
        ),
        reading("orders", message=message or "no"),
    )

    for line in lines:
        assert width(line) <= WIDTH
        assert all(mark.isprintable() for mark in line)
        assert not any(unicodedata.category(mark) in {"Cc", "Cs", "Cf"} for mark in line)


def test_a_terminals_own_calendar_says_whether_a_market_is_open() -> None:
    assert not FX.is_open(SATURDAY)
    markets: Mapping[str, str] = {"EURUSD": "crypto"}
    lines = shown(
        reading("symbols", sample(catalogue.SYMBOL_BID, "EURUSD", 1.5)),
        terminal=TerminalConfig(name="desk", symbols=("EURUSD",), symbol_markets=markets),
    )

    [row] = [line for line in lines if line.split()[:1] == ["EURUSD"]]
    assert row.split()[-1] == "open"
