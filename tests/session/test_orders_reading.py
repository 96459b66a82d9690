"""What is pending: its sums by symbol, type and strategy, and the share of what the account may have."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from mt5_exporter.threads import MANY
from tests.session.polling import polling, reading_of
from tests.session.stage import in_loop
from tests.session.terminals import ORDER

TOTAL = ("mt5_account_orders", ("desk",))
USED = ("mt5_account_orders_used_ratio", ("desk",))
LEFT_OUT = ("mt5_orders_symbols_left_out", ("desk",))


@in_loop
async def test_orders_are_summed_by_symbol_type_and_strategy(tmp_path: Path) -> None:
    async with polling(tmp_path, strategies={1001: "scalper"}) as stage:
        stage.answers.orders(
            {"type": 2, "volume_initial": 1.0, "volume_current": 0.25, "magic": 1001},
            {"type": 2, "volume_initial": 0.5, "volume_current": 0.5, "magic": 1001},
            {"type": 3, "volume_current": 2.0},
            {"symbol": "BTCUSD", "type": 2, "volume_current": 0.125, "magic": 5},
        )

        values = await stage.values("orders")

    assert values == {
        TOTAL: 4,
        LEFT_OUT: 0,
        ("mt5_orders", ("desk", "EURUSD", "buy_limit", "scalper")): 2,
        ("mt5_orders", ("desk", "EURUSD", "sell_limit", "manual")): 1,
        ("mt5_orders", ("desk", "BTCUSD", "buy_limit", "other")): 1,
        ("mt5_orders_volume_lots", ("desk", "EURUSD", "buy_limit", "scalper")): 0.75,
        ("mt5_orders_volume_lots", ("desk", "EURUSD", "sell_limit", "manual")): 2.0,
        ("mt5_orders_volume_lots", ("desk", "BTCUSD", "buy_limit", "other")): 0.125,
    }


@pytest.mark.parametrize(
    ("kind", "label"),
    [
        (0, "other"),
        (1, "other"),
        (2, "buy_limit"),
        (3, "sell_limit"),
        (4, "buy_stop"),
        (5, "sell_stop"),
        (6, "buy_stop_limit"),
        (7, "sell_stop_limit"),
        (8, "other"),
        (99, "other"),
    ],
)
@in_loop
async def test_each_type_has_its_label(tmp_path: Path, kind: int, label: str) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.orders({"type": kind})

        assert ("mt5_orders", ("desk", "EURUSD", label, "manual")) in await stage.values("orders")


@pytest.mark.parametrize(
    ("limit", "used"),
    [({"limit_orders": 8}, 0.25), ({"limit_orders": 0}, None), ({"limit_orders": -1}, None), ({}, None)],
)
@in_loop
async def test_the_share_of_the_limit_is_told_where_there_is_one(
    tmp_path: Path, limit: Mapping[str, object], used: float | None
) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.account(**limit)
        stage.answers.orders({}, {"type": 5})

        values = await stage.values("orders")

    assert values.get(USED) == used


@in_loop
async def test_nothing_pending_is_a_total_of_0_and_no_answer_is_an_error(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.orders()
        nothing = await stage.values("orders")
        stage.answers.give("orders_get", None)
        result = await stage.poll()

    assert nothing == {TOTAL: 0, LEFT_OUT: 0}
    assert [reading.reading for reading in result.readings if not reading.success] == ["orders"]
    text = "terminal 'desk': orders_get: answered nothing, and no error"
    assert reading_of(result, "orders").message == text


@in_loop
async def test_an_order_of_another_shape_darkens_only_this_reading(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.give("orders_get", [{**ORDER, "volume_current": "much"}])

        result = await stage.poll()

    assert [reading.reading for reading in result.readings if not reading.success] == ["orders"]
    assert reading_of(result, "orders").message.endswith("orders_get: Order.volume_current is a str")


@in_loop
async def test_whole_symbols_are_left_out_over_the_cap_and_the_total_counts_them(tmp_path: Path) -> None:
    async with polling(tmp_path, max_symbols=2, aliases={"GOLD": "XAUUSD.x"}, symbols=("GOLD",)) as stage:
        stage.answers.orders(*({"symbol": name} for name in ("B", "XAUUSD.x", "A", "B")))

        values = await stage.values("orders")

    assert {labels[1] for name, labels in values if name == "mt5_orders"} == {"GOLD", "A"}
    assert (values[LEFT_OUT], values[TOTAL]) == (1, 4)


@in_loop
async def test_many_orders_are_as_well_as_few(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.orders(*({"type": 2 + number % 2} for number in range(MANY)))

        values = await stage.values("orders")

    assert values["mt5_orders", ("desk", "EURUSD", "buy_limit", "manual")] == MANY / 2
    assert values[TOTAL] == MANY
