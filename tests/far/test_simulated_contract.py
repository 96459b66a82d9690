"""What the simulated terminal shares with the genuine module: names, fields, constants."""

import ast
import importlib.metadata
import json
from pathlib import Path
from typing import TypedDict

import pytest

from mt5_exporter.far.drivers.base import Driver
from mt5_exporter.far.drivers.simulated import open_driver, structs
from mt5_exporter.far.drivers.simulated.constants import Constants
from mt5_exporter.far.worker import READS
from tests.far.simulation import THURSDAY, Stage


class Genuine(TypedDict):
    version: str
    constants: dict[str, int]
    functions: dict[str, str]
    structs: dict[str, list[str]]


GENUINE: Genuine = json.loads((Path(__file__).parent / "mt5_api_5.0.6231.json").read_text())
SHOWN = ["AccountInfo", "SymbolInfo", "TerminalInfo", "Tick", "TradeDeal", "TradeOrder", "TradePosition"]


def stubs() -> ast.Module:
    files = importlib.metadata.files("metatrader5-stubs") or []
    [stub] = [file for file in files if file.suffix == ".pyi"]
    return ast.parse(Path(str(stub.locate())).read_text())


def constant(node: ast.expr) -> object:
    """Return the value of a stub's expression: a literal, or two joined by `|`."""
    if isinstance(node, ast.BinOp):
        left, right = constant(node.left), constant(node.right)
        assert isinstance(left, int)
        assert isinstance(right, int)
        return left | right
    value: object = ast.literal_eval(node)
    return value


def stub_constants() -> dict[str, object]:
    return {
        line.target.id: constant(line.value)
        for line in stubs().body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.value is not None
    }


def stub_fields(struct: str) -> dict[str, str]:
    [found] = [node for node in stubs().body if isinstance(node, ast.ClassDef) and node.name == struct]
    return {
        line.target.id: ast.unparse(line.annotation)
        for line in found.body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
    }


def fields(struct: str) -> dict[str, str]:
    return {name: kind.__name__ for name, kind in getattr(structs, struct).__annotations__.items()}


def test_every_constant_of_the_genuine_module_has_its_value() -> None:
    mine = {name: value for name, value in vars(Constants).items() if not name.startswith("__")}

    genuine = GENUINE["constants"]

    assert mine == genuine


def test_every_constant_that_the_stubs_know_has_the_same_value() -> None:
    known = {name: value for name, value in stub_constants().items() if not name.startswith("__")}

    mine = {name: getattr(Constants, name) for name in known}

    assert len(known) > 200
    assert mine == known


@pytest.mark.parametrize("struct", SHOWN)
def test_a_struct_has_the_genuine_fields_in_their_order(struct: str) -> None:
    genuine = GENUINE["structs"][struct]

    mine = list(fields(struct))

    assert mine == genuine


@pytest.mark.parametrize("struct", ["TerminalInfo", "Tick", "TradeOrder", "TradePosition"])
def test_a_struct_has_the_types_of_the_stubs(struct: str) -> None:
    typed = stub_fields(struct)

    mine = fields(struct)

    assert mine == typed


@pytest.mark.parametrize("struct", SHOWN)
def test_every_value_has_the_type_of_its_field(struct: str) -> None:
    api = Stage(now=THURSDAY).attach()
    orders = api.history_orders_get(0, THURSDAY + 90_000) or ()
    deals = api.history_deals_get(0, THURSDAY + 90_000) or ()
    shown: list[tuple[object, ...]] = [
        row
        for row in (
            api.account_info(),
            api.terminal_info(),
            api.symbol_info_tick("EURUSD"),
            *(api.symbols_get() or ()),
            *(api.positions_get() or ()),
            *orders,
            *(api.orders_get() or ()),
            *deals,
        )
        if row is not None
    ]

    rows = [row for row in shown if type(row).__name__ == struct]

    assert rows
    for row in rows:
        assert [type(value).__name__ for value in row] == list(fields(struct).values())


def test_a_struct_turns_into_a_dictionary_of_its_fields() -> None:
    tick = Stage().attach().symbol_info_tick("EURUSD")
    assert tick is not None

    turned = tick._asdict()

    assert turned["bid"] == tick.bid
    assert list(turned) == GENUINE["structs"]["Tick"]


def test_every_read_that_a_worker_serves_is_a_genuine_function_and_is_here() -> None:
    needed = READS | {"initialize", "login", "shutdown", "last_error", "symbol_select"}

    missing = {name for name in needed if not callable(getattr(Stage().api, name, None))}

    assert needed <= set(GENUINE["functions"])
    assert missing == set()


def test_nothing_that_trades_is_here() -> None:
    trading = {"Buy", "Sell", "Close", "order_send", "order_check"}

    there = {name for name in trading if hasattr(Stage().api, name)}

    assert there == set()


def test_the_driver_fits_the_port() -> None:
    driver: Driver = Stage().driver

    told = driver.name, driver.package, driver.presence()

    assert told == ("simulated", GENUINE["version"], "served")
    assert Stage().api.__version__ == GENUINE["version"]


def test_it_opens_from_a_settings_frame_on_the_real_clock(tmp_path: Path) -> None:
    with (tmp_path / "frames").open("wb") as frames:
        driver = open_driver({"simulation": {"seed": 1}}, frames)

    attached = driver.api.initialize("", timeout=10, portable=True)

    assert attached
    assert driver.api.account_info() is not None
