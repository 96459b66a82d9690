"""The whole exporter in this process: what is served from the first moment, and when parts of it die."""

import asyncio
import dataclasses
import logging
import os
import signal

import pytest

from mt5_exporter import app as module
from mt5_exporter import poll as poll_module
from mt5_exporter.app import App
from mt5_exporter.backoff import Backoff
from mt5_exporter.catalogue import METRICS, Metric
from mt5_exporter.config import Config, TerminalConfig
from mt5_exporter.events import ClockJumped, Event, Heartbeat, JobDue, JobEnded, LoopWoke, SessionChanged
from mt5_exporter.exposition import publish
from mt5_exporter.exposition.negotiate import Format
from mt5_exporter.scheduler import APScheduler
from mt5_exporter.web.front import WebSettings
from tests.app.living import LivingApp, desk, living
from tests.exposition import parsing
from tests.exposition.test_catalogue import CONDITIONAL
from tests.exposition.world import ManualClock, run
from tests.process.running import Scrape

NOBODY = TerminalConfig(
    name="nobody",
    driver="simulated",
    command=("/nowhere/python",),
    interval=1,
    timeout=0.5,
    symbols=("BTCUSD",),
)


def is_up(found: Scrape, terminal: str = "desk-1") -> bool:
    return found.get("mt5_up", terminal=terminal) == 1


def test_everything_but_values_is_there_at_the_first_scrape_of_a_terminal_that_never_comes() -> None:
    async def main() -> None:
        async with living(Config(terminals=(NOBODY,))) as exporter:
            found = await exporter.scrape()

            names = {name for name, _ in found.samples}
            for metric in METRICS.values():
                served = metric.name in names or f"{metric.name}_bucket" in names
                assert served is (metric.group not in {"value", "lasting"}) or metric.name in CONDITIONAL, (
                    metric.name
                )
            assert found.get("mt5_up", terminal="nobody") == 0

    run(main)


def test_an_exporter_becomes_ready_serves_and_leaves_no_worker() -> None:
    async def main() -> None:
        async with living(Config(terminals=(desk(), NOBODY))) as exporter:
            assert await exporter.get("/-/healthy") == (200, "healthy\n")

            found = await exporter.wait_for(is_up)
            assert await exporter.wait_for_page("/-/ready", 200) == "ready\n"

            assert found.get("mt5_session_state", terminal="desk-1", state="ready") == 1
            assert found.get("mt5_up", terminal="nobody") == 0
            status, page = await exporter.get("/")
            assert (status, '<b>desk-1</b> <span class="good">up</span>' in page) == (200, True)
            assert "cannot start" in page

    run(main)


def test_both_formats_of_a_living_exporter_say_the_same() -> None:
    async def main() -> None:
        async with living(Config(terminals=(desk(),))) as exporter:
            await exporter.wait_for(is_up)
            exposition = await exporter.app.publisher.current()

        text = parsing.text(exposition.bodies[Format.TEXT])
        openmetrics = parsing.openmetrics(exposition.bodies[Format.OPENMETRICS])
        assert set(text) == {
            # The text parser keeps an info's suffix, and OpenMetrics' does not.
            f"{name}_info" if kind == "info" else name
            for name, (kind, _, _) in openmetrics.items()
        }

    run(main)


def test_a_worker_that_is_killed_is_down_at_once_lost_once_and_replaced() -> None:
    async def main() -> None:
        # Long enough away to be seen, however busy this machine is.
        away = dataclasses.replace(desk(interval=30), backoff=Backoff(initial=4, maximum=8))
        async with living(Config(terminals=(away,))) as exporter:
            before = await exporter.wait_for(is_up)
            os.kill(exporter.worker("desk-1"), signal.SIGKILL)
            down = await exporter.wait_for(lambda found: not is_up(found))
            assert down.get("mt5_probe_status", terminal="desk-1", probe="connection", status="failed") == 1
            assert down.get("mt5_worker_up", terminal="desk-1") == 0

            await exporter.wait_for(
                lambda found: found.get("mt5_worker_restarts_total", terminal="desk-1", reason="crash") == 1
            )

            assert before.get("mt5_session_losses_total", terminal="desk-1") == 0
            assert (await exporter.scrape()).get("mt5_session_losses_total", terminal="desk-1") == 1

    run(main)


def test_a_dead_scheduler_is_unhealthy_and_what_it_fed_goes_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_LIMIT", 1.5)

    async def main() -> None:
        async with living(Config(terminals=(desk(),))) as exporter:
            await exporter.wait_for(is_up)
            assert await exporter.get("/-/healthy") == (200, "healthy\n")

            scheduler = exporter.app.scheduler
            assert isinstance(scheduler, APScheduler)
            scheduler._scheduler.shutdown(wait=False)

            assert "the scheduler has not run for" in await exporter.wait_for_page("/-/healthy", 503)
            await exporter.wait_for(lambda found: not is_up(found))

    run(main)


async def break_rendering(exporter: LivingApp) -> Metric:
    """Let something be counted that the catalogue does not know."""
    unknown = Metric("mt5_unknown_total", "counter", "Nobody knows it.", ("terminal",), "counter")
    exporter.app.counters.add(unknown, NOBODY.name)
    exporter.app.publisher.changed()
    return unknown


