"""What each reading gives, to the last digit, and what it leaves out."""

import math
import re
from pathlib import Path

import pytest

from mt5_exporter import catalogue
from mt5_exporter.probes import PROBES
from mt5_exporter.readings import READINGS, Reading
from tests.session.polling import polling, probe_of
from tests.session.stage import in_loop

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
    assert set(filled) <= {row for row in catalogue.METRICS.values() if row.group in {"value", "lasting"}}


@pytest.mark.parametrize("reading", READINGS, ids=lambda reading: reading.name)
@in_loop
async def test_a_reading_fills_its_own_metrics_alone_with_their_labels(
    tmp_path: Path, reading: Reading
) -> None:
    async with polling(tmp_path) as stage:
        found = await stage.reading(reading.name)

    assert found.success
    assert found.message == ""
    # What this terminal does not have, such as levels in the other unit, is held by the reading's own tests.
    assert {sample.metric for sample in found.samples} <= set(reading.metrics)
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
        (
            "mt5_terminal_info",
            ("desk", "metatrader5", "5000", "MetaTrader 5", "A Broker", "500", "14 Nov 2025"),
        ): 1,
        ("mt5_terminal_connected", ("desk",)): 1,
        ("mt5_terminal_trade_allowed", ("desk",)): 1,
        ("mt5_terminal_tradeapi_disabled", ("desk",)): 0,
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
        "mt5_terminal_tradeapi_disabled": 0,
    }


@in_loop
async def test_a_build_that_does_not_tell_its_retransmission_leaves_it_out(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.terminal(retransmission=None)

        values = await stage.values("terminal")

    assert "mt5_terminal_retransmission_ratio" not in {name for name, _ in values}
    assert ("mt5_terminal_ping_seconds", ("desk",)) in values


@in_loop
async def test_a_build_that_does_not_tell_of_its_api_switch_leaves_it_out(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.terminal(tradeapi_disabled=None)
        silent = await stage.values("terminal")
        stage.answers.terminal(tradeapi_disabled=True)
        off = await stage.values("terminal")

    assert ("mt5_terminal_tradeapi_disabled", ("desk",)) not in silent
    assert off["mt5_terminal_tradeapi_disabled", ("desk",)] == 1


@pytest.mark.parametrize("answer", [True, None, [0, 0, ""], [500, 5000], ["500", 5000, ""]])
@in_loop
async def test_a_program_that_does_not_tell_its_version_has_none(tmp_path: Path, answer: object) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.give("version", answer)
        values = await stage.values("terminal")

    described = ("desk", "metatrader5", "5000", "MetaTrader 5", "A Broker", "", "")
    assert values["mt5_terminal_info", described] == 1


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
        ("mt5_account_trade_expert", ("desk",)): 1,
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


# Answers of another shape


@in_loop
async def test_an_account_that_lacks_a_field_darkens_what_needs_the_account(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.account(equity=None)

        result = await stage.poll()
        attached = stage.session.attached

    assert probe_of(result, "authentication").message.endswith("account_info: Account.equity is missing")
    dark = [reading.reading for reading in result.readings if not reading.success]
    assert dark == ["account", "positions", "orders", "deals", "history_orders", "risk"]
    assert (attached, probe_of(result, "connection").reason) == (True, "")
