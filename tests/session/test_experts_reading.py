"""The heartbeats of expert advisors: files that are there, missing, forbidden, or on a share that hangs."""

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mt5_exporter import heartbeat
from mt5_exporter.heartbeat import Heartbeats
from tests.session.polling import polling, reading_of
from tests.session.stage import in_loop, until

HEARTBEAT = "mt5_expert_heartbeat_timestamp_seconds"


def touch(file: Path, at: float) -> Path:
    file.touch()
    os.utime(file, (at, at))
    return file


class Share:
    """A network share that hangs: whoever looks at a file whose name begins so waits until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.back = threading.Event()
        self.looks = 0
        stat = Path.stat

        def hanging(file: Path) -> os.stat_result:
            if file.name.startswith("hangs"):
                self.looks += 1
                assert self.back.wait(20)
            if file.name.startswith("forbidden"):
                raise PermissionError(13, "Permission denied", str(file))
            return stat(file)

        monkeypatch.setattr(Path, "stat", hanging)
        monkeypatch.setattr(heartbeat, "DEADLINE", 0.05)


@pytest.fixture
def share(monkeypatch: pytest.MonkeyPatch) -> Iterator[Share]:
    hanging = Share(monkeypatch)
    yield hanging
    hanging.back.set()
    for thread in threading.enumerate():
        if thread.name.startswith("stat "):
            thread.join(20)


@in_loop
async def test_a_heartbeat_is_when_the_file_was_last_touched(tmp_path: Path) -> None:
    files = {"trend": touch(tmp_path / "trend", 1_764_763_198.5), "grid": touch(tmp_path / "grid", 7.0)}
    async with polling(tmp_path, heartbeat_files=files) as stage:
        first = await stage.values("experts")
        touch(files["grid"], 9.0)
        second = await stage.values("experts")

    assert first == {(HEARTBEAT, ("desk", "trend")): 1_764_763_198.5, (HEARTBEAT, ("desk", "grid")): 7.0}
    assert second[HEARTBEAT, ("desk", "grid")] == 9.0


@in_loop
async def test_without_files_there_is_nothing_to_read_and_that_is_well(tmp_path: Path) -> None:
    async with polling(tmp_path) as stage:
        assert await stage.values("experts") == {}


@in_loop
async def test_a_missing_file_is_0_and_no_failure(tmp_path: Path) -> None:
    there = touch(tmp_path / "there", 5.0)
    files = {"there": there, "gone": tmp_path / "gone", "under": there / "a file"}
    async with polling(tmp_path, heartbeat_files=files) as stage:
        some = await stage.values("experts")
        there.unlink()
        none = await stage.values("experts")

    missing = {(HEARTBEAT, ("desk", "gone")): 0.0, (HEARTBEAT, ("desk", "under")): 0.0}
    assert some == {(HEARTBEAT, ("desk", "there")): 5.0, **missing}
    assert none == {(HEARTBEAT, ("desk", "there")): 0.0, **missing}


@in_loop
async def test_two_experts_may_share_a_file(tmp_path: Path) -> None:
    file = touch(tmp_path / "both", 5.0)
    async with polling(tmp_path, heartbeat_files={"one": file, "two": file}) as stage:
        assert set((await stage.values("experts")).values()) == {5.0}


@in_loop
async def test_heartbeats_are_read_while_the_terminal_is_down(tmp_path: Path) -> None:
    file = touch(tmp_path / "trend", 5.0)
    async with polling(tmp_path, heartbeat_files={"trend": file}) as stage:
        stage.answers.fail("terminal_info", -10004, "No IPC connection")
        result = await stage.poll()

    assert reading_of(result, "experts").success
    assert [sample.value for sample in reading_of(result, "experts").samples] == [5.0]
    assert reading_of(result, "account").skipped


@in_loop
async def test_a_share_that_hangs_holds_up_no_poll_and_no_other_file(tmp_path: Path, share: Share) -> None:
    files = {"near": touch(tmp_path / "near", 5.0), "far": tmp_path / "hangs"}
    async with polling(tmp_path, heartbeat_files=files) as stage:
        for _ in range(3):
            assert await stage.values("experts") == {(HEARTBEAT, ("desk", "near")): 5.0}
        threads = [thread for thread in threading.enumerate() if thread.name.startswith("stat ")]

        # One thread, however many polls there were, and it keeps no process from ending.
        assert (share.looks, len(threads), threads[0].daemon) == (1, 1, True)
        touch(files["far"], 9.0)
        share.back.set()
        threads[0].join(20)
        assert (await stage.values("experts"))[HEARTBEAT, ("desk", "far")] == 9.0
        assert share.looks == 2


@pytest.mark.parametrize(
    ("name", "text"), [("hangs", "no answer within 0.05 s"), ("forbidden", "[Errno 13] Permission denied")]
)
@in_loop
async def test_when_not_one_file_can_be_looked_at_the_reading_fails(
    tmp_path: Path, share: Share, name: str, text: str
) -> None:
    async with polling(tmp_path, heartbeat_files={"far": tmp_path / name}) as stage:
        result = await stage.poll()

    found = reading_of(result, "experts")
    assert (found.success, found.skipped) == (False, False)
    assert found.message.startswith(f"terminal 'desk': no heartbeat file can be looked at: {text}")
    assert [reading.reading for reading in result.readings if not reading.success] == ["experts"]


@in_loop
async def test_a_look_that_nobody_waits_for_any_more_ends_in_silence(tmp_path: Path, share: Share) -> None:
    looking = Heartbeats()
    caller = asyncio.ensure_future(looking.touched([tmp_path / "hangs"]))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.wait({caller})

    share.back.set()
    await until(lambda: not looking._hangs(tmp_path / "hangs"))

    assert await looking.touched([tmp_path / "hangs"]) == {tmp_path / "hangs": None}
