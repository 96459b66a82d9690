"""What each reading gives, to the last digit, and what it leaves out."""

import math
import re
from pathlib import Path

import pytest

from mt5_exporter import catalogue
from mt5_exporter.probes import PROBES
from mt5_exporter.readings import READINGS, Reading
from tests.session.polling import WEDNESDAY, polling, probe_of, reading_of
from tests.session.stage import FakeClock, in_loop

# Every reading


def test_readings_have_names_of_their_own_and_require_probes_that_exist() -> None:
    probes = {probe.name for probe in PROBES}
    names = [reading.name for reading in READINGS]

    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z_]+", name) for name in names)
    assert all(reading.requires <= probes for reading in READINGS)


def test_each_value_of_the_catalogue_is_read_by_one_reading() -> None:
    filled = [metric for reading in READINGS for metric in reading.metrics]

    assert len(filled) == len(set(filled))
    assert set(filled) <= {row for row in catalogue.METRICS.values() if row.group == "value"}


@pytest.mark.parametrize("reading", READINGS, ids=lambda reading: reading.name)
@in_loop
async def test_a_reading_fills_exactly_its_own_metrics_with_their_labels(
    tmp_path: Path, reading: Reading
) -> None:
    async with polling(tmp_path) as stage:
        found = await stage.reading(reading.name)

    assert found.success
    assert found.message == ""
    assert {sample.metric for sample in found.samples} == set(reading.metrics)
    for sample in found.samples:
        assert sample.metric.labels[0] == "terminal"
        assert sample.labels[0] == "desk"
        assert len(sample.labels) == len(sample.metric.labels)
        assert all(isinstance(label, str) for label in sample.labels)
        assert math.isfinite(sample.value)


# The terminal


