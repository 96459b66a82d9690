"""Attempts to read the configuration again: one at a time, told once, and harmless when they fail."""

import asyncio
import dataclasses
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from mt5_exporter import config_file
from mt5_exporter.config import Config, ConfigError
from mt5_exporter.difference import Difference
from mt5_exporter.reload import LOOKS, SETTLE, Outcome, Reloader
from tests.app.living import desk
from tests.exposition.world import ManualClock, run, until

ONE = Config(terminals=(desk("one"),), source="desk.yml")
TWO = Config(terminals=(desk("one"), desk("two")), source="desk.yml")


class Desk:
    """What a reloader is given, as a test sets it."""

    def __init__(self, config: Config = ONE, *, load: Callable[[], Config] | None = None) -> None:
        self.clock = ManualClock()
        self.loaded: Config | Exception = TWO
        self.loads = 0
        self.applied: list[tuple[Config, Difference]] = []
        self.told: list[Outcome] = []
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.reloader = Reloader(
            config, load=load or self.load, apply=self.apply, told=self.told.append, clock=self.clock
        )

    def load(self) -> Config:
        self.loads += 1
        if isinstance(self.loaded, Exception):
            raise self.loaded
        return self.loaded

    async def apply(self, config: Config, difference: Difference) -> None:
        await self.go_on.wait()
        self.applied.append((config, difference))

    async def step(self, seconds: float) -> None:
        """Let the watch sleep, and then `seconds` pass."""
        await until(lambda: bool(self.clock.sleepers))
        self.clock.advance(seconds)
        await asyncio.sleep(0)


