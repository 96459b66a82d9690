"""What is open: its sums by symbol, side and strategy, what is left out, and what cannot be told."""

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt5_exporter import model
from mt5_exporter.config import TerminalConfig
from mt5_exporter.errors import MT5DataError
from mt5_exporter.exposure import Names, exposure, oldest, sum_positions
from mt5_exporter.lease import parse_all
from mt5_exporter.link import Call
from mt5_exporter.model import Position, Symbol
from mt5_exporter.threads import MANY, off_loop
from tests.session.polling import Polling, polling, reading_of
from tests.session.stage import in_loop
from tests.session.terminals import POSITION

DESK = TerminalConfig(name="desk")

BUY = {"symbol": "EURUSD", "type": 0, "magic": 1001}
SELL = {"symbol": "EURUSD", "type": 1, "magic": 1001}


def position(symbol: str = "EURUSD", **fields: object) -> Position:
    values = {**POSITION, "symbol": symbol, **fields}
    return model.build(Position, [values.get(field) for field in model.fields(Position)])


def specification(size: float = 0.0001, value: float = 10.0) -> Symbol:
    return Symbol(
        name="EURUSD",
        select=True,
        visible=True,
        digits=5,
        point=0.00001,
        spread=10,
        trade_mode=4,
        trade_contract_size=100_000.0,
        trade_tick_size=size,
        trade_tick_value=value,
    )


async def grouped(stage: Polling, metric: str) -> dict[tuple[str, ...], float]:
    """Poll, and return one metric's values by symbol, side and strategy."""
    values = await stage.values("positions")
    return {labels[1:]: value for (name, labels), value in values.items() if name == metric}


# Sums


@in_loop
async def test_positions_are_summed_by_symbol_side_and_strategy(tmp_path: Path) -> None:
    async with polling(tmp_path, strategies={1001: "scalper"}) as stage:
        stage.answers.positions(
            {**BUY, "volume": 0.1, "profit": 2.5, "swap": -0.25, "price_current": 1.5, "sl": 1.0},
            {**BUY, "volume": 0.3, "profit": -1.0, "swap": -0.5, "price_current": 1.25, "tp": 2.0},
            {**SELL, "volume": 1.0, "profit": 4.0, "swap": 0.0, "price_current": 1.5, "sl": 2.0, "tp": 1.0},
            {"symbol": "BTCUSD", "volume": 0.5, "profit": 8.0, "swap": 0.0, "price_current": 50_000.0},
        )
        stage.answers.symbol("EURUSD", trade_tick_size=0.5, trade_tick_value=2.0)
        stage.answers.symbol("BTCUSD", trade_tick_size=1.0, trade_tick_value=0.5)

        values = await stage.values("positions")

    long, short = ("desk", "EURUSD", "buy", "scalper"), ("desk", "EURUSD", "sell", "scalper")
    coin = ("desk", "BTCUSD", "buy", "manual")
    assert values == {
        ("mt5_account_positions", ("desk",)): 4,
        ("mt5_positions_symbols_left_out", ("desk",)): 0,
        ("mt5_positions", long): 2,
        ("mt5_positions", short): 1,
        ("mt5_positions", coin): 1,
        ("mt5_positions_volume_lots", long): 0.4,
        ("mt5_positions_volume_lots", short): 1.0,
        ("mt5_positions_volume_lots", coin): 0.5,
        ("mt5_positions_profit", long): 1.5,
        ("mt5_positions_profit", short): 4.0,
        ("mt5_positions_profit", coin): 8.0,
        ("mt5_positions_swap", long): -0.75,
        ("mt5_positions_swap", short): 0.0,
        ("mt5_positions_swap", coin): 0.0,
        # (0.1 x 1.5 + 0.3 x 1.25) / 0.5 x 2, 1 x 1.5 / 0.5 x 2, 0.5 x 50,000 / 1 x 0.5.
        ("mt5_positions_exposure", long): pytest.approx(2.1),
        ("mt5_positions_exposure", short): 6.0,
        ("mt5_positions_exposure", coin): 12_500.0,
        ("mt5_positions_without_stop_loss", long): 1,
        ("mt5_positions_without_stop_loss", short): 0,
        ("mt5_positions_without_stop_loss", coin): 1,
        ("mt5_positions_without_take_profit", long): 1,
        ("mt5_positions_without_take_profit", short): 0,
        ("mt5_positions_without_take_profit", coin): 1,
    }


@pytest.mark.parametrize(
    ("magic", "strategy"), [(0, "manual"), (7, "hand"), (1001, "scalper"), (1002, "other"), (-1, "other")]
)
@in_loop
async def test_a_magic_number_is_a_label_only_through_the_map(
    tmp_path: Path, magic: int, strategy: str
) -> None:
    async with polling(tmp_path, strategies={7: "hand", 1001: "scalper"}) as stage:
        stage.answers.positions({"magic": magic})

        assert await grouped(stage, "mt5_positions") == {("EURUSD", "buy", strategy): 1}


