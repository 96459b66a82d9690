"""The account between two polls: what is read then, and what is left alone."""

import asyncio
from pathlib import Path

import pytest

from mt5_exporter.poll import Skipped
from mt5_exporter.snapshot import Snapshot
from tests.session.polling import WEDNESDAY, polling, probe_of
from tests.session.stage import Behind, FakeClock, in_loop, until
from tests.session.test_probes import OURS

NEVER = ("symbol_info", "symbol_info_tick", "positions_get", "orders_get", "version")


@in_loop
async def test_only_the_account_is_read(tmp_path: Path) -> None:
    async with polling(tmp_path, account=OURS) as stage:
        for question in NEVER:
            stage.answers.fail(question, -10004, "No IPC connection")

        readings = await stage.poller.poll_account()

        assert {reading.reading for reading in readings} <= {"account", "risk"}
        account = next(reading for reading in readings if reading.reading == "account")
        values = {sample.metric.name: sample.value for sample in account.samples}
        assert (account.success, values["mt5_account_equity"]) == (True, 995.0)
        assert stage.session.attached


@in_loop
async def test_an_account_reading_is_as_old_as_its_own_answer(tmp_path: Path) -> None:
    clock = FakeClock(wall=WEDNESDAY)
    async with polling(tmp_path, clock) as stage:
        await stage.poll()
        clock.advance(3.0)
        stage.answers.account(equity=900.0)

        account = (await stage.poller.poll_account())[0]

    assert (account.at, account.instant) == (WEDNESDAY + 3.0, 1003.0)
    assert [s.value for s in account.samples if s.metric.name == "mt5_account_equity"] == [900.0]


@in_loop
async def test_another_accounts_money_is_not_read(tmp_path: Path) -> None:
    async with polling(tmp_path, account=OURS) as stage:
        stage.answers.account(login=43, equity=7.0)

        readings = await stage.poller.poll_account()

    assert all(reading.skipped and reading.samples == () for reading in readings)
    assert readings[0].message.startswith("authentication: another account is logged in")


@in_loop
async def test_a_terminal_that_does_not_answer_is_a_failure_of_the_reading_alone(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        result = await stage.poll()
        snapshot = Snapshot(["desk"])
        snapshot.publish(result)
        stage.answers.fail("account_info", -1, "Call failed")

        snapshot.publish_readings("desk", await stage.poller.poll_account())

    record = snapshot.records["desk"]
    assert not record.readings["account"].success
    # `mt5_up` is the connection probe's last answer, and the poll is the one that finished.
    assert record.probes["connection"] is probe_of(result, "connection")
    assert record.poll is result
    assert record.fresh["account"] in result.readings


@in_loop
async def test_it_is_skipped_while_a_round_runs_and_runs_again_after(tmp_path: Path) -> None:
    async with polling(tmp_path, Behind()) as stage:
        stage.answers.give("terminal_info", stage.answers.known("terminal_info"), seconds=0.3)
        running = asyncio.ensure_future(stage.poll())
        await until(lambda: stage.session.worker is not None and stage.session.worker.busy)

        with pytest.raises(Skipped, match=r"^still_running$"):
            await stage.poller.poll_account()

        assert (await running).readings[0].success
        stage.answers.give("terminal_info", stage.answers.known("terminal_info"))
        assert (await stage.poller.poll_account())[0].success


@in_loop
async def test_a_round_is_skipped_while_it_runs(tmp_path: Path) -> None:
    async with polling(tmp_path, Behind()) as stage:
        stage.answers.give("account_info", stage.answers.known("account_info"), seconds=0.3)
        running = asyncio.ensure_future(stage.poller.poll_account())
        await until(lambda: stage.session.worker is not None and stage.session.worker.busy)

        with pytest.raises(Skipped, match=r"^still_running$"):
            await stage.poll()

        assert (await running)[0].success


@in_loop
async def test_it_ends_at_the_rounds_deadline_and_what_was_not_read_has_failed(tmp_path: Path) -> None:
    async with polling(tmp_path, Behind(), poll_timeout=0.2) as stage:
        stage.answers.give("account_info", stage.answers.known("account_info"), seconds=0.6)

        readings = await stage.poller.poll_account()

        assert [reading.success for reading in readings] == [False] * len(readings)
        assert readings[0].message == "the poll's deadline of 0.2 s passed"

        stage.answers.give("account_info", stage.answers.known("account_info"))
        await stage.session.drained("", 5.0)
        assert (await stage.poller.poll_account())[0].success


@in_loop
async def test_it_is_skipped_while_the_lease_is_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mt5_exporter.poll.LEASE_WAIT", 0.05)
    async with polling(tmp_path) as stage, stage.manager.session():
        with pytest.raises(Skipped, match=r"^no_lease$"):
            await stage.poller.poll_account()
