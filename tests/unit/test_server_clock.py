"""The trade server's clock, by ticks of every pattern: an offset is right or not there."""

import random
from collections.abc import Iterable, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt5_exporter.server_clock import (
    AGREE,
    EAST,
    MEMORY,
    RECENT,
    STEP,
    TOLERANCE,
    WEST,
    ServerClock,
    explained,
)

HOUR = 3600.0
FRIDAY = 1_764_950_340.0
"""2025-12-05 15:59 UTC, some instant of trading."""

OFFSETS = st.integers(-12 * 4, 14 * 4).map(lambda quarters: quarters * STEP)
BUSY: Mapping[str, float] = {"EURUSD": 0.5, "GBPUSD": 0.8, "XAUUSD": 0.3, "USDJPY": 2.0}
"""Mean seconds between ticks, by symbol."""


class World:
    """A server, its symbols, and this machine, polled at instants of true time."""

    def __init__(self, seed: int = 1, *, offset: float = 2 * HOUR, wrong: float = 0.0) -> None:
        self.random = random.Random(seed)
        self.offset = offset
        self.wrong = wrong
        """Seconds by which our own clock is ahead of UTC."""
        self.now = FRIDAY
        self.clock = ServerClock()
        self.times: dict[str, int] = {}

    def poll(self, gap: float, rates: Mapping[str, float], *, delay: float = 0.0) -> float | None:
        """Poll after `gap` seconds in which each symbol ticked at its rate, seen `delay` seconds late."""
        self.now += gap
        for symbol, mean in rates.items():
            age = self.random.expovariate(1 / mean)
            if age < gap or symbol not in self.times:
                self.times[symbol] = round((self.now - age - delay + self.offset) * 1000)
        return self.look()

    def look(self) -> float | None:
        """Poll now, with the ticks that there are."""
        # The monotonic clock has a beginning of its own.
        self.clock.see(self.times, wall=self.now + self.wrong, instant=self.now - FRIDAY + 50.0)
        return self.clock.offset

    def polls(self, gaps: Iterable[float], rates: Mapping[str, float] = BUSY) -> list[float | None]:
        return [self.poll(gap, rates) for gap in gaps]


# One tick


@pytest.mark.parametrize(
    ("ahead", "age", "offset"),
    [
        (7200.0, 15.0, 7200.0),
        # As old as the last poll.
        (7185.0, 15.0, 7200.0),
        # Either clock may be somewhat wrong.
        (7200.0 + TOLERANCE, 15.0, 7200.0),
        (7185.0 - TOLERANCE, 15.0, 7200.0),
        # Nothing explains these.
        (7201.0 + TOLERANCE, 15.0, None),
        (7184.0 - TOLERANCE, 15.0, None),
        (-12600.0, 1.0, -12600.0),
        (20700.0, 1.0, 20700.0),
        (0.5, 1.0, 0.0),
        # Friday's last tick, seen on Sunday; no clock on Earth shows that.
        (-48 * HOUR, 15.0, None),
        (EAST, 1.0, EAST),
        (EAST + STEP, 1.0, None),
        (WEST, 1.0, WEST),
        (WEST - STEP, 1.0, None),
    ],
)
def test_a_tick_shows_the_one_offset_that_explains_its_time_and_its_age(
    ahead: float, age: float, offset: float | None
) -> None:
    assert explained(ahead, age) == offset


@given(OFFSETS, st.floats(0, RECENT), st.floats(0, 1), st.floats(-TOLERANCE / 2, TOLERANCE / 2))
def test_whatever_its_age_and_the_error_of_a_clock_a_tick_shows_the_true_offset(
    offset: float, age: float, part: float, wrong: float
) -> None:
    assert explained(offset - part * age + wrong, age) == offset


# Confidence


def test_several_polls_must_agree_before_there_is_an_offset() -> None:
    world = World()

    # One look to begin with, one for each symbol's first change, then those that count.
    assert world.polls([5.0] * (AGREE + 2)) == [None] * (AGREE + 1) + [2 * HOUR]


def test_a_single_active_symbol_is_enough() -> None:
    world = World()

    assert world.polls([15.0] * (AGREE + 2), {"EURUSD": 0.5})[-1] == 2 * HOUR