@in_loop
async def test_a_side_to_come_is_other(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.positions({"type": 9})

        assert await grouped(stage, "mt5_positions") == {("EURUSD", "other", "manual"): 1}


@in_loop
async def test_no_ticket_comment_or_magic_number_is_a_label(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.positions(
            {"ticket": 998_877, "magic": 665_544, "comment": "for Jane", "identifier": 4711}
        )

        shown = repr(await stage.reading("positions"))

    assert not any(secret in shown for secret in ("998877", "665544", "Jane", "4711"))


@in_loop
async def test_what_is_closed_leaves(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.positions(BUY, SELL)
        both = await grouped(stage, "mt5_positions")
        stage.answers.positions(SELL)
        one = await grouped(stage, "mt5_positions")

    assert set(both) - set(one) == {("EURUSD", "buy", "other")}


# None, zero and nonsense


@in_loop
async def test_nothing_open_is_a_total_of_0_and_no_answer_is_an_error(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.positions()
        nothing = await stage.values("positions")
        stage.answers.give("positions_get", None)
        unanswered = await stage.reading("positions")

    assert nothing == {
        ("mt5_account_positions", ("desk",)): 0,
        ("mt5_positions_symbols_left_out", ("desk",)): 0,
    }
    assert (unanswered.success, unanswered.samples) == (False, ())
    assert unanswered.message == "terminal 'desk': positions_get: answered nothing, and no error"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("three", "expected a list, was str"),
        ([7], "Position: expected 15 values"),
        ([{**POSITION, "volume": None}], "Position.volume is missing"),
        ([POSITION, {**POSITION, "symbol": 7}], "Position.symbol is a int"),
    ],
)
@in_loop
async def test_an_answer_of_another_shape_darkens_only_this_reading(
    tmp_path: Path, answer: object, text: str
) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.give("positions_get", answer)

        result = await stage.poll()

    assert [reading.reading for reading in result.readings if not reading.success] == ["positions"]
    assert reading_of(result, "positions").message == f"terminal 'desk': positions_get: {text}"


@in_loop
async def test_a_field_that_is_new_and_one_that_is_optional_disturb_nobody(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.positions({"margin_rate": 1.0, "magic": None, "comment": None})

        assert await grouped(stage, "mt5_positions") == {("EURUSD", "buy", "manual"): 1}


# Exposure


@pytest.mark.parametrize(
    "fields", [{"trade_tick_value": 0.0}, {"trade_tick_size": 0.0}, {"trade_tick_value": -1.0}]
)
@in_loop
async def test_without_a_tick_value_there_is_no_exposure_and_the_rest_is_there(
    tmp_path: Path, fields: dict[str, object]
) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.symbol("EURUSD", **fields)

        assert await grouped(stage, "mt5_positions_exposure") == {}
        assert await grouped(stage, "mt5_positions_volume_lots") == {("EURUSD", "buy", "manual"): 0.1}


@in_loop
async def test_a_symbol_that_has_no_specification_disturbs_no_other(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.positions({"symbol": "GONE"}, {"symbol": "ODD"}, {"symbol": "EURUSD"})
        stage.answers.fail("symbol_info GONE", -4, "Not found")
        stage.answers.symbol("ODD", trade_tick_size="a text")

        exposed = await grouped(stage, "mt5_positions_exposure")

    assert {labels[0] for labels in exposed} == {"EURUSD"}


@pytest.mark.parametrize(
    ("price", "size", "value"),
    [(0.0, 1.0, 1.0), (1.0, float("nan"), 1.0), (1.0, 1.0, float("inf")), (float("nan"), 1.0, 1.0)],
)
def test_no_exposure_follows_from_a_number_that_is_none(price: float, size: float, value: float) -> None:
    assert exposure(position(price_current=price), specification(size, value)) is None


def test_exposure_is_volume_times_price_by_tick_size_times_tick_value() -> None:
    # Half a lot of EURUSD at 1.12: 56,000 dollars.
    assert exposure(position(volume=0.5, price_current=1.12), specification()) == pytest.approx(56_000)
    assert exposure(position(), None) is None


def test_an_exposure_that_is_known_in_part_is_unknown() -> None:
    names = Names(DESK, ["EURUSD"])
    known, unknown = position(), position(price_current=0.0)

    for order in ([known, unknown, known], [unknown, known]):
        [group] = sum_positions(order, names, {"EURUSD": specification()}, {}).values()

        assert (group.exposure, group.count) == (None, len(order))


# The oldest


@in_loop
async def test_the_oldest_position_is_told_in_unix_time_once_the_servers_clock_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with polling(tmp_path) as stage:
        memory = stage.manager.memory("desk")
        stage.answers.positions({"time": 1_764_770_000}, {"time": 1_764_760_000}, {"time": 0})
        monkeypatch.setattr(memory, "server_clock", SimpleNamespace(offset=None), raising=False)
        unknown = await stage.values("positions")
        monkeypatch.setattr(memory, "server_clock", SimpleNamespace(offset=7200.0), raising=False)
        known = await stage.values("positions")

    oldest_open = ("mt5_positions_oldest_open_timestamp_seconds", ("desk",))
    assert oldest_open not in unknown
    assert known[oldest_open] == 1_764_752_800


def test_positions_without_a_time_have_no_oldest() -> None:
    assert oldest([position(time=0)]) is None
    assert oldest([]) is None


# Names, and how many


@in_loop
async def test_a_symbol_is_called_what_its_alias_says(tmp_path: Path) -> None:
    async with polling(tmp_path, aliases={"EURUSD": "EURUSD.m"}) as stage:
        stage.answers.positions({"symbol": "EURUSD.m"}, {"symbol": "GBPUSD.m"})

        assert {labels[0] for labels in await grouped(stage, "mt5_positions")} == {"EURUSD", "GBPUSD.m"}


@in_loop
async def test_two_names_that_are_one_label_are_one_series(tmp_path: Path) -> None:
    async with polling(tmp_path, aliases={"EURUSD": "EURUSD.m"}) as stage:
        stage.answers.positions({"symbol": "EURUSD.m"}, {"symbol": "EURUSD"}, {"symbol": "EURUSD\n"})

        assert await grouped(stage, "mt5_positions") == {("EURUSD", "buy", "manual"): 3}
        assert await grouped(stage, "mt5_positions_exposure") == {
            ("EURUSD", "buy", "manual"): pytest.approx(29_700)
        }


@in_loop
async def test_whole_symbols_are_left_out_over_the_cap_and_the_total_counts_them(tmp_path: Path) -> None:
    async with polling(tmp_path, symbols=("XAUUSD", "EURUSD"), max_symbols=3) as stage:
        stage.answers.positions(*({"symbol": name} for name in ("Z", "B", "A", "XAUUSD", "B", "C")))

        values = await stage.values("positions")

    assert {labels[1] for name, labels in values if name == "mt5_positions"} == {"XAUUSD", "A", "B"}
    assert values["mt5_positions_symbols_left_out", ("desk",)] == 2
    assert values["mt5_account_positions", ("desk",)] == 6


@given(
    symbols=st.lists(st.sampled_from("ABCDEFGH"), max_size=12),
    configured=st.lists(st.sampled_from("ABCDEFGH*"), unique=True),
    most=st.integers(1, 9),
)
def test_the_kept_symbols_do_not_depend_on_the_order_of_the_answer(
    symbols: list[str], configured: list[str], most: int
) -> None:
    terminal = TerminalConfig(name="desk", symbols=tuple(configured), max_symbols=most)
    names = Names(terminal, symbols)

    assert names.kept == Names(terminal, reversed(symbols)).kept
    assert len(names.kept) + names.left_out == len(set(symbols))
    assert len(names.kept) <= most
    if names.left_out:
        rank = [name for name in configured if name in symbols]
        assert set(rank[:most]) <= set(names.kept)


HOSTILE = st.text(st.characters(exclude_categories=()), max_size=200)


@given(symbols=st.lists(HOSTILE, min_size=1, max_size=6))
def test_no_name_that_a_broker_gives_makes_a_series_twice(symbols: list[str]) -> None:
    names = Names(DESK, symbols)
    groups = sum_positions([position(symbol) for symbol in symbols], names, {}, {})

    assert sum(group.count for group in groups.values()) == len(symbols)
    assert all(label.isprintable() and len(label) <= 128 for label, _, _ in groups)


# Many


@in_loop
async def test_two_thousand_positions_do_not_hold_up_the_event_loop(tmp_path: Path) -> None:
    turns: list[float] = []

    async def watch() -> None:
        # The loop's own thread: what the machine does besides is not its fault.
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            turns.append(now - last)
            last = now

    async with polling(tmp_path) as stage:
        stage.answers.positions(*({"symbol": f"S{number % 400}"} for number in range(2000)))
        watching = asyncio.ensure_future(watch())
        values = await stage.values("positions")
        watching.cancel()

    assert values["mt5_account_positions", ("desk",)] == 2000
    assert values["mt5_positions_symbols_left_out", ("desk",)] == 200
    assert max(turns) < 0.02


@in_loop
async def test_much_work_is_done_in_a_thread_and_its_failure_comes_back() -> None:
    here = asyncio.get_running_loop()

    def on_the_loop() -> bool:
        try:
            return asyncio.get_running_loop() is here
        except RuntimeError:
            return False

    assert await off_loop(MANY - 1, on_the_loop)
    assert not await off_loop(MANY, on_the_loop)
    with pytest.raises(MT5DataError):
        await off_loop(MANY, parse_all, Position, Call(function="positions_get"), [7], "desk")
