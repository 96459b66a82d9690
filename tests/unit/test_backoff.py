"""Properties of the delays between attempts and of the fleet's token bucket."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mt5_exporter.backoff import Backoff, TokenBucket

backoffs = st.builds(
    Backoff,
    initial=st.floats(0.01, 600),
    maximum=st.floats(0.01, 3600),
)
attempts = st.integers(1, 10**6)
instants = st.floats(0, 1e9)
fractions = st.floats(0, 1, exclude_max=True)
JUST_UNDER_ONE = math.nextafter(1, 0)


@given(backoffs, attempts, instants, fractions)
def test_no_delay_exceeds_the_maximum(backoff: Backoff, attempt: int, now: float, fraction: float) -> None:
    delay = backoff.next_attempt(attempt, now, fraction) - now

    assert delay <= backoff.maximum + 1e-6


@given(backoffs, attempts, instants, fractions)
def test_no_delay_is_under_half_the_initial_one(
    backoff: Backoff, attempt: int, now: float, fraction: float
) -> None:
    delay = backoff.next_attempt(attempt, now, fraction) - now

    assert delay >= min(backoff.initial / 2, backoff.maximum) - 1e-6


@given(backoffs, fractions)
def test_the_first_delay_is_at_most_the_initial_one(backoff: Backoff, fraction: float) -> None:
    delay = backoff.next_attempt(1, 0.0, fraction)

    assert delay <= backoff.initial * (1 + 1e-9)


@given(backoffs, st.integers(1, 200))
def test_the_longest_delay_never_shrinks_from_one_attempt_to_the_next(backoff: Backoff, attempt: int) -> None:
    this = backoff.next_attempt(attempt, 0.0, JUST_UNDER_ONE)
    after = backoff.next_attempt(attempt + 1, 0.0, JUST_UNDER_ONE)

    assert after >= this


@given(backoffs, attempts, instants, fractions, fractions)
def test_a_larger_fraction_never_comes_earlier(
    backoff: Backoff, attempt: int, now: float, one: float, other: float
) -> None:
    early = backoff.next_attempt(attempt, now, min(one, other))
    late = backoff.next_attempt(attempt, now, max(one, other))

    assert early <= late


@given(backoffs, attempts, instants, fractions)
def test_the_same_question_has_the_same_answer(
    backoff: Backoff, attempt: int, now: float, fraction: float
) -> None:
    answers = {backoff.next_attempt(attempt, now, fraction) for _ in range(3)}

    assert len(answers) == 1
    assert all(math.isfinite(answer) for answer in answers)


def test_a_week_of_failures_cannot_overflow() -> None:
    backoff = Backoff()

    delay = backoff.next_attempt(10**6, 0.0, JUST_UNDER_ONE)

    assert delay == pytest.approx(60.0)


def test_the_ceiling_doubles_until_the_maximum() -> None:
    backoff = Backoff(initial=1.0, maximum=60.0)

    longest = [backoff.next_attempt(attempt, 100.0, JUST_UNDER_ONE) - 100.0 for attempt in range(1, 9)]
    shortest = [backoff.next_attempt(attempt, 100.0, 0.0) - 100.0 for attempt in range(1, 9)]

    assert longest == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60])
    assert shortest == pytest.approx([0.5] * 8)


@settings(deadline=None)
@given(
    rate=st.floats(0.05, 50),
    burst=st.floats(0.5, 20),
    gaps=st.lists(st.one_of(st.just(0.0), st.floats(0, 5)), min_size=1, max_size=60),
)
def test_no_window_of_time_holds_more_events_than_burst_and_rate_allow(
    rate: float, burst: float, gaps: list[float]
) -> None:
    bucket = TokenBucket.full(rate=rate, burst=burst, now=0.0)
    events: list[float] = []
    now = 0.0

    for gap in gaps:
        now += gap
        bucket, wait = bucket.reserve(now)
        events.append(now + wait)

    assert events == pytest.approx(sorted(events))
    for first, start in enumerate(events):
        for last, end in enumerate(events[first:], first):
            # One event is always let through, also by a bucket that holds less than one.
            assert last - first + 1 <= max(burst, 1) + rate * (end - start) + 1e-6


@given(rate=st.floats(0.05, 50), burst=st.integers(1, 20), rest=st.floats(0, 1e6))
def test_a_bucket_that_has_rested_admits_its_burst_at_once_and_spaces_the_next(
    rate: float, burst: int, rest: float
) -> None:
    bucket = TokenBucket.full(rate=rate, burst=float(burst), now=0.0)
    waits = []

    for _ in range(burst + 2):
        bucket, wait = bucket.reserve(rest)
        waits.append(wait)

    assert waits == pytest.approx([0.0] * burst + [1 / rate, 2 / rate])


@given(rate=st.floats(0.05, 50), gaps=st.lists(st.floats(0, 5), min_size=1, max_size=40))
def test_a_fleet_that_always_waits_is_served_at_the_full_rate(rate: float, gaps: list[float]) -> None:
    bucket = TokenBucket.full(rate=rate, burst=1.0, now=0.0)
    now, served = 0.0, 0.0

    for gap in gaps:
        now += gap
        bucket, wait = bucket.reserve(now)
        # Never later than one interval after the one before, or than its own asking.
        assert now + wait <= max(now, served + 1 / rate) + 1e-6
        served = now + wait


def test_a_reservation_changes_no_bucket() -> None:
    bucket = TokenBucket.full(rate=1.0, burst=1.0, now=0.0)

    first = bucket.reserve(0.0)
    again = bucket.reserve(0.0)

    assert first == again
    assert bucket == TokenBucket.full(rate=1.0, burst=1.0, now=0.0)
