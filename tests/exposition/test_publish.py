"""One exposition at a time, rendered no oftener than asked for, never served when it is no longer true."""

import asyncio
import gzip
import logging
from collections.abc import Awaitable, Callable

import pytest

from mt5_exporter import catalogue
from mt5_exporter.exposition.collect import Frozen
from mt5_exporter.exposition.internal import Internals
from mt5_exporter.exposition.negotiate import Format
from mt5_exporter.exposition.publish import MAX_VALID, PAUSE, Exposition, NotRendered, Publisher
from tests.exposition import parsing
from tests.exposition.world import DESK, World, run, until

UP = ("mt5_up", frozenset({("terminal", "desk-1")}))


class Stage:
    """A publisher of a small world, whose freezing can be made to raise."""

    def __init__(self, *, with_internals: bool = False) -> None:
        self.world = World()
        self.internals = Internals()
        self.defect: Exception | None = None
        self.frozen = 0
        self.publisher = Watched(self, with_internals=with_internals)
        self.world.snapshot.on_change(self.publisher.changed)

    async def up(self) -> float:
        exposition = await self.publisher.current()
        return parsing.text(exposition.bodies[Format.TEXT])["mt5_up"][2][UP]

    def counted(self, name: str) -> float:
        return self.internals.registry.get_sample_value(name) or 0.0

    async def rendered(self, times: int) -> None:
        """Wait until the state has been copied so many times."""
        await until(lambda: self.frozen == times)

    async def resting(self) -> None:
        """Wait until what changed is rendered and the publisher pauses."""
        await until(lambda: bool(self.world.clock.sleepers))


class Watched(Publisher):
    """A publisher that counts how often it copies the state."""

    def __init__(self, stage: Stage, *, with_internals: bool) -> None:
        super().__init__(
            stage.world.config,
            snapshot=stage.world.snapshot,
            counters=stage.world.counters,
            internals=stage.internals,
            with_internals=with_internals,
            clock=stage.world.clock,
        )
        self.stage = stage

    def _freeze(self) -> list[Frozen]:
        self.stage.frozen += 1
        if self.stage.defect is not None:
            raise self.stage.defect
        return super()._freeze()


def publishing(test: Callable[[Stage], Awaitable[None]]) -> None:
    """Run a test beside a publisher that renders changes."""

    async def main() -> None:
        stage = Stage()
        running = asyncio.ensure_future(stage.publisher.run())
        try:
            await test(stage)
            assert not running.done(), "the publisher has ended"
        finally:
            running.cancel()
            await asyncio.wait({running})

    run(main)


def test_changes_are_rendered_once_a_second_at_the_most() -> None:
    async def test(stage: Stage) -> None:
        for _ in range(5):
            stage.world.poll("desk-1")
            await stage.resting()
            frozen = stage.frozen
            for _ in range(9):
                stage.world.poll("bare")
                stage.world.clock.advance(PAUSE / 10)
            await asyncio.sleep(0)
            assert stage.frozen == frozen
            stage.world.clock.advance(PAUSE / 10)
            await stage.rendered(frozen + 1)
            await stage.resting()
        assert stage.frozen == 6

    publishing(test)


def test_without_a_change_nothing_is_rendered() -> None:
    async def test(stage: Stage) -> None:
        stage.world.poll("desk-1")
        await stage.resting()
        stage.world.clock.advance(PAUSE)
        for _ in range(20):
            await asyncio.sleep(0)

        assert stage.frozen == 1

    publishing(test)


def test_a_change_during_a_rendering_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(stage: Stage) -> None:
        frozen = stage.publisher._freeze

        def freeze_then_change() -> list[Frozen]:
            copied = frozen()
            stage.world.poll("desk-1")
            return copied

        monkeypatch.setattr(stage.publisher, "_freeze", freeze_then_change)
        stage.publisher.changed()
        await stage.resting()
        assert await stage.up() == 0
        monkeypatch.undo()
        stage.world.clock.advance(PAUSE)
        await until(lambda: stage.counted("mt5_exporter_renders_total") == 2)

        assert await stage.up() == 1
        assert stage.frozen == 2

    publishing(test)


def names(changed: list[Frozen]) -> list[str]:
    return [frozen.terminal.name for frozen in changed]


def test_only_what_changed_or_expired_is_collected_anew() -> None:
    async def main() -> None:
        stage = Stage()
        world, publisher = stage.world, stage.publisher
        await stage.up()
        assert names(publisher._freeze()) == []

        world.poll("desk-1")
        assert names(publisher._freeze()) == ["desk-1"]
        world.clock.advance(MAX_VALID)
        assert await stage.up() == 1
        world.counters.add(catalogue.POLLS, "bare")
        assert names(publisher._freeze()) == ["bare"]
        world.clock.advance(DESK.interval + DESK.poll_timeout)
        assert names(publisher._freeze()) == ["desk-1", "bare"]

    run(main)


def test_market_hours_are_looked_up_again_when_the_wall_clock_jumps() -> None:
    async def main() -> None:
        stage = Stage()
        await stage.up()

        stage.world.clock.jump(-3600)

        assert names(stage.publisher._freeze()) == ["desk-1", "bare"]

    run(main)


def test_a_scrape_before_any_change_renders() -> None:
    async def main() -> None:
        stage = Stage()

        assert await stage.up() == 0
        assert stage.frozen == 1

    run(main)


