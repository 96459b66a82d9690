"""Another configuration under a running exporter: what it leaves as it was notices nothing."""

import asyncio
import dataclasses
import logging
import os
import signal

import pytest

from mt5_exporter.config import AccountConfig, Config, TerminalConfig
from mt5_exporter.events import SessionChanged, WorkerStarted, WorkerWrote
from mt5_exporter.limits import Limits
from mt5_exporter.secret import Secret
from mt5_exporter.web.front import WebSettings
from tests.app.living import LivingApp, desk, living
from tests.exposition.world import run
from tests.process.running import Scrape

STAYS, GOES, COMES = desk("stays"), desk("goes"), desk("comes")
PING = "mt5_limit_terminal_ping_seconds"


class File:
    """What the configuration's file says, as a test writes it."""

    def __init__(self, *terminals: TerminalConfig) -> None:
        self.config = Config(terminals=terminals)

    def write(self, *terminals: TerminalConfig) -> None:
        self.config = Config(terminals=terminals)

    def load(self) -> Config:
        return self.config


def up(*names: str) -> "Up":
    return Up(names)


class Up:
    """Whether terminals are up."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names

    def __call__(self, found: Scrape) -> bool:
        return all(found.get("mt5_up", terminal=name) == 1 for name in self.names)


async def reload(exporter: LivingApp) -> str:
    status, text = await exporter.get("/-/reload", method="POST")
    assert status == 200, text
    return text


def polls(found: Scrape, terminal: str) -> float:
    return found.get("mt5_polls_total", terminal=terminal) or 0


def test_terminals_come_and_go_and_the_others_keep_session_worker_and_counters() -> None:
    async def main() -> None:
        file = File(STAYS, GOES)
        async with living(file.config, load=file.load) as exporter:
            before = await exporter.wait_for(up("stays", "goes"))
            worker, leaving = exporter.worker("stays"), exporter.worker("goes")
            file.write(STAYS, COMES)

            assert await reload(exporter) == "configuration reloaded: added comes; removed goes\n"

            now = await exporter.scrape()
            assert now.names(terminal="goes") == set()
            assert exporter.worker("stays") == worker
            assert polls(now, "stays") >= polls(before, "stays") > 0
            with pytest.raises(ProcessLookupError):
                os.kill(leaving, 0)
            later = await exporter.wait_for(up("stays", "comes"))
            assert later.get("mt5_session_losses_total", terminal="stays") == 0
            assert later.get("mt5_session_attempts_total", terminal="stays") == 1
            assert later.get("mt5_exporter_listener_errors_total") == 0
            # Ready once is ready: a terminal that comes later takes nobody's scrapes away.
            assert (await exporter.get("/-/ready"))[0] == 200

    run(main)


def test_a_key_that_is_live_is_applied_under_the_running_session() -> None:
    limits = Limits(configured={"terminal_ping_seconds": {"*": 0.125}})
    other = dataclasses.replace(STAYS, limits=limits, interval=2.0, stale_after=9.0, market="always")

    async def main() -> None:
        file = File(STAYS)
        async with living(file.config, load=file.load) as exporter:
            await exporter.wait_for(up("stays"))
            worker = exporter.worker("stays")
            file.write(other)

            text = await reload(exporter)

            now = await exporter.scrape()
            assert text == (
                "configuration reloaded: adjusted stays (interval, stale_after, limits, market)\n"
            )
            assert now.get(PING, terminal="stays") == 0.125
            assert now.get("mt5_poll_interval_seconds", terminal="stays") == 2
            assert now.get("mt5_reading_stale_after_seconds", terminal="stays") == 9
            assert exporter.worker("stays") == worker
            count = polls(now, "stays")
            await exporter.wait_for(lambda found: polls(found, "stays") > count)

    run(main)


def test_a_shorter_interval_polls_at_once_and_other_keys_leave_the_schedule_alone() -> None:
    seldom = desk("stays", interval=3600.0)
    limited = dataclasses.replace(seldom, limits=Limits(configured={"terminal_ping_seconds": {"*": 0.125}}))
    often = dataclasses.replace(limited, interval=1800.0, account_interval=1800.0, poll_timeout=1800.0)

    async def main() -> None:
        file = File(seldom)
        async with living(file.config, load=file.load) as exporter:
            count = polls(await exporter.wait_for(up("stays")), "stays")
            file.write(limited)
            await reload(exporter)
            await exporter.wait_for(lambda found: found.get(PING, terminal="stays") == 0.125)
            assert polls(await exporter.scrape(), "stays") == count
            file.write(often)

            await reload(exporter)

            await exporter.wait_for(lambda found: polls(found, "stays") == count + 1)

    run(main)


def test_a_key_that_is_not_live_begins_a_new_session_and_the_counters_go_on() -> None:
    async def main() -> None:
        file = File(STAYS, GOES)
        async with living(file.config, load=file.load) as exporter:
            before = await exporter.wait_for(up("stays", "goes"))
            worker, neighbour = exporter.worker("stays"), exporter.worker("goes")
            file.write(dataclasses.replace(STAYS, symbols=("ETHUSD",)), GOES)

            assert await reload(exporter) == "configuration reloaded: restarted stays (symbols)\n"

            at_once = await exporter.scrape()
            assert at_once.get("mt5_symbol_bid", terminal="stays", symbol="BTCUSD") is None
            assert polls(at_once, "stays") >= polls(before, "stays")
            now = await exporter.wait_for(
                lambda found: found.get("mt5_symbol_bid", terminal="stays", symbol="ETHUSD") is not None
            )
            assert now.get("mt5_session_losses_total", terminal="stays") == 0
            assert exporter.worker("stays") != worker
            assert exporter.worker("goes") == neighbour

    run(main)


def test_a_terminal_that_hangs_in_a_call_is_taken_away_all_the_same() -> None:
    async def main() -> None:
        file = File(STAYS, GOES)
        async with living(file.config, load=file.load) as exporter:
            await exporter.wait_for(up("stays", "goes"))
            os.kill(exporter.worker("goes"), signal.SIGSTOP)
            poll = asyncio.ensure_future(exporter.app.fleet._posts["goes"].poller.poll())
            await asyncio.sleep(0)
            file.write(STAYS)

            await reload(exporter)

            found = await exporter.scrape()
            assert found.names(terminal="goes") == set()
            await exporter.wait_for(up("stays"))
            await asyncio.wait({poll})
            assert poll.exception() is None or "draining" in str(poll.exception())

    run(main)


def test_a_name_that_comes_back_begins_its_counters_at_0() -> None:
    async def main() -> None:
        file = File(STAYS, GOES)
        async with living(file.config, load=file.load) as exporter:
            await exporter.wait_for(lambda found: polls(found, "goes") >= 2)
            file.write(STAYS)
            await reload(exporter)
            file.write(STAYS, dataclasses.replace(GOES, interval=60, poll_timeout=5, command=("/nowhere",)))

            await reload(exporter)

            found = await exporter.scrape()
            assert polls(found, "goes") == 0
            assert (
                found.get("mt5_probe_last_success_timestamp_seconds", terminal="goes", probe="connection")
                == 0
            )

    run(main)


def test_a_hundred_reloads_at_once_lose_no_scrape_and_leave_one_worker_each() -> None:
    async def main() -> None:
        file = File(STAYS)
        # Its own limit of scrapes at once would answer 503.
        async with living(file.config, web=WebSettings(max_requests=0), load=file.load) as exporter:
            await exporter.wait_for(up("stays"))
            worker = exporter.worker("stays")
            file.write(STAYS, COMES)

            answers = await asyncio.gather(
                *(exporter.get("/-/reload", method="POST") for _ in range(100)),
                *(exporter.get() for _ in range(100)),
            )

            assert {status for status, _ in answers} == {200}
            await exporter.wait_for(up("stays", "comes"))
            assert exporter.worker("stays") == worker
            assert len(exporter.app.manager.sessions()) == 2

    run(main)


def test_an_exporter_that_is_stopped_while_it_reloads_leaves_no_worker() -> None:
    async def main() -> None:
        file = File(STAYS, GOES)
        # `living` itself sees to it that no worker is left.
        async with living(file.config, load=file.load) as exporter:
            await exporter.wait_for(up("stays", "goes"))
            file.write(dataclasses.replace(STAYS, symbols=("ETHUSD",)), COMES)
            for _ in range(3):
                exporter.app.reloader.request()
            await asyncio.sleep(0)
        assert (await exporter.app.reloader.reload()).message == "the exporter is stopping"

    run(main)


def test_what_a_session_says_after_its_terminal_has_gone_is_let_go() -> None:
    app_events = (
        SessionChanged(terminal="gone", before="ready", after="backoff", at=0, lasted=0),
        WorkerStarted(terminal="gone", pid=1, seconds=1, python="3", package="", restart=None),
        WorkerWrote(terminal="gone", line="late"),
    )

    async def main() -> None:
        async with living(Config(terminals=(STAYS,))) as exporter:
            await exporter.wait_for(up("stays"))

            for event in app_events:
                exporter.app.events.emit(event)

            found = await exporter.scrape()
            assert found.get("mt5_exporter_listener_errors_total") == 0
            assert found.names(terminal="gone") == set()

    run(main)


def test_a_new_password_is_hidden_from_the_moment_it_is_used(caplog: pytest.LogCaptureFixture) -> None:
    account = AccountConfig(login=7, server="Sim", password=Secret("hunter2-canary"))
    secret = dataclasses.replace(STAYS, login=True, account=account)

    async def main() -> None:
        file = File(STAYS)
        async with living(file.config, load=file.load) as exporter:
            file.config = Config(terminals=(secret,), secrets=(Secret("hunter2-canary"),))
            text = await reload(exporter)
            _, config = await exporter.get("/config")

            assert text == "configuration reloaded: restarted stays (login, account)\n"
            assert "password: '<secret>'" in config
            assert "hunter2" not in config
            assert exporter.app.redactor.redact("hunter2-canary") == "<secret>"

    with caplog.at_level(logging.DEBUG):
        run(main)

    assert "hunter2" not in caplog.text


def test_the_metrics_say_what_runs_and_whether_the_last_reload_failed() -> None:
    async def main() -> None:
        file = File(STAYS)
        async with living(file.config, load=file.load) as exporter:
            before = await exporter.scrape()
            file.config = dataclasses.replace(file.config, connect_rate=1)
            await reload(exporter)
            after = await exporter.scrape()

            hashes = [_hash(found) for found in (before, after)]
            assert hashes[0] != hashes[1]
            for found in (before, after):
                assert found.get("mt5_exporter_config_last_reload_successful") == 1
            _, page = await exporter.get("/")
            assert f"Configuration {hashes[1]}, read " in page

    run(main)


def _hash(found: Scrape) -> str:
    [labels] = [labels for name, labels in found.samples if name == "mt5_exporter_config_info"]
    return dict(labels)["hash"]
