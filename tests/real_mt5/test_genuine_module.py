"""The simulated terminal held against the genuine module, and our worker on it."""

import asyncio
import json

import pytest

from mt5_exporter.errors import DEADLINE
from mt5_exporter.far import wire
from mt5_exporter.far.drivers.simulated import structs
from mt5_exporter.far.drivers.simulated.constants import Constants
from mt5_exporter.far.worker import READS
from mt5_exporter.launcher import WorkerError, WorkerProcess
from tests.conftest import ROOT
from tests.far.simulation import Stage, fault
from tests.real_mt5 import battery
from tests.real_mt5.conftest import Windows, as_windows

BUDGET = 20.0
ABSENT = r"C:\Nowhere\terminal64.exe"

Reply = dict[str, object]


def printed(windows: Windows, script: str) -> dict[str, object]:
    """Return the JSON that a script of this folder prints on Windows Python."""
    found: dict[str, object] = json.loads(windows.run(as_windows(ROOT / "tests" / "real_mt5" / script)))
    return found


def described(windows: Windows) -> dict[str, object]:
    return printed(windows, "describe.py")


async def started(windows: Windows, settings: dict[str, object]) -> WorkerProcess:
    worker, hello = await WorkerProcess.start(
        command=windows.interpreter if settings["driver"] == "metatrader5" else None,
        environment_names=(),
        settings=settings,
        timeout=60,
        on_exit=lambda _: None,
        on_stderr=lambda _: None,
    )
    assert hello.driver == settings["driver"]
    return worker


def ask(windows: Windows, settings: dict[str, object], *messages: dict[str, object]) -> list[Reply]:
    """Return the replies of one worker to some requests."""

    async def asking() -> list[Reply]:
        worker = await started(windows, settings)
        try:
            return [await worker.request(message, budget=BUDGET) for message in messages]
        finally:
            await worker.stop()

    return asyncio.run(asking())


def rows(reply: Reply) -> list[tuple[object, object, object]]:
    """Return value, code and text of each result, without its duration; of an exception only its type."""
    results = reply["results"]
    assert isinstance(results, list)
    return [
        (value, code, text.partition(":")[0] if code == wire.RAISED else text)
        for value, code, text, _ in results
    ]


@pytest.fixture(autouse=True)
def _wine(windows: Windows, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in windows.environment.items():
        monkeypatch.setenv(name, value)


def test_the_simulated_terminal_has_every_constant_of_the_genuine_module(windows: Windows) -> None:
    genuine = described(windows)["constants"]

    mine = {name: value for name, value in vars(Constants).items() if not name.startswith("__")}

    assert mine == genuine


def test_the_simulated_terminal_has_every_field_of_the_genuine_structs(windows: Windows) -> None:
    genuine = described(windows)["structs"]

    mine = {
        name: list(struct._fields)
        for name, struct in vars(structs).items()
        if isinstance(struct, type) and hasattr(struct, "_fields")
    }

    assert isinstance(genuine, dict)
    assert mine == {name: genuine[name] for name in mine}
    assert set(mine) == {
        "AccountInfo",
        "SymbolInfo",
        "TerminalInfo",
        "Tick",
        "TradeDeal",
        "TradeOrder",
        "TradePosition",
    }


def test_every_read_of_the_allow_list_is_a_function_of_the_genuine_module(windows: Windows) -> None:
    functions = described(windows)["functions"]

    assert isinstance(functions, list)
    assert set(functions) >= READS


ARGUMENTS: dict[str, list[object]] = {
    "symbol_info": ["EURUSD"],
    "symbol_info_tick": ["EURUSD"],
    "history_deals_get": [0, 1],
    "history_deals_total": [0, 1],
    "history_orders_get": [0, 1],
    "history_orders_total": [0, 1],
}


def test_before_connecting_both_answer_every_read_alike(windows: Windows) -> None:
    calls = [{"function": name, "args": ARGUMENTS.get(name, [])} for name in sorted(READS)]

    [genuine] = ask(windows, {"driver": "metatrader5", "path": ABSENT}, {"calls": calls})
    [simulated] = ask(windows, {"driver": "simulated", "simulation": {"seed": 1}}, {"calls": calls})

    assert rows(simulated) == rows(genuine)


def test_both_answer_bad_arguments_alike_through_a_worker(windows: Windows) -> None:
    calls: list[dict[str, object]] = [
        {"function": "positions_get", "args": ["EURUSD"]},
        {"function": "positions_get", "args": [], "kwargs": {"bogus": 1}},
        {"function": "positions_get", "args": [], "kwargs": {"ticket": -1}},
        {"function": "symbol_info", "args": []},
        {"function": "symbol_info_tick", "args": [1]},
        {"function": "symbols_get", "args": [1]},
        {"function": "account_info", "args": [1]},
        {"function": "history_deals_get", "args": [0, 2**31]},
    ]

    [genuine] = ask(windows, {"driver": "metatrader5", "path": ABSENT}, {"calls": calls})
    [simulated] = ask(windows, {"driver": "simulated", "simulation": {"seed": 1}}, {"calls": calls})

    assert rows(simulated) == rows(genuine)


def test_without_a_terminal_both_answer_every_call_alike(windows: Windows) -> None:
    genuine = printed(windows, "battery.py")

    simulated = battery.answers(Stage(fault("not_running")).api)

    assert len(simulated) > 10_000
    assert set(battery.FUNCTIONS) >= READS
    assert simulated == genuine


def test_a_terminal_that_is_not_there_is_told_without_touching_it(windows: Windows) -> None:
    [reply] = ask(windows, {"driver": "metatrader5", "path": ABSENT}, {"op": "connect"})

    assert reply["presence"] == "absent"
    assert rows(reply)[0][1] == wire.NOT_RUNNING


def test_a_bad_path_is_the_modules_own_error_without_the_look_before(windows: Windows) -> None:
    settings: dict[str, object] = {"driver": "metatrader5", "path": ABSENT, "preflight": False}

    [reply] = ask(windows, settings, {"op": "connect"})

    value, code, text = rows(reply)[0]
    assert (value, code) == (False, -10003)
    assert "Process create failed" in str(text)


def test_writes_are_refused_beside_the_genuine_module(windows: Windows) -> None:
    names = ("order_send", "login", "shutdown", "symbol_select")
    calls: list[dict[str, object]] = [{"function": name, "args": []} for name in names]

    [reply] = ask(windows, {"driver": "metatrader5", "path": ABSENT}, {"calls": calls})

    assert {code for _, code, _ in rows(reply)} == {wire.REFUSED}


def test_the_worker_tells_its_memory(windows: Windows) -> None:
    [reply] = ask(windows, {"driver": "metatrader5", "path": ABSENT}, {"op": "connect"})

    assert isinstance(reply["rss"], int)
    assert reply["rss"] > 10_000_000


def test_a_deadline_ends_a_worker_that_starts_too_slowly(windows: Windows) -> None:
    async def starting() -> int:
        with pytest.raises(WorkerError) as caught:
            await WorkerProcess.start(
                command=windows.interpreter,
                environment_names=(),
                settings={"driver": "metatrader5", "path": ABSENT},
                timeout=0.05,
                on_exit=lambda _: None,
                on_stderr=lambda _: None,
            )
        return caught.value.code

    assert asyncio.run(starting()) == DEADLINE
