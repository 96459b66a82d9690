"""The rows of a reply, and whom they may answer for."""

import asyncio

import pytest

from mt5_exporter.clock import SystemClock
from mt5_exporter.config import SimulationConfig, TerminalConfig
from mt5_exporter.errors import PROTOCOL
from mt5_exporter.events import Events
from mt5_exporter.far import wire
from mt5_exporter.launcher import WorkerError
from mt5_exporter.link import Call, Link
from mt5_exporter.settings import WorkerSettings

TWO_TICKS = [Call(function="symbol_info_tick", args=(symbol,)) for symbol in ("EURUSD", "BTCUSD")]


def link() -> Link:
    terminal = TerminalConfig(name="desk-1", driver="simulated", simulation=SimulationConfig())
    return Link(
        terminal,
        settings=WorkerSettings(terminal, SystemClock().wall),
        events=Events(),
        clock=SystemClock(),
        starts=asyncio.Semaphore(1),
        on_exit=lambda _: None,
    )


def test_one_failure_answers_for_every_call_of_a_frame() -> None:
    reply: dict[str, object] = {"results": [[None, wire.RAISED, "frame is too long", 0.1]]}

    answers = link().answers(reply, TWO_TICKS)

    assert [answer.error and answer.error.reason for answer in answers] == ["raised", "raised"]


@pytest.mark.parametrize(
    "row", [[[1, 2, 1.0, 1.1], 1, "Success", 0.1], [None, -4, "Terminal: Not found", 0.1]]
)
def test_one_answer_is_never_taken_for_another_symbols(row: list[object]) -> None:
    with pytest.raises(WorkerError) as caught:
        link().answers({"results": [row]}, TWO_TICKS)

    assert caught.value.code == PROTOCOL
