"""The account's levels: how far it is from them in either unit, and what contradictory values give."""

import math
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt5_exporter import model
from mt5_exporter.model import Account
from mt5_exporter.readings.account import levels
from tests.session.polling import polling
from tests.session.stage import in_loop
from tests.session.terminals import ACCOUNT

LEVEL = "mt5_account_margin_level_ratio"
CALL, CALL_RATIO, CALL_MONEY = (
    "mt5_account_margin_call_distance",
    "mt5_account_margin_call_level_ratio",
    "mt5_account_margin_call_level",
)
STOP, STOP_RATIO, STOP_MONEY = (
    "mt5_account_stop_out_distance",
    "mt5_account_stop_out_level_ratio",
    "mt5_account_stop_out_level",
)


def account(**fields: object) -> Account:
    values = {**ACCOUNT, **fields}
    return model.build(Account, [values.get(field) for field in model.fields(Account)])


def told(**fields: object) -> dict[str, float]:
    return {metric.name: value for metric, value in levels(account(**fields))}


def test_in_percent_equity_may_fall_to_that_share_of_the_margin() -> None:
    assert told(equity=995.0, margin=400.0, margin_level=248.75, margin_so_call=100.0, margin_so_so=50.0) == {
        LEVEL: 2.4875,
        CALL_RATIO: 1.0,
        CALL: 595.0,
        STOP_RATIO: 0.5,
        STOP: 795.0,
    }


def test_in_money_equity_may_fall_to_the_level_itself() -> None:
    assert told(equity=995.0, margin=400.0, margin_so_mode=1, margin_so_call=300.0, margin_so_so=100.0) == {
        LEVEL: 19.9,
        CALL_MONEY: 300.0,
        CALL: 695.0,
        STOP_MONEY: 100.0,
        STOP: 895.0,
    }


def test_beyond_a_level_the_distance_is_what_is_missing() -> None:
    found = told(equity=150.0, margin=200.0, margin_level=75.0, margin_so_call=100.0, margin_so_so=50.0)

    assert (found[CALL], found[STOP]) == (-50.0, 50.0)


@pytest.mark.parametrize("mode", [0, 1])
def test_a_level_of_0_is_none(mode: int) -> None:
    assert told(margin_so_mode=mode, margin_so_call=0.0, margin_so_so=0.0) == {LEVEL: 19.9}
    only_stop = set(told(margin_so_mode=mode, margin_so_call=0.0, margin_so_so=30.0))
    assert only_stop == {LEVEL, STOP, (STOP_RATIO, STOP_MONEY)[mode]}


def test_a_unit_to_come_tells_nothing_of_the_levels() -> None:
    assert told(margin_so_mode=2, margin_so_call=100.0, margin_so_so=50.0) == {LEVEL: 19.9}


@pytest.mark.parametrize(("mode", "names"), [(0, {CALL_RATIO, STOP_RATIO}), (1, {CALL_MONEY, STOP_MONEY})])
@pytest.mark.parametrize("margin", [0.0, -1.0, math.nan])
def test_without_margin_in_use_there_are_levels_and_no_distance(
    mode: int, names: set[str], margin: float
) -> None:
    assert set(told(margin=margin, margin_so_mode=mode, margin_so_call=100.0, margin_so_so=50.0)) == names


@pytest.mark.parametrize(
    ("fields", "level"),
    [
        # Equity and margin, and a level that was not computed.
        ({"margin_level": 0.0}, None),
        # All is lost, and the level says so.
        ({"margin_level": 0.0, "equity": 0.0}, 0.0),
        ({"margin_level": -10.0, "equity": -5.0}, -0.1),
        ({"margin": 0.0, "margin_level": 500.0}, None),
        ({"margin": -50.0, "margin_level": 500.0}, None),
    ],
)
def test_a_margin_level_that_contradicts_the_margin_is_left_out(
    fields: Mapping[str, object], level: float | None
) -> None:
    assert told(**fields).get(LEVEL) == level


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_no_distance_follows_from_an_equity_that_is_no_number(broken: float) -> None:
    assert set(told(equity=broken, margin_so_call=100.0, margin_so_so=50.0)) == {
        LEVEL,
        CALL_RATIO,
        STOP_RATIO,
    }
    assert told(margin_so_call=math.nan, margin_so_so=math.nan) == {LEVEL: 19.9}


NUMBER = st.floats()


@given(equity=NUMBER, margin=NUMBER, level=NUMBER, call=NUMBER, stop=NUMBER, mode=st.integers(-1, 3))
def test_whatever_the_account_says_a_distance_is_a_number_and_needs_margin_in_use(
    *, equity: float, margin: float, level: float, call: float, stop: float, mode: int
) -> None:
    found = told(
        equity=equity,
        margin=margin,
        margin_level=level,
        margin_so_call=call,
        margin_so_so=stop,
        margin_so_mode=mode,
    )

    distances = [found[name] for name in (CALL, STOP) if name in found]
    assert all(math.isfinite(distance) for distance in distances)
    assert not distances or margin > 0
    assert not {CALL_RATIO, STOP_RATIO} & set(found) or not {CALL_MONEY, STOP_MONEY} & set(found)


# As it is read


@in_loop
async def test_an_account_tells_its_switches_its_leverage_and_its_limit(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.account(
            trade_allowed=False, trade_expert=False, leverage=100, limit_orders=200, margin_so_call=100.0
        )
        values = {name: value for (name, _), value in (await stage.values("account")).items()}

    assert values["mt5_account_trade_allowed"] == 0
    assert values["mt5_account_trade_expert"] == 0
    assert values["mt5_account_leverage"] == 100
    assert values["mt5_account_orders_limit"] == 200
    assert values[CALL] == 945.0


@in_loop
async def test_what_is_not_told_is_left_out(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.account(leverage=0, limit_orders=0)
        names = {name for name, _ in await stage.values("account")}

    assert not {"mt5_account_leverage", "mt5_account_orders_limit", CALL, STOP} & names


@in_loop
async def test_a_balance_that_is_no_number_is_handed_on_for_the_exposition_to_drop(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.account(balance=math.nan)
        values = await stage.values("account")

    assert math.isnan(values["mt5_account_balance", ("desk",)])
    assert values["mt5_account_equity", ("desk",)] == 995.0
