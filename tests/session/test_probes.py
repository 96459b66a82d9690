"""What each probe says, and why; each answer comes from a genuine worker."""

import re
from pathlib import Path

import psutil
import pytest

from mt5_exporter import probe as ask_for_a_report
from mt5_exporter.config import AccountConfig
from mt5_exporter.errors import MT5InvalidRequestError, MT5UnavailableError
from mt5_exporter.limits import Limits
from mt5_exporter.manager import MT5SessionManager
from mt5_exporter.probes import PROBES, Probe, Verdict
from mt5_exporter.probes.base import PASSED, failed, unknown
from mt5_exporter.report import Report
from mt5_exporter.snapshot import ProbeStatus
from tests.session.polling import HOUR, OPENING, SATURDAY, polling, probe_of
from tests.session.stage import Behind, FakeClock, config, in_loop, simulated, until

OURS = AccountConfig(login=42, server="Broker-Live")
PASS = ("passed", "", "")


# Every probe


def of(**limits: float) -> Limits:
    """Return limits, the rest of them by default."""
    return Limits(configured={name: {"*": limit} for name, limit in limits.items()})


def test_probes_have_names_of_their_own_and_require_those_before_them() -> None:
    before: set[str] = set()
    for probe in PROBES:
        assert re.fullmatch("[a-z_]+", probe.name)
        assert probe.name not in before
        assert probe.requires <= before
        before.add(probe.name)

    # `mt5_up` and the report look for the first; the rest of the exporter names all four.
    assert [probe.name for probe in PROBES] == ["connection", "authentication", "data_feed", "latency"]


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
@in_loop
async def test_a_probe_passes_at_a_terminal_that_is_well(tmp_path: Path, probe: Probe) -> None:
    async with polling(tmp_path, account=OURS) as stage:
        assert await stage.told(probe.name) == PASS


QUESTIONS = ["terminal_info", "account_info", "symbol_info_tick", "positions_get", "orders_get"]


@pytest.mark.parametrize("code", [1, -1, -2, -4, -6, -10004, -10005, 12345])
@in_loop
async def test_no_error_of_the_terminal_escapes_a_poll(tmp_path: Path, code: int) -> None:
    async with polling(tmp_path) as stage:
        for question in QUESTIONS:
            # A lost terminal is connected again when the clock says so.
            assert isinstance(stage.manager.clock, FakeClock)
            stage.manager.clock.advance(120.0)
            await stage.attached()
            stage.answers.fail(question, code, "The terminal's own words")

            result = await stage.poll()

            assert [probe.probe for probe in result.probes] == [probe.name for probe in PROBES]
            failures = [probe.message for probe in result.probes if probe.status is ProbeStatus.FAILED]
            failures += [reading.message for reading in result.readings if not reading.success]
            assert failures
            stage.answers.give(question, stage.answers.known(question))


def test_a_verdict_is_a_status_with_its_reason() -> None:
    assert Verdict(status=ProbeStatus.PASSED) == PASSED
    assert failed("r", "m") == Verdict(status=ProbeStatus.FAILED, reason="r", message="m")
    assert unknown("r", "m") == Verdict(status=ProbeStatus.UNKNOWN, reason="r", message="m")


# Connection


