"""The simulated terminal held against the genuine module, and our worker on it."""

import asyncio
import json

import pytest

from mt5_exporter.errors import DEADLINE
from mt5_exporter.far import wire
from mt5_exporter.far.drivers.simulated import constants, structs
from mt5_exporter.far.worker import READS
from mt5_exporter.launcher import WorkerError, WorkerProcess
from tests.real_mt5.conftest import ROOT, Windows, as_windows

BUDGET = 20.0
ABSENT = r"C:\Nowhere\terminal64.exe"

Reply = dict[str, object]


def described(windows: Windows) -> dict[str, object]:
    found: dict[str, object] = json.loads(
        windows.run(as_windows(ROOT / "tests" / "real_mt5" / "describe.py"))
    )
    return found


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
    """Return value, code and text of each result, without its duration."""
    results = reply["results"]
    assert isinstance(results, list)
    return [tuple(row[:3]) for row in results]


@pytest.fixture(autouse=True)
def _wine(windows: Windows, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in windows.environment.items():
        monkeypatch.setenv(name, value)


def test_the_simulated_terminal_has_every_constant_of_the_genuine_module(windows: Windows) -> None:
    genuine = described(windows)["constants"]

    assert isinstance(genuine, dict)
    assert {name: getattr(constants, name) for name in genuine} == genuine


def test_the_simulated_terminal_has_every_field_of_the_genuine_structs(windows: Windows) -> None:
    genuine = described(windows)["structs"]

    assert isinstance(genuine, dict)
    ours = {name: fields for name, fields in structs.FIELDS.items() if name in genuine}
    assert ours == {name: tuple(genuine[name]) for name in ours}
    assert set(ours) >= {"AccountInfo", "TerminalInfo", "SymbolInfo", "Tick", "TradePosition", "TradeOrder"}


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


@pytest.mark.parametrize(
    "call",
    [
        {"function": "positions_get", "args": ["EURUSD"]},
        {"function": "symbol_info", "args": []},
        {"function": "symbol_info_tick", "args": [1]},
        {"function": "account_info", "args": [1]},
        {"function": "terminal_info", "args": [1]},
        {"function": "positions_get", "args": [], "kwargs": {"bogus": 1}},
    ],
    ids=str,
)
def test_both_answer_bad_arguments_alike(call: dict[str, object], windows: Windows) -> None:
    [genuine] = ask(windows, {"driver": "metatrader5", "path": ABSENT}, {"calls": [call]})
    [simulated] = ask(windows, {"driver": "simulated", "simulation": {"seed": 1}}, {"calls": [call]})

    assert rows(simulated) == rows(genuine)


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
    calls = [{"function": name, "args": []} for name in ("order_send", "login", "shutdown", "symbol_select")]

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