def test_ticks_that_stand_still_show_nothing() -> None:
    world = World()
    world.times = dict.fromkeys(BUSY, round((FRIDAY + world.offset) * 1000))

    for _ in range(100):
        world.now += 5.0
        assert world.look() is None


def test_without_symbols_there_is_no_offset() -> None:
    world = World()

    assert world.polls([5.0] * 10, {}) == [None] * 10


@given(
    seed=st.integers(0, 10_000),
    offset=OFFSETS,
    gaps=st.lists(st.floats(1, 400), min_size=1, max_size=60),
    rates=st.dictionaries(st.sampled_from("ABCDE"), st.floats(0.2, 2 * HOUR), max_size=5),
    errors=st.tuples(st.floats(-TOLERANCE / 2, TOLERANCE / 2), st.floats(0, 20)),
)
def test_whatever_ticks_when_the_offset_is_right_or_not_there(
    seed: int, offset: float, gaps: list[float], rates: dict[str, float], errors: tuple[float, float]
) -> None:
    wrong, delay = errors
    world = World(seed, offset=offset, wrong=wrong)

    for gap in gaps:
        assert world.poll(gap, rates, delay=delay) in {None, offset}


@given(seed=st.integers(0, 10_000), offset=OFFSETS, gap=st.floats(1, RECENT))
def test_with_active_symbols_any_poll_interval_of_minutes_finds_the_offset(
    seed: int, offset: float, gap: float
) -> None:
    world = World(seed, offset=offset)

    assert world.polls([gap] * 20)[-1] == offset


@given(seed=st.integers(0, 10_000), gap=st.floats(RECENT + 1, 2 * HOUR))
def test_polls_too_far_apart_for_any_confidence_give_no_offset(seed: int, gap: float) -> None:
    assert set(World(seed).polls([gap] * 30)) == {None}


def test_a_symbol_too_quiet_to_trust_gives_no_offset() -> None:
    assert set(World().polls([15.0] * 500, {"EXOTIC": 4 * HOUR})) == {None}


# A weekend


def weekend(world: World, resent: Sequence[float]) -> set[float | None]:
    """Let ticks stop for two days, in which the terminal shows each symbol's last one once, and late."""
    close = round((world.now + world.offset) * 1000)
    seen = set()
    for index in range(2 * 24 * 60):
        world.now += 60.0
        for symbol, hours in zip(BUSY, resent, strict=False):
            if index == round(hours * 60):
                world.times[symbol] = close
        seen.add(world.look())
    return seen


@given(
    seed=st.integers(0, 10_000),
    change=st.sampled_from([-HOUR, HOUR, 0.0]),
    resent=st.lists(st.floats(0.1, 47), max_size=4),
    reopened=st.floats(1, 60),
)
def test_a_weekends_stale_ticks_move_nothing_and_its_change_of_the_clocks_is_taken_once_ticks_agree(
    seed: int, change: float, resent: list[float], reopened: float
) -> None:
    world = World(seed)
    world.polls([15.0] * 10)

    silent = weekend(world, resent)
    world.offset += change
    seen = world.polls([reopened] * 12)

    assert silent == {2 * HOUR}
    assert set(seen) <= {2 * HOUR, 2 * HOUR + change}
    assert seen[0] == 2 * HOUR
    assert seen[-1] == 2 * HOUR + change


def test_a_terminal_that_starts_on_a_weekend_learns_nothing_from_the_ticks_it_is_sent() -> None:
    world = World()
    world.times = dict.fromkeys(BUSY, round((FRIDAY + world.offset - 2 * HOUR) * 1000))
    world.look()

    assert weekend(world, [0.1, 0.1, 0.11, 0.12]) == {None}


@given(seed=st.integers(0, 10_000), outage=st.floats(1, 4 * HOUR))
def test_an_outage_of_the_trade_server_moves_nothing(seed: int, outage: float) -> None:
    world = World(seed)
    world.polls([15.0] * 10)

    # The terminal goes on answering with what it has, then catches up.
    start = world.now
    while world.now < start + outage:
        world.now += 15.0
        assert world.look() == 2 * HOUR
    for symbol in BUSY:
        world.times[symbol] = round((start + world.random.random() * outage + world.offset) * 1000)
    seen = [world.look(), *world.polls([15.0] * 10)]

    assert set(seen) == {2 * HOUR}