@in_loop
async def test_a_terminals_values_come_in_base_units(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        values = await stage.values("terminal")

    assert values == {
        ("mt5_terminal_info", ("desk", "metatrader5", "5000", "MetaTrader 5", "A Broker")): 1,
        ("mt5_terminal_connected", ("desk",)): 1,
        ("mt5_terminal_trade_allowed", ("desk",)): 1,
        ("mt5_terminal_ping_seconds", ("desk",)): 0.02,
        ("mt5_terminal_retransmission_ratio", ("desk",)): 0.025,
    }


@in_loop
async def test_the_link_has_no_values_while_the_terminal_is_disconnected(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.terminal(connected=False, trade_allowed=False)

        values = await stage.values("terminal")

    assert {name: value for (name, _), value in values.items()} == {
        "mt5_terminal_info": 1,
        "mt5_terminal_connected": 0,
        "mt5_terminal_trade_allowed": 0,
    }


@in_loop
async def test_a_build_that_does_not_tell_its_retransmission_leaves_it_out(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.terminal(retransmission=None)

        values = await stage.values("terminal")

    assert "mt5_terminal_retransmission_ratio" not in {name for name, _ in values}
    assert ("mt5_terminal_ping_seconds", ("desk",)) in values


# The account


@in_loop
async def test_an_accounts_values_are_those_of_its_deposit_currency(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        values = await stage.values("account")

    assert values == {
        ("mt5_account_info", ("desk", "Broker-Live", "EUR", "real", "netting")): 1,
        ("mt5_account_balance", ("desk",)): 1000.0,
        ("mt5_account_equity", ("desk",)): 995.0,
        ("mt5_account_credit", ("desk",)): 5.0,
        ("mt5_account_profit", ("desk",)): -10.0,
        ("mt5_account_margin", ("desk",)): 50.0,
        ("mt5_account_margin_free", ("desk",)): 945.0,
        ("mt5_account_margin_level_ratio", ("desk",)): 19.9,
        ("mt5_account_trade_allowed", ("desk",)): 1,
    }


@in_loop
async def test_without_margin_in_use_its_level_is_left_out(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.account(margin=0.0, margin_level=0.0)

        values = await stage.values("account")

    names = {name for name, _ in values}
    assert "mt5_account_margin_level_ratio" not in names
    assert "mt5_account_margin" in names


@in_loop
async def test_an_account_of_a_kind_to_come_is_other(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.account(trade_mode=9, margin_mode=9)

        values = await stage.values("account")

    assert ("mt5_account_info", ("desk", "Broker-Live", "EUR", "other", "other")) in values


@in_loop
async def test_nothing_personal_of_an_account_is_a_label(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.account(login=998_877, name="Jane Doe", company="A Broker")

        result = await stage.poll()

    assert "998877" not in repr(result)
    assert "Jane" not in repr(result)


# Positions and orders


@in_loop
async def test_positions_and_orders_are_counted_and_none_is_zero(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        some = [await stage.values(name) for name in ("positions", "orders")]
        stage.answers.give("positions_total", 0)
        none = await stage.values("positions")

    assert some == [{("mt5_account_positions", ("desk",)): 3}, {("mt5_account_orders", ("desk",)): 2}]
    assert none == {("mt5_account_positions", ("desk",)): 0}


# Symbols


@in_loop
async def test_a_symbols_values_are_its_last_tick_and_when_it_was_new(tmp_path: Path) -> None:
    clock = FakeClock(wall=WEDNESDAY)
    async with polling(tmp_path, clock) as stage:
        await stage.poll()
        clock.advance(5.0)
        values = await stage.values("symbols")

    labels = ("desk", "EURUSD")
    assert values == {
        ("mt5_symbol_bid", labels): 1.25,
        ("mt5_symbol_ask", labels): 1.5,
        ("mt5_symbol_tick_last_change_timestamp_seconds", labels): WEDNESDAY,
        ("mt5_symbol_tick_server_timestamp_seconds", labels): 1_700_000_000.25,
    }


@in_loop
async def test_a_price_of_zero_is_none(tmp_path: Path) -> None:
    async with polling(tmp_path, symbols=("EURUSD", "NOASK")) as stage:
        stage.answers.tick("NOASK", bid=2.5, ask=0.0)
        stage.answers.tick("EURUSD", bid=0.0, ask=1.5)

        values = await stage.values("symbols")

    prices = {(name, labels[1]) for name, labels in values if name in {"mt5_symbol_bid", "mt5_symbol_ask"}}
    assert prices == {("mt5_symbol_bid", "NOASK"), ("mt5_symbol_ask", "EURUSD")}


@in_loop
async def test_a_symbol_without_a_tick_disturbs_no_other(tmp_path: Path) -> None:
    async with polling(tmp_path, symbols=("NOPE", "EURUSD", "ODD")) as stage:
        stage.answers.fail("symbol_info_tick NOPE", -4, "Not found")
        stage.answers.tick("ODD", bid="1.25")

        values = await stage.values("symbols")

    assert {labels for _, labels in values} == {("desk", "EURUSD")}


@in_loop
async def test_not_one_tick_is_a_failed_reading(tmp_path: Path) -> None:
    async with polling(tmp_path, symbols=("NOPE", "NADA")) as stage:
        stage.answers.fail("symbol_info_tick", -4, "Not found")

        found = await stage.reading("symbols")

    assert (found.success, found.skipped, found.samples) == (False, False, ())
    assert found.message == "terminal 'desk': symbol_info_tick: Not found (MT5 error -4)"


@in_loop
async def test_without_symbols_there_is_nothing_to_read_and_that_is_well(tmp_path: Path) -> None:
    async with polling(tmp_path, symbols=()) as stage:
        assert await stage.values("symbols") == {}


# Answers of another shape


@in_loop
async def test_a_total_that_is_no_number_darkens_only_that_reading(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.give("positions_total", "three")

        result = await stage.poll()

    dark = [reading.reading for reading in result.readings if not reading.success]
    assert dark == ["positions"]
    text = "terminal 'desk': positions_total: expected a number, was str"
    assert reading_of(result, "positions").message == text
    assert all(probe.reason == "" for probe in result.probes)


@in_loop
async def test_an_account_that_lacks_a_field_darkens_what_needs_the_account(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.account(equity=None)

        result = await stage.poll()
        attached = stage.session.attached

    assert probe_of(result, "authentication").message.endswith("account_info: Account.equity is missing")
    dark = [reading.reading for reading in result.readings if not reading.success]
    assert dark == ["account", "positions", "orders"]
    assert (attached, probe_of(result, "connection").reason) == (True, "")
