"""The freshness contract: what is old leaves, at its instant, and what says so stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt5_exporter.exposition.publish import MAX_VALID
from mt5_exporter.readings import READINGS
from tests.exposition.world import BARE, DESK, HOUR, LUNCH, THURSDAY, World, of_group

INSTANT = 0.001
"""Just before, in seconds."""

UP = ("mt5_up", ("desk-1",))
NAMES = tuple(reading.name for reading in READINGS)
METRICS_OF = {
    reading.name: {metric.name for metric in reading.metrics if metric.group == "value"}
    for reading in READINGS
}


def polled() -> World:
    world = World()
    world.poll("desk-1")
    world.poll("bare")
    return world


def names_of(world: World, terminal: str) -> set[str]:
    return {name for name, labels in of_group(world.scrape(), "value") if labels[0] == terminal}


def test_a_poll_that_succeeds_brings_every_value() -> None:
    world = polled()

    served = names_of(world, "desk-1")

    assert served == set().union(*METRICS_OF.values())


@pytest.mark.parametrize("frozen", NAMES)
def test_a_reading_that_fails_leaves_alone_and_exactly_at_stale_after(frozen: str) -> None:
    world = polled()
    others = set().union(*(METRICS_OF[name] for name in NAMES if name != frozen))
    for _ in range(2):
        world.clock.advance(DESK.interval)
        world.poll("desk-1", failing=(frozen,))

    world.clock.advance(DESK.stale_after - 2 * DESK.interval - INSTANT)
    before = names_of(world, "desk-1")
    world.clock.advance(INSTANT)
    after = names_of(world, "desk-1")

    assert before == others | METRICS_OF[frozen]
    assert after == others
    now = world.scrape()
    assert now["mt5_reading_stale", ("desk-1", frozen)] == 1
    assert now["mt5_reading_success", ("desk-1", frozen)] == 0
    assert now["mt5_reading_last_success_timestamp_seconds", ("desk-1", frozen)] == THURSDAY
    assert now[UP] == 1


def test_a_terminal_without_polls_is_down_exactly_at_interval_plus_deadline() -> None:
    world = polled()

    world.clock.advance(DESK.interval + DESK.poll_timeout - INSTANT)
    before = world.scrape()[UP]
    world.clock.advance(INSTANT)
    after = world.scrape()[UP]

    assert (before, after) == (1, 0)


def test_a_terminal_without_polls_loses_its_values_and_its_neighbour_keeps_them() -> None:
    world = polled()
    for _ in range(5):
        world.clock.advance(BARE.interval)
        world.poll("bare")

    served = {labels[0] for _, labels in of_group(world.scrape(), "value")}

    assert served == {"bare"}
    assert world.scrape()["mt5_up", ("bare",)] == 1


def test_without_a_scheduler_only_status_and_counters_stay() -> None:
    world = polled()
    before = world.scrape()

    world.clock.advance(HOUR)

    after = world.scrape()
    assert of_group(after, "value") == set()
    assert of_group(after, "status") == of_group(before, "status")
    assert of_group(after, "counter") == of_group(before, "counter")
    assert of_group(after, "lasting") == of_group(before, "lasting") != set()
    assert {after["mt5_up", (name,)] for name in ("desk-1", "bare")} == {0}
    assert {after["mt5_reading_stale", ("desk-1", name)] for name in NAMES} == {1}
    assert after["mt5_poll_last_finish_timestamp_seconds", ("desk-1",)] == THURSDAY


def test_a_loss_between_polls_is_seen_at_once() -> None:
    world = polled()

    world.snapshot.lost("desk-1", at=world.clock.wall(), reason="worker_died", message="killed")

    now = world.scrape()
    assert now[UP] == 0
    assert now["mt5_probe_failure_info", ("desk-1", "connection", "worker_died")] == 1
    assert now["mt5_probe_last_success_timestamp_seconds", ("desk-1", "connection")] == THURSDAY


def test_a_session_that_nobody_has_looked_at_is_left_out_and_disturbs_nothing() -> None:
    world = World()
    world.snapshot.records["desk-1"].session = None

    now = world.scrape()

    assert ("mt5_session_state", ("desk-1", "ready")) not in now
    assert now["mt5_session_state", ("bare", "starting")] == 1
    assert now[UP] == 0


def test_a_poll_of_a_lost_terminal_does_not_renew_what_was_read() -> None:
    world = polled()
    world.clock.advance(DESK.stale_after / 2)
    world.poll("desk-1", lost=True, base=99)

    world.clock.advance(DESK.stale_after / 2)

    assert names_of(world, "desk-1") == set()


def test_an_exposition_holds_five_seconds_at_the_most() -> None:
    world = World()

    assert world.valid_until() == world.clock.monotonic() + MAX_VALID


@pytest.mark.parametrize(
    ("wall", "opened"),
    [(0.0, True), (HOUR - INSTANT, True), (HOUR, False), (24 * HOUR - INSTANT, False), (24 * HOUR, True)],
)
def test_a_market_is_open_exactly_between_its_calendars_changes(wall: float, opened: bool) -> None:
    world = World(wall=THURSDAY + wall)

    assert world.scrape()["mt5_terminal_market_open", ("bare",)] == opened


def test_a_terminal_is_open_while_any_of_its_symbols_is() -> None:
    world = World(wall=THURSDAY + 3 * 24 * HOUR)

    now = world.scrape()

    assert now["mt5_symbol_market_open", ("desk-1", "EURUSD")] == 0
    assert now["mt5_symbol_market_open", ("desk-1", "BTCUSD")] == 1
    assert now["mt5_terminal_market_open", ("desk-1",)] == 1


def test_an_exposition_ends_when_a_market_changes() -> None:
    world = World(wall=THURSDAY + HOUR - 2)

    assert world.valid_until() == pytest.approx(world.clock.monotonic() + 2)
    assert LUNCH.next_change(world.clock.wall()) == THURSDAY + HOUR


TICK = 1 / 64
"""Times in this test are multiples of it, which floats represent exactly, also as Unix time."""


def ticks(seconds: float) -> st.SearchStrategy[float]:
    return st.integers(0, int(seconds / TICK)).map(lambda count: count * TICK)


polls = st.lists(
    st.tuples(
        ticks(30),
        st.sampled_from(["desk-1", "bare"]),
        st.booleans(),
        st.lists(st.sampled_from(NAMES), max_size=3).map(tuple),
    ),
    max_size=6,
)


@given(wall=ticks(7 * 24 * HOUR), steps=polls, later=ticks(MAX_VALID))
def test_nothing_changes_before_an_exposition_expires(
    wall: float, steps: list[tuple[float, str, bool, tuple[str, ...]]], later: float
) -> None:
    world = World(wall=THURSDAY + wall)
    for wait, terminal, lost, failing in steps:
        world.poll(terminal, lost=lost, failing=failing)
        world.clock.advance(wait)
    rendered, served, until = world.clock.monotonic(), world.scrape(), world.valid_until()

    world.clock.advance(later)

    assert rendered < until <= rendered + MAX_VALID
    assert world.clock.monotonic() >= until or world.scrape() == served


@given(steps=polls)
def test_something_changes_when_an_exposition_expires_early(
    steps: list[tuple[float, str, bool, tuple[str, ...]]],
) -> None:
    world = World()
    for wait, terminal, lost, failing in steps:
        world.poll(terminal, lost=lost, failing=failing)
        world.clock.advance(wait)
    served, remaining = world.scrape(), world.valid_until() - world.clock.monotonic()

    world.clock.advance(remaining)

    assert remaining == MAX_VALID or world.scrape() != served
