"""Delays between attempts, as values of (attempt, now)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Full jitter with a floor: it spreads a fleet, never hammers, and never gives up.

    Attributes:
        initial: Seconds that the first delay is at most; half of it is the floor of every delay.
        maximum: Seconds that no delay exceeds.
    """

    initial: float = 1.0
    maximum: float = 60.0

    def next_attempt(self, attempt: int, now: float, fraction: float) -> float:
        """Return the instant of the next attempt after `attempt` failures in a row.

        Args:
            attempt: Failures so far, from 1.
            now: The instant of the last failure, on any clock.
            fraction: A random number in [0, 1).
        """
        # The exponent is bounded so that a week of failures cannot overflow a float.
        ceiling = min(self.maximum, self.initial * 2.0 ** min(attempt - 1, 62))
        floor = min(self.initial / 2, ceiling)
        return now + floor + (ceiling - floor) * fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenBucket:
    """Spaces events of a whole fleet: at most `burst` at once and `rate` a second over time.

    Attributes:
        rate: Events a second.
        burst: Events that may come at once after a quiet time.
        level: Tokens there at `at`; below zero for reservations already made.
        at: The instant of `level`.
    """

    rate: float
    burst: float
    level: float
    at: float

    @classmethod
    def full(cls, *, rate: float, burst: float, now: float) -> "TokenBucket":
        """Return a bucket that has rested."""
        return cls(rate=rate, burst=burst, level=burst, at=now)

    def reserve(self, now: float) -> tuple["TokenBucket", float]:
        """Return the bucket after one more event, and the seconds that event has to wait."""
        level = min(self.burst, self.level + (now - self.at) * self.rate) - 1
        after = TokenBucket(rate=self.rate, burst=self.burst, level=level, at=now)
        return after, max(0.0, -level / self.rate)