def test_a_rendering_that_raises_fails_the_scrape_shows_in_health_and_heals(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "MAX_VALID", 1.0)

    async def main() -> None:
        async with living(Config(terminals=(NOBODY,))) as exporter:
            await exporter.wait_for_page("/metrics", 200)
            unknown = await break_rendering(exporter)

            assert (
                await exporter.wait_for_page("/metrics", 500)
                == "the metrics cannot be rendered: LookupError\n"
            )
            assert await exporter.get("/-/healthy") == (503, "the metrics cannot be rendered: LookupError\n")
            del exporter.app.counters._totals[NOBODY.name][unknown, (NOBODY.name,)]
            found = Scrape(await exporter.wait_for_page("/metrics", 200))

            assert (found.get("mt5_exporter_render_failures_total") or 0) > 0
            assert await exporter.wait_for_page("/-/healthy", 200) == "healthy\n"

    with caplog.at_level(logging.ERROR):
        run(main)

    assert [record.getMessage() for record in caplog.records].count(
        "rendering failed; it is tried again"
    ) == 1


def test_the_exporters_own_metrics_are_left_out_when_the_flag_says_so() -> None:
    async def main() -> None:
        settings = WebSettings(telemetry_path="/mt5", exporter_metrics=False)
        async with living(Config(terminals=(NOBODY,)), web=settings) as exporter:
            status, text = await exporter.get("/mt5")

            assert status == 200
            assert "mt5_exporter_" not in text
            assert "process_" not in text

    run(main)


def test_a_poll_that_gets_no_lease_is_counted_and_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poll_module, "LEASE_WAIT", 0.01)
    monkeypatch.setattr(publish, "MAX_VALID", 1.0)

    def skipped(found: Scrape) -> bool:
        return found.get("mt5_polls_skipped_total", terminal="desk-1", reason="no_lease") != 0

    async def main() -> None:
        async with living(Config(terminals=(desk(),))) as exporter:
            await exporter.wait_for(is_up)
            async with exporter.app.manager.session("desk-1"):
                await exporter.wait_for(skipped)

    run(main)


# -- without a network ----------------------------------------------------------------------------------


def value(app: App, name: str, **labels: str) -> float:
    return app.internals.registry.get_sample_value(name, labels) or 0.0


def test_what_is_told_about_ourselves_becomes_our_own_metrics() -> None:
    app = App(Config(terminals=(desk(),)), clock=ManualClock())

    for event in (
        JobDue(job="desk-1", lag=0.3),
        JobEnded(job="desk-1", outcome="executed"),
        JobEnded(job="desk-1", outcome="max_instances"),
        ClockJumped(seconds=9),
        LoopWoke(late=0.25, tasks=17),
        Heartbeat(at=1_764_849_600.0),
    ):
        app.events.emit(event)

    assert value(app, "mt5_exporter_scheduler_lag_seconds_sum") == 0.3
    assert value(app, "mt5_exporter_scheduler_events_total", event="executed") == 1
    assert value(app, "mt5_exporter_scheduler_events_total", event="max_instances") == 1
    assert value(app, "mt5_exporter_scheduler_events_total", event="missed") == 0
    assert value(app, "mt5_exporter_scheduler_clock_jumps_total") == 1
    assert value(app, "mt5_exporter_event_loop_lag_seconds") == 0.25
    assert value(app, "mt5_exporter_event_loop_tasks") == 17
    assert value(app, "mt5_exporter_scheduler_last_run_timestamp_seconds") == 1_764_849_600.0


def test_a_listener_that_raises_is_counted() -> None:
    def broken(event: Event) -> None:
        raise RuntimeError

    app = App(Config(terminals=(desk(),)), clock=ManualClock())
    app.events.subscribe(broken)

    app.events.emit(Heartbeat(at=1))

    assert value(app, "mt5_exporter_listener_errors_total") == 1


def test_a_terminal_that_connects_over_and_over_is_polled_promptly_once_an_interval() -> None:
    clock = ManualClock()
    polls: list[float] = []

    async def poll() -> None:
        polls.append(clock.monotonic())

    async def main() -> None:
        app = App(Config(terminals=(desk(interval=10),)), clock=clock)
        app.scheduler.every(10, "desk-1", poll)
        connected = SessionChanged(terminal="desk-1", before="connecting", after="ready", at=0, lasted=0)
        for wait in (0, 1, 8.5, 1, 1):
            clock.advance(wait)
            app.events.emit(connected)
            await asyncio.sleep(0)

    run(main)

    assert polls == [1000.0, 1010.5]


def test_an_exporter_is_not_ready_before_every_terminal_was_polled() -> None:
    app = App(Config(terminals=(desk(), NOBODY)), clock=ManualClock())

    assert app._unready() == "not polled yet: desk-1, nobody"
    assert app._unhealthy() == ""


def test_a_terminal_that_never_answered_is_not_up_on_the_front_page() -> None:
    app = App(Config(terminals=(desk(),)), clock=ManualClock())

    [terminal] = app._overview().terminals

    assert (terminal.name, terminal.up, terminal.state, terminal.well) == ("desk-1", False, "", False)
    assert {probe.reason for probe in terminal.probes} == {"not_run"}


def test_an_exporter_that_stops_is_not_ready() -> None:
    async def main() -> None:
        app = App(Config(terminals=(NOBODY,)), clock=ManualClock())
        stop = asyncio.Event()
        stop.set()

        await asyncio.wait_for(app.run([], stop), 10)

        assert app._unready() == "stopping"

    run(main)
