"""The scripted module against what is known of the genuine one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripted.module import INCOMPATIBLE, LONGEST, NO_CONNECTION, ScriptedModule, Struct
from tests.scripted.world import API, LACKING, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "world.db")
    world.symbol("EURUSD")
    world.symbol("GBPUSD", select=False)
    world.tick("EURUSD", time_msc=5000)
    world.position(1, symbol="EURUSD")
    world.order(2, symbol="GBPUSD")
    for ticket, time in {11: 100, 12: 200, 13: 300}.items():
        world.deal(ticket, time=time, symbol="EURUSD", order=ticket + 10, position_id=1)
        world.past_order(ticket + 10, time_done=time, time_setup=0, symbol="EURUSD", position_id=1)
    yield world
    world.close()


@pytest.fixture
def module(world: World) -> ScriptedModule:
    module = ScriptedModule(world.path)
    assert module.initialize("C:\\MT5\\terminal64.exe", timeout=1000, portable=False)
    return module


def one(answer: object) -> Struct:
    """Return a struct, or the only one of several."""
    if isinstance(answer, tuple):
        [answer] = answer
    assert isinstance(answer, Struct)
    return answer


def tickets(answer: tuple[Struct, ...] | None) -> list[object]:
    assert answer is not None
    return [struct._asdict()["ticket"] for struct in answer]


def test_its_structs_have_the_genuine_fields_in_their_order(module: ScriptedModule) -> None:
    answers = {
        "TerminalInfo": module.terminal_info(),
        "AccountInfo": module.account_info(),
        "SymbolInfo": module.symbol_info("EURUSD"),
        "Tick": module.symbol_info_tick("EURUSD"),
        "TradePosition": module.positions_get(),
        "TradeOrder": module.orders_get(),
        "TradeDeal": module.history_deals_get(100, 100),
    }
    for name, answer in answers.items():
        assert list(one(answer)._asdict()) == API["structs"][name]


def test_a_world_may_lack_fields_and_have_others(world: World, module: ScriptedModule) -> None:
    world.account(trade_expert=LACKING, a_new_one="x")
    fields = one(module.account_info())._asdict()
    assert "trade_expert" not in fields
    assert fields["a_new_one"] == "x"


def test_before_it_is_attached_nothing_is_answered(world: World) -> None:
    module = ScriptedModule(world.path)
    assert module.last_error() == (0, "")
    for read in (module.account_info, module.positions_total, module.orders_get):
        assert read() is None
        assert module.last_error() == NO_CONNECTION
    assert module.symbols_get() is None
    assert module.last_error() == INCOMPATIBLE
    assert module.version() == (0, 0, "")


def test_a_failure_is_none_with_a_code_until_the_next_call(world: World, module: ScriptedModule) -> None:
    world.fail("positions_get", -1, "Terminal: Call failed")
    assert module.positions_get() is None
    assert module.last_error() == (-1, "Terminal: Call failed")
    assert module.positions_total() == 1
    assert module.last_error() == (1, "Success")
    world.mend("positions_get")
    assert tickets(module.positions_get()) == [1]
    assert module.symbol_info("NONE") is None
    assert module.last_error() == (-4, "Terminal: Not found")
    assert module.positions_get("EURUSD") is None
    assert module.last_error() == (-2, "Unnamed arguments not allowed")


def test_a_symbol_outside_market_watch_has_no_tick_until_it_is_selected(
    world: World, module: ScriptedModule
) -> None:
    world.tick("GBPUSD", time_msc=1)
    assert module.symbol_info_tick("GBPUSD") is None
    assert module.symbol_select("GBPUSD")
    assert one(module.symbol_info_tick("GBPUSD"))._asdict()["time_msc"] == 1
    assert not module.symbol_select("NONE")


def test_history_is_chosen_by_the_servers_time_with_both_ends(module: ScriptedModule) -> None:
    assert tickets(module.history_deals_get(100, 200)) == [11, 12]
    assert tickets(module.history_orders_get(101, 300)) == [22, 23]
    assert module.history_deals_total(0, LONGEST) == 3
    assert module.history_orders_total(0, 99) == 0
    assert tickets(module.history_deals_get(ticket=22)) == [12]
    assert tickets(module.history_deals_get(position=1)) == [11, 12, 13]
    assert tickets(module.history_deals_get(0, 300, group="*,!EUR*")) == []
    assert module.history_deals_get(0) is None
    with pytest.raises(SystemError):
        module.history_deals_get(0, LONGEST + 1)


def test_a_change_is_seen_by_the_next_call(world: World, module: ScriptedModule) -> None:
    assert tickets(module.positions_get()) == [1]
    with world.change():
        world.close_position(1)
        world.position(3, symbol="GBPUSD")
    assert tickets(module.positions_get()) == [3]
    assert module.positions_get(symbol="EURUSD") == ()
    assert tickets(module.positions_get(group="GBP*")) == [3]