def test_the_server_may_change_its_clock_while_it_trades() -> None:
    world = World()
    world.polls([15.0] * 10)

    world.offset += HOUR
    seen = world.polls([15.0] * (AGREE + 1))

    assert seen == [2 * HOUR] * (AGREE - 1) + [3 * HOUR] * 2


def test_a_change_that_not_all_polls_show_is_not_taken() -> None:
    world = World()
    world.polls([15.0] * 10)

    seen = []
    for index in range(30):
        world.offset = 3 * HOUR if index % AGREE else 2 * HOUR
        seen.append(world.poll(15.0, BUSY))

    assert set(seen) == {2 * HOUR}


def test_delayed_quotes_beside_fresh_ones_move_nothing() -> None:
    world = World()
    world.polls([15.0] * 10)

    for _ in range(30):
        late = {f"STOCK{index}": round((world.now + world.offset - 900.0) * 1000) for index in range(20)}
        world.times |= late
        assert world.poll(15.0, BUSY) == 2 * HOUR


# Our own clock


@given(seed=st.integers(0, 10_000), hours=st.integers(-6, 6).filter(bool))
def test_our_own_clock_may_jump_by_hours_and_the_offset_is_soon_less_that(seed: int, hours: int) -> None:
    world = World(seed)
    world.polls([15.0] * 10)

    world.wrong = hours * HOUR
    seen = world.polls([15.0] * (AGREE + 1))

    assert seen == [2 * HOUR] * AGREE + [2 * HOUR - hours * HOUR]


@pytest.mark.parametrize("jump", [-600.0, -60.0, -5.0, 5.0, 60.0, 600.0])
def test_our_own_clock_may_jump_by_less_and_the_skew_says_so(jump: float) -> None:
    world = World()
    world.polls([15.0] * 10)

    world.wrong = jump
    seen = world.polls([15.0] * 10)

    assert set(seen) == {2 * HOUR}
    assert world.clock.skew == pytest.approx(-jump, abs=1.0)


@given(seed=st.integers(0, 1000), jumps=st.lists(st.floats(-3 * HOUR, 3 * HOUR), min_size=1, max_size=10))
def test_a_clock_that_keeps_jumping_lets_nothing_be_taken(seed: int, jumps: list[float]) -> None:
    world = World(seed)
    world.polls([15.0] * 10)

    for jump in jumps:
        world.wrong += jump + (2.0 if abs(jump) <= 2.0 else 0.0)
        assert world.poll(15.0, BUSY) == 2 * HOUR


# Skew


@given(seed=st.integers(0, 10_000), gap=st.floats(1, 15), wrong=st.floats(-TOLERANCE * 0.9, TOLERANCE * 0.9))
def test_the_skew_is_what_either_clock_is_wrong_by(seed: int, gap: float, wrong: float) -> None:
    world = World(seed, wrong=wrong)
    world.polls([gap] * 30)

    skew = world.clock.skew

    assert skew is not None
    assert skew == pytest.approx(-wrong, abs=1.0)


def test_one_tick_from_the_future_is_no_skew() -> None:
    world = World()
    world.polls([5.0] * 10)

    world.times["EURUSD"] += 60_000
    world.look()

    assert world.clock.skew == pytest.approx(0.0, abs=1.0)


@pytest.mark.parametrize("interval", [5.0, 15.0, 60.0, 240.0])
@pytest.mark.parametrize("mean", [5.0, 20.0, 60.0, 180.0])
def test_quiet_symbols_of_sound_clocks_have_no_skew_to_page_for(interval: float, mean: float) -> None:
    skews = []
    for seed in range(10):
        world = World(seed)
        for _ in range(300):
            world.poll(interval, {"QUIET": mean})
            skews.append(world.clock.skew)

    told = [skew for skew in skews if skew is not None]
    assert sum(skew < -5.0 for skew in told) <= 0.02 * len(skews)
    assert max(told, default=0.0) <= 0.0


def test_a_skew_is_forgotten_with_the_ticks_that_showed_it() -> None:
    world = World()
    world.polls([5.0] * 30)
    assert world.clock.skew is not None

    world.now += MEMORY
    world.look()

    assert world.clock.skew is None
    assert world.clock.offset == 2 * HOUR


def test_before_there_is_an_offset_there_is_no_skew() -> None:
    world = World(wrong=400.0)

    assert set(world.polls([15.0] * 30)) == {None}
    assert world.clock.skew is None