@in_loop
async def test_a_terminal_that_answers_an_error_is_not_connected_for_that_reason(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.fail("terminal_info", -10004, "No IPC connection")

        told = await stage.told("connection")

        text = "terminal 'desk': terminal_info: No IPC connection (MT5 error -10004)"
        assert told == ("failed", "no_ipc", text)


@in_loop
async def test_a_terminal_that_was_lost_before_is_not_connected_for_the_reason_of_that_loss(
    tmp_path: Path,
) -> None:
    async with polling(tmp_path) as stage:
        assert stage.session.worker is not None
        psutil.Process(stage.session.worker.pid).kill()
        await until(lambda: not stage.session.attached)

        told = await stage.told("connection")

        assert told == ("failed", "worker_died", "terminal 'desk': the worker died (SIGKILL)")


@in_loop
async def test_before_the_first_attempt_has_ended_the_connection_is_not_ready() -> None:
    pool = MT5SessionManager(config(simulated()))
    async with pool:
        report = await ask_for_a_report(pool)

    assert report.connection is ProbeStatus.FAILED
    assert report.latency_ms is None
    [connection, *_] = report.poll.probes
    assert connection.reason in {"draining", "not_ready"}


@in_loop
async def test_what_a_failed_connection_blocks_is_skipped_with_its_words(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.fail("terminal_info", -10004, "No IPC connection")

        result = await stage.poll()

        [connection, *others] = result.probes
        assert {probe.status for probe in others} == {ProbeStatus.SKIPPED}
        assert {probe.reason for probe in others} == {"connection_failed"}
        assert {probe.message for probe in others} == {connection.message}
        # A file that an expert advisor touches is there without its terminal.
        blocked = [reading for reading in result.readings if reading.reading != "experts"]
        assert all(reading.skipped and not reading.success for reading in blocked)
        assert {reading.message for reading in blocked} == {f"connection: {connection.message}"}


# Authentication


@pytest.mark.parametrize(
    "account",
    [None, AccountConfig(), OURS, AccountConfig(login=42), AccountConfig(server="Broker-Live")],
)
@in_loop
async def test_the_expected_account_passes_and_none_expects_nothing(
    tmp_path: Path, account: AccountConfig | None
) -> None:
    async with polling(tmp_path, account=account) as stage:
        assert await stage.told("authentication") == PASS


@in_loop
async def test_no_account_is_not_logged_in(tmp_path: Path) -> None:
    async with polling(tmp_path, account=OURS) as stage:
        stage.answers.account(login=0)

        told = await stage.told("authentication")

        assert told == ("failed", "not_logged_in", "no account is logged in")


@in_loop
async def test_another_login_fails_hides_both_and_its_values_are_not_read(tmp_path: Path) -> None:
    async with polling(tmp_path, account=OURS) as stage:
        stage.answers.account(login=998_877)

        result = await stage.poll()

        authentication = probe_of(result, "authentication")
        text = "another account is logged in than the configuration names"
        assert (authentication.reason, authentication.message) == ("account_mismatch", text)
        assert "998877" not in repr(result)
        assert "42" not in authentication.message
        skipped = {reading.reading: reading.message for reading in result.readings if reading.skipped}
        assert skipped == dict.fromkeys(
            ["account", "positions", "orders", "deals", "history_orders", "risk"], f"authentication: {text}"
        )
        assert (probe_of(result, "data_feed").status, probe_of(result, "data_feed").reason) == (
            ProbeStatus.SKIPPED,
            "authentication_failed",
        )
        assert probe_of(result, "latency").status is ProbeStatus.PASSED


@in_loop
async def test_another_server_fails_and_names_both(tmp_path: Path) -> None:
    async with polling(tmp_path, account=OURS) as stage:
        stage.answers.account(server="Broker-Demo")

        told = await stage.told("authentication")

        text = "logged in to 'Broker-Demo', the configuration names 'Broker-Live'"
        assert told == ("failed", "account_mismatch", text)


@in_loop
async def test_an_account_of_another_shape_fails_authentication_and_not_the_connection(
    tmp_path: Path,
) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.account(login="forty-two")

        result = await stage.poll()

        assert probe_of(result, "connection").status is ProbeStatus.PASSED
        found = probe_of(result, "authentication")
        text = "terminal 'desk': account_info: Account.login is a str"
        assert (found.reason, found.message) == ("schema", text)


# Data feed


@in_loop
async def test_without_symbols_the_feed_cannot_be_told(tmp_path: Path) -> None:
    async with polling(tmp_path, symbols=()) as stage:
        told = await stage.told("data_feed")

        assert told == ("unknown", "no_symbols", "no symbols are configured")


@in_loop
async def test_a_terminal_without_its_trade_server_has_no_feed(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        stage.answers.terminal(connected=False)

        told = await stage.told("data_feed")

        assert told == ("failed", "disconnected", "the terminal does not reach its trade server")


@in_loop
async def test_a_closed_market_owes_no_ticks(tmp_path: Path) -> None:
    async with polling(tmp_path, FakeClock(wall=SATURDAY), market="fx") as stage:
        told = await stage.told("data_feed")

        assert told == ("unknown", "market_closed", "the market of every symbol is closed")


@in_loop
async def test_only_the_symbols_of_open_markets_are_judged(tmp_path: Path) -> None:
    clock = FakeClock(wall=SATURDAY)
    hours = {"EURUSD": "fx", "BTCUSD": "crypto"}
    async with polling(tmp_path, clock, symbols=("EURUSD", "BTCUSD"), symbol_markets=hours) as stage:
        stage.answers.fail("symbol_info_tick EURUSD", -4, "Not found")
        first = await stage.told("data_feed")
        clock.advance(121.0)

        told = await stage.told("data_feed")

        assert first == PASS
        assert told == ("failed", "stale", "no new tick for 120 s: BTCUSD")


@in_loop
async def test_a_symbol_without_a_tick_is_named_with_the_terminals_words(tmp_path: Path) -> None:
    async with polling(tmp_path, symbols=("EURUSD", "NOPE", "NADA")) as stage:
        stage.answers.fail("symbol_info_tick NOPE", -4, "Terminal: Not found")
        stage.answers.fail("symbol_info_tick NADA", -1, "Terminal: Call failed")

        told = await stage.told("data_feed")

        assert told == ("failed", "no_tick", "no tick for NOPE, NADA: Terminal: Not found")


@in_loop
async def test_a_feed_is_stale_once_its_last_new_tick_is_too_old_and_well_with_the_next(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    async with polling(tmp_path, clock) as stage:
        seen = [await stage.told("data_feed")]
        for seconds in (120.0, 1.0):
            clock.advance(seconds)
            seen.append(await stage.told("data_feed"))
        stage.answers.tick(time_msc=1_700_000_000_251)
        seen.append(await stage.told("data_feed"))

        assert seen == [PASS, PASS, ("failed", "stale", "no new tick for 120 s: EURUSD"), PASS]


@in_loop
async def test_a_feed_owes_its_first_tick_from_the_markets_opening_on(tmp_path: Path) -> None:
    clock = FakeClock(wall=OPENING - HOUR)
    async with polling(tmp_path, clock, market="fx") as stage:
        closed = await stage.told("data_feed")
        clock.advance(HOUR + 120.0)
        opened = await stage.told("data_feed")
        clock.advance(1.0)
        late = await stage.told("data_feed")

        assert (closed[1], opened, late[1]) == ("market_closed", PASS, "stale")


@in_loop
async def test_the_age_of_a_tick_goes_on_when_the_worker_is_replaced(tmp_path: Path) -> None:
    clock = FakeClock()
    async with polling(tmp_path, clock) as stage:
        assert await stage.told("data_feed") == PASS
        assert stage.session.worker is not None
        pid = stage.session.worker.pid
        stage.answers.fail("orders_get", -10002, "IPC recv failed")
        await stage.poll()
        stage.answers.give("orders_get", [])
        clock.advance(121.0)
        await stage.attached()

        told = await stage.told("data_feed")

        assert stage.session.worker.pid != pid
        assert told[1] == "stale"


# Latency


@in_loop
async def test_a_terminal_that_answers_slowly_fails_with_its_time(tmp_path: Path) -> None:
    async with polling(tmp_path, Behind(), limits=of(probe_duration_seconds=0.2)) as stage:
        stage.answers.give("terminal_info", stage.answers.known("terminal_info"), seconds=0.3)

        status, reason, message = await stage.told("latency")

        assert (status, reason) == ("failed", "slow_terminal")
        assert re.fullmatch(r"the terminal took 0\.[3-9]\d\d s to answer, limit 0\.2 s", message)


@in_loop
async def test_a_slow_trade_server_fails_with_its_ping_while_it_is_reached(tmp_path: Path) -> None:
    async with polling(tmp_path, limits=of(terminal_ping_seconds=0.25)) as stage:
        stage.answers.terminal(ping_last=250_000)
        at_limit = await stage.told("latency")
        stage.answers.terminal(ping_last=250_001)
        over = await stage.told("latency")
        stage.answers.terminal(ping_last=900_000, connected=False)
        disconnected = await stage.told("latency")

        text = "ping to the trade server is 0.250 s, limit 0.25 s"
        assert (at_limit, over, disconnected) == (PASS, ("failed", "slow_trade_server", text), PASS)


# The report


@in_loop
async def test_a_report_says_how_a_terminal_is_and_what_is_wrong(tmp_path: Path) -> None:
    async with polling(tmp_path, Behind(), account=OURS) as stage:
        well = await ask_for_a_report(stage.manager)
        stage.answers.account(login=0)
        ill = await ask_for_a_report(stage.manager, "desk")

        assert isinstance(well, Report)
        assert well.healthy
        assert well.problems == ()
        assert well.latency_ms is not None
        assert 0 < well.latency_ms < 1000
        assert (well.connection, well.authentication, well.data_feed, well.latency) == ("passed",) * 4
        assert not ill.healthy
        assert ill.problems == ("authentication: no account is logged in",)
        assert (ill.connection, ill.authentication, ill.data_feed) == ("passed", "failed", "skipped")


@in_loop
async def test_reports_that_follow_each_other_see_a_feed_grow_stale(tmp_path: Path) -> None:
    clock = FakeClock()
    async with polling(tmp_path, clock) as stage:
        first = await ask_for_a_report(stage.manager)
        clock.advance(121.0)

        second = await ask_for_a_report(stage.manager)

        assert (first.data_feed, second.data_feed) == ("passed", "failed")


@in_loop
async def test_a_report_is_of_one_terminal_which_must_be_named_where_there_are_several() -> None:
    pool = MT5SessionManager(config(simulated(name="a"), simulated(name="b", market="always")))
    async with pool:
        await until(lambda: all(session.attached for session in pool.sessions().values()))

        reports = [await ask_for_a_report(pool, name) for name in ("a", "b")]
        with pytest.raises(MT5InvalidRequestError, match="say which terminal: a, b"):
            await ask_for_a_report(pool)
        with pytest.raises(MT5InvalidRequestError, match="no such terminal"):
            await ask_for_a_report(pool, "c")

    assert [(report.terminal, report.healthy) for report in reports] == [("a", True), ("b", True)]


@in_loop
async def test_a_report_needs_the_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mt5_exporter.poll.LEASE_WAIT", 0.05)
    async with polling(tmp_path) as stage:
        async with stage.manager.session():
            with pytest.raises(MT5UnavailableError) as taken:
                await ask_for_a_report(stage.manager)
        await stage.manager.close()
        with pytest.raises(MT5UnavailableError) as closed:
            await ask_for_a_report(stage.manager)

    assert (taken.value.reason, taken.value.operation) == ("no_lease", "probe")
    assert closed.value.reason == "draining"