def test_another_configuration_is_brought_about_and_told() -> None:
    async def main() -> None:
        on = Desk()

        outcome = await on.reloader.reload()

        assert outcome == Outcome(successful=True, message="added two", at=on.clock.wall())
        assert on.applied == [(TWO, Difference(added=("two",)))]
        assert on.told == [outcome] == [on.reloader.last]
        assert on.reloader.config is TWO

    run(main)


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (ConfigError("desk.yml:3: terminals[0].interval: expected a duration"), "desk.yml:3: terminals"),
        (RuntimeError("password hunter2"), "defect: RuntimeError"),
    ],
)
def test_what_cannot_be_read_changes_nothing_and_says_why(
    failure: Exception, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        on = Desk()
        on.loaded = failure

        first = await on.reloader.reload()
        await on.reloader.reload()

        assert (first.successful, first.message[: len(message)]) == (False, message)
        assert on.applied == []
        assert on.reloader.config is ONE

    with caplog.at_level(logging.INFO):
        run(main)

    # The same failure again is a counter's job.
    [record] = caplog.records
    assert record.getMessage().startswith("configuration not reloaded, the one before goes on: ")
    assert "hunter2" not in caplog.text


def test_what_holds_for_as_long_as_the_process_does_is_refused_whole() -> None:
    async def main() -> None:
        on = Desk()
        on.loaded = dataclasses.replace(TWO, state_file=Path("other.db"))

        outcome = await on.reloader.reload()

        expected = "desk.yml: state_file: cannot change while the exporter runs: restart it"
        assert (outcome.successful, outcome.message) == (False, expected)
        assert on.applied == []

    run(main)


def test_a_defect_while_it_is_brought_about_is_told_and_the_next_attempt_is_made() -> None:
    async def main() -> None:
        on = Desk()

        async def broken(config: Config, difference: Difference) -> None:
            raise LookupError

        on.reloader._apply = broken
        failed = await on.reloader.reload()
        on.reloader._apply = on.apply
        succeeded = await on.reloader.reload()

        assert failed.message == "defect: LookupError, see the log and restart the exporter"
        assert succeeded.successful

    run(main)


def test_a_hundred_who_ask_at_once_share_one_attempt_and_those_who_come_later_the_next() -> None:
    async def main() -> None:
        on = Desk()
        on.go_on.clear()
        first = [asyncio.ensure_future(on.reloader.reload()) for _ in range(100)]
        await until(lambda: on.loads == 1)
        later = [asyncio.ensure_future(on.reloader.reload()) for _ in range(100)]
        await asyncio.sleep(0)
        on.go_on.set()

        outcomes = await asyncio.gather(*first, *later)

        assert all(outcome.successful for outcome in outcomes)
        assert on.loads == len(on.told) == 2

    run(main)


def test_a_caller_that_leaves_stops_no_attempt() -> None:
    async def main() -> None:
        on = Desk()
        on.go_on.clear()
        caller = asyncio.ensure_future(on.reloader.reload())
        await until(lambda: on.loads == 1)

        caller.cancel()
        await asyncio.wait({caller})
        on.go_on.set()
        await until(lambda: bool(on.told))

        assert on.applied

    run(main)


def test_who_stops_waits_for_the_attempt_that_runs_and_later_ones_are_refused() -> None:
    async def main() -> None:
        on = Desk()
        on.go_on.clear()
        on.reloader.request()
        await until(lambda: on.loads == 1)

        stopping = asyncio.ensure_future(on.reloader.stop())
        await asyncio.sleep(0)
        late = asyncio.ensure_future(on.reloader.reload())
        await asyncio.sleep(0)
        assert not stopping.done()
        on.go_on.set()
        await stopping

        assert len(on.applied) == 1
        assert (await late).message == "the exporter is stopping"

    run(main)


def test_new_warnings_are_logged_and_old_ones_are_not(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        on = Desk(dataclasses.replace(ONE, warnings=("old",)))
        on.loaded = dataclasses.replace(ONE, warnings=("old", "chmod 600"))

        await on.reloader.reload()

    with caplog.at_level(logging.WARNING):
        run(main)

    assert [record.getMessage() for record in caplog.records] == ["chmod 600"]


# -- by checksum ----------------------------------------------------------------------------------------

PLAIN = "terminals: [{name: one, driver: simulated}]\n"
WITH_TWO = "terminals: [{name: one, driver: simulated}, {name: two, driver: simulated}]\n"
INTERVAL = 30.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "desk.yml"
    path.write_text(PLAIN)
    return path


def write(file: Path, text: str) -> None:
    file.write_text(text)


def watching(file: Path, during: Callable[[Desk], Coroutine[object, object, None]]) -> None:
    """Let the file be watched for as long as `during` takes."""

    async def main() -> None:
        on = Desk(config_file.load(file, {}), load=lambda: config_file.load(file, {}))
        watch = asyncio.ensure_future(on.reloader.watch(INTERVAL))
        try:
            await during(on)
        finally:
            watch.cancel()
            await asyncio.wait({watch})

    run(main)


def test_a_changed_file_is_read_once_it_stands_still(file: Path) -> None:
    async def during(on: Desk) -> None:
        await on.step(INTERVAL)
        await until(lambda: bool(on.clock.sleepers))
        assert on.told == []

        write(file, WITH_TWO)
        await on.step(INTERVAL)
        await until(lambda: bool(on.clock.sleepers))
        assert on.told == []
        await on.step(SETTLE)
        await until(lambda: bool(on.told))

        assert [outcome.message for outcome in on.told] == ["added two"]
        # What runs is what the file says: nothing happens at the next look.
        await on.step(INTERVAL)
        await until(lambda: bool(on.clock.sleepers))
        assert len(on.told) == 1

    watching(file, during)


def test_a_file_that_is_being_written_is_left_alone(file: Path) -> None:
    async def during(on: Desk) -> None:
        write(file, WITH_TWO[:20])
        await on.step(INTERVAL)
        for length in range(21, 21 + LOOKS):
            await until(lambda: bool(on.clock.sleepers))
            write(file, WITH_TWO[:length])
            await on.step(SETTLE)
        assert on.told == []

        write(file, WITH_TWO)
        await on.step(INTERVAL)
        await on.step(SETTLE)
        await until(lambda: bool(on.told))

        assert [outcome.message for outcome in on.told] == ["added two"]

    watching(file, during)


def test_a_broken_file_is_tried_again_and_heals_also_by_being_put_back(file: Path) -> None:
    async def during(on: Desk) -> None:
        write(file, "terminals: 7\n")
        await on.step(INTERVAL)
        await on.step(SETTLE)
        await until(lambda: len(on.told) == 1)
        await on.step(INTERVAL)
        await on.step(SETTLE)
        await until(lambda: len(on.told) == 2)

        write(file, PLAIN)
        await on.step(INTERVAL)
        await until(lambda: len(on.told) == 3)

        assert [outcome.successful for outcome in on.told] == [False, False, True]

    watching(file, during)


def test_an_interval_of_0_never_looks() -> None:
    async def main() -> None:
        on = Desk()
        watch = asyncio.ensure_future(on.reloader.watch(0))
        await asyncio.sleep(0)

        assert not watch.done()
        assert on.clock.sleepers == []
        watch.cancel()
        await asyncio.wait({watch})

    run(main)