def test_a_scrape_of_what_still_holds_renders_nothing() -> None:
    async def main() -> None:
        stage = Stage()
        first = await stage.publisher.current()
        stage.world.clock.advance(MAX_VALID - 0.001)

        second = await stage.publisher.current()

        assert second is first
        assert stage.frozen == 1

    run(main)


def test_fifty_scrapes_of_what_has_expired_render_once() -> None:
    async def main() -> None:
        stage = Stage()
        await stage.publisher.current()
        stage.world.clock.advance(MAX_VALID)

        served = await asyncio.gather(*(stage.publisher.current() for _ in range(50)))

        assert stage.frozen == 2
        assert len({id(exposition) for exposition in served}) == 1

    run(main)


def test_a_scrape_never_gets_what_has_expired() -> None:
    async def main() -> None:
        stage = Stage()
        stage.world.poll("desk-1")
        expected = []
        served = []
        for _ in range(int(DESK.interval + DESK.poll_timeout) + 3):
            expected.append(stage.world.scrape()["mt5_up", ("desk-1",)])
            exposition = await stage.publisher.current()
            served.append(parsing.text(exposition.bodies[Format.TEXT])["mt5_up"][2][UP])
            assert exposition.valid_until > stage.world.clock.monotonic()
            stage.world.clock.advance(1)

        assert served == expected
        assert set(served) == {0, 1}

    run(main)


def test_gzip_is_made_once_for_each_format_however_many_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    compressed: list[bytes] = []
    really = gzip.compress

    def compress(body: bytes, level: int, *, mtime: float) -> bytes:
        compressed.append(body)
        return really(body, level, mtime=mtime)

    async def main() -> None:
        stage = Stage()
        exposition = await stage.publisher.current()
        with monkeypatch.context() as patch:
            patch.setattr("gzip.compress", compress)
            zipped = await asyncio.gather(*(exposition.zipped(wanted) for wanted in list(Format) * 20))

        assert sorted(compressed) == sorted(exposition.bodies.values())
        assert {gzip.decompress(body) for body in zipped} == set(exposition.bodies.values())
        assert len(set(zipped)) == 2

    run(main)


def test_a_client_that_leaves_does_not_spoil_the_compression_for_the_next() -> None:
    async def main() -> None:
        exposition = await Stage().publisher.current()
        leaver = asyncio.ensure_future(exposition.zipped(Format.TEXT))
        await asyncio.sleep(0)
        leaver.cancel()

        body = await exposition.zipped(Format.TEXT)

        assert gzip.decompress(body) == exposition.bodies[Format.TEXT]

    run(main)


def test_a_rendering_that_raises_is_told_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    async def test(stage: Stage) -> None:
        stage.defect = RuntimeError("a defect of ours")
        stage.world.poll("desk-1")
        for attempt in range(1, 4):
            await stage.rendered(attempt)
            await stage.resting()
            stage.world.clock.advance(PAUSE)
        await stage.rendered(4)
        await stage.resting()
        assert stage.publisher.failure == "RuntimeError"
        stage.defect = None
        stage.world.clock.advance(PAUSE)
        await stage.rendered(5)
        await stage.resting()

        assert await stage.up() == 1
        assert stage.publisher.failure == ""
        assert stage.counted("mt5_exporter_render_failures_total") == 4
        assert stage.counted("mt5_exporter_renders_total") == 1

    with caplog.at_level(logging.INFO):
        publishing(test)

    assert [record.getMessage() for record in caplog.records] == [
        "rendering failed; it is tried again",
        "rendering is well again",
    ]
    assert "a defect of ours" in caplog.text


def test_while_rendering_raises_what_holds_is_served_and_then_nothing() -> None:
    async def main() -> None:
        stage = Stage()
        good = await stage.publisher.current()
        stage.defect = RuntimeError("a defect of ours")
        stage.world.clock.advance(MAX_VALID - 0.001)
        assert await stage.publisher.current() is good
        stage.world.clock.advance(0.001)

        with pytest.raises(NotRendered, match="RuntimeError"):
            await stage.publisher.current()
        stage.defect = None

        assert await stage.publisher.current() is not good

    run(main)


@pytest.mark.parametrize("wanted", list(Format))
def test_the_exporters_own_metrics_can_be_left_out(wanted: Format) -> None:
    async def main() -> tuple[Exposition, Exposition]:
        return (
            await Stage(with_internals=True).publisher.current(),
            await Stage(with_internals=False).publisher.current(),
        )

    whole, bare = run(main)

    families = set(parsing.parse(wanted, whole.bodies[wanted]))
    assert {"mt5_exporter_exposition_series", "process_cpu_seconds", "python_info", "mt5_up"} & families
    ours = ("mt5_exporter_", "process_", "python_")
    assert {name for name in parsing.parse(wanted, bare.bodies[wanted]) if name.startswith(ours)} == set()


def test_the_number_of_series_is_that_of_the_exposition_it_is_in() -> None:
    async def main() -> Exposition:
        return await Stage(with_internals=True).publisher.current()

    found = parsing.text(run(main).bodies[Format.TEXT])

    about_terminals = [
        key
        for name, (_, _, samples) in found.items()
        for key in samples
        if not name.startswith(("mt5_exporter_", "process_", "python_"))
    ]
    [series] = found["mt5_exporter_exposition_series"][2].values()
    assert series == len(about_terminals)
