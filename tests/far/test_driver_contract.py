"""What a worker may expect of any driver: the same requests to each, and the same answers."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from mt5_exporter.errors import MT5ConnectionError, MT5DataError, classify
from mt5_exporter.far import wire
from mt5_exporter.far.drivers import DRIVERS
from mt5_exporter.far.drivers.base import Driver
from mt5_exporter.far.drivers.metatrader5 import MetaTrader5Driver
from mt5_exporter.far.worker import Worker
from tests.far.bridge import PATH, bridge
from tests.far.simulation import Stage
from tests.scripted.module import ScriptedModule
from tests.scripted.world import World

HOSTILE = [
    "",
    "'); raise SystemExit('",
    '"""\\',
    "\\'",
    "{0}%s",
    "a\nb\r\0",
    "\u2028\u0085",
    "\ud800",
    "\U0001f600" * 8,
    "x" * 5000,
]


@contextmanager
def scripted(folder: Path) -> Iterator[World]:
    world = World(folder / "world.db")
    for name in ("EURUSD", "USDJPY"):
        world.symbol(name)
        world.tick(name, time_msc=1_700_000_000_000)
    try:
        yield world
    finally:
        world.close()


@pytest.fixture(params=sorted(DRIVERS))
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Driver]:
    if request.param == "simulated":
        yield Stage().driver
        return
    with scripted(tmp_path) as world:
        if request.param == "metatrader5":
            yield MetaTrader5Driver(ScriptedModule(world.path), {"path": PATH})
            return
        with bridge(tmp_path, world) as running:
            driver = running.driver()
            yield driver
            driver.api.shutdown()


def worker(driver: Driver) -> Worker:
    return Worker(driver, {"path": PATH}, io.BytesIO())


def ask(
    driver: Driver, function: str, *args: object, fields: tuple[str, ...] = (), **kwargs: object
) -> tuple[object, int, str]:
    """Make one call as a worker does, and return its value, its code and its text."""
    frame = {"function": function, "args": list(args), "kwargs": kwargs, "fields": list(fields)}
    value, code, text, _ = worker(driver).call(frame)
    return value, code, text


def connect(driver: Driver) -> tuple[str, object, int]:
    presence, (attached, code, _, _) = worker(driver).connect(budget=4.0)
    return presence, attached, code


def test_it_names_itself_and_its_package(driver: Driver) -> None:
    named = driver.name, bool(driver.package)

    assert named[0] in DRIVERS
    assert named[1]


def test_it_attaches_to_a_terminal_that_is_there(driver: Driver) -> None:
    presence, attached, code = connect(driver)

    assert presence in {"served", "unknown"}
    assert (attached, code) == (True, 1)


def test_before_it_is_attached_a_read_is_a_lost_connection(driver: Driver) -> None:
    value, code, text = ask(driver, "terminal_info")

    assert value is None
    assert text
    assert classify(code, "terminal_info", connected=False).error is MT5ConnectionError


def test_of_a_struct_it_gives_the_fields_that_were_asked_for_in_their_order(driver: Driver) -> None:
    connect(driver)

    value, code, _ = ask(driver, "terminal_info", fields=("build", "no_such_field", "connected"))

    assert isinstance(value, list)
    assert (type(value[0]), value[1], value[2], code) == (int, None, True, 1)


def test_of_many_structs_it_gives_a_list_of_rows(driver: Driver) -> None:
    connect(driver)

    value, _, _ = ask(driver, "symbols_get", fields=("name", "point"))

    assert isinstance(value, list)
    assert {"EURUSD", "USDJPY"} <= {name for name, _ in value}


def test_a_plain_tuple_is_a_list_and_a_number_a_number(driver: Driver) -> None:
    connect(driver)

    version, total = ask(driver, "version")[0], ask(driver, "positions_total")[0]

    assert isinstance(version, list)
    assert len(version) == 3
    assert isinstance(total, int)


def test_arguments_go_by_name_as_well(driver: Driver) -> None:
    connect(driver)

    value, code, _ = ask(driver, "positions_get", symbol="EURUSD")

    assert isinstance(value, list)
    assert code == 1


def test_an_unknown_symbol_is_an_answer_and_no_exception(driver: Driver) -> None:
    connect(driver)

    value, code, text = ask(driver, "symbol_info", "NOPE")

    assert (value, code, text) == (None, -4, "Terminal: Not found")


def test_a_call_with_wrong_arguments_is_its_own_failure_and_not_the_links(driver: Driver) -> None:
    connect(driver)

    value, code, _ = ask(driver, "symbol_info")

    assert value is None
    assert classify(code, "symbol_info", connected=True).error is not MT5ConnectionError
    assert ask(driver, "positions_total")[1] == 1


@pytest.mark.parametrize("symbol", HOSTILE)
def test_no_text_is_more_than_a_symbols_name(driver: Driver, symbol: str) -> None:
    connect(driver)

    value, code, _ = ask(driver, "symbol_info", symbol)

    assert value is None
    assert classify(code, "symbol_info", connected=True).error is not MT5ConnectionError
    assert ask(driver, "symbol_info", "EURUSD", fields=("name",)) == (["EURUSD"], 1, "Success")


def test_after_its_shutdown_a_read_is_a_lost_connection_and_it_can_attach_again(driver: Driver) -> None:
    connect(driver)

    driver.api.shutdown()

    assert (
        classify(ask(driver, "account_info")[1], "account_info", connected=False).error is MT5ConnectionError
    )
    assert connect(driver)[1:] == (True, 1)
    assert ask(driver, "account_info", fields=("login",))[1] == 1


def test_it_takes_settings_while_it_is_attached(driver: Driver) -> None:
    settings: Mapping[str, object] = {"path": PATH, "simulation": {"seed": 16}}
    connect(driver)

    driver.configure(settings)

    assert ask(driver, "version")[1] == 1


def test_what_is_not_on_the_list_of_reads_never_reaches_it(driver: Driver) -> None:
    connect(driver)

    value, code, _ = ask(driver, "order_send", {})

    assert (value, code) == (None, wire.REFUSED)
    assert classify(wire.RAISED, "symbol_info", connected=True).error is MT5DataError
