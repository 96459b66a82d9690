"""Who is told what happened, and who is not disturbed by it."""

import dataclasses
import logging

import pytest

from mt5_exporter import errors
from mt5_exporter.events import AttemptFinished, BreakerChanged, CallFailed, Event, Events

OPENED = BreakerChanged(terminal="demo", before="closed", after="open", reason="trip")
ATTEMPT = AttemptFinished(terminal="demo", seconds=0.5)


def test_every_listener_is_told_every_event_in_order() -> None:
    events = Events()
    metrics: list[Event] = []
    log: list[Event] = []
    events.subscribe(metrics.append)
    events.subscribe(log.append)

    events.emit(OPENED)
    events.emit(ATTEMPT)

    assert metrics == log == [OPENED, ATTEMPT]
    assert events.listener_errors == 0


def test_an_event_without_listeners_is_nothing() -> None:
    events = Events()

    events.emit(OPENED)

    assert events.listener_errors == 0


def test_a_listener_that_raises_is_logged_and_counted_and_disturbs_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(event: Event) -> None:
        raise RuntimeError("the listener's own fault")

    events = Events()
    heard: list[Event] = []
    events.subscribe(broken)
    events.subscribe(heard.append)

    with caplog.at_level(logging.ERROR):
        events.emit(OPENED)
        events.emit(ATTEMPT)

    assert heard == [OPENED, ATTEMPT]
    assert events.listener_errors == 2
    assert [record.__dict__["event"] for record in caplog.records] == ["BreakerChanged", "AttemptFinished"]
    assert "the listener's own fault" in caplog.text


def test_an_event_cannot_be_changed_by_a_listener() -> None:
    failed = CallFailed(terminal="demo", error=errors.error(-10004, "No IPC connection"))

    with pytest.raises(dataclasses.FrozenInstanceError):
        failed.terminal = "other"  # type: ignore[misc]

    assert failed.terminal == "demo"
