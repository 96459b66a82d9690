"""Randomness with random access: the same key and instant give the same number in every process."""

import functools
import math
import random
from typing import NamedTuple

DAY = 86_400.0

_MASK = (1 << 64) - 1
_TO_UNIT = 2.0**-53


def derive_key(*parts: object) -> int:
    """Return a 64-bit key for the text of `parts`."""
    # Seeded with a text it is reproducible by contract, and far lighter to import than hashlib with OpenSSL.
    return random.Random("\x1f".join(map(str, parts))).getrandbits(64)  # noqa: S311 - a market, not a secret


def bits(key: int, index: int) -> int:
    """Return 64 mixed bits for one index of a key (the finaliser of splitmix64)."""
    mixed = (key + index * 0x9E3779B97F4A7C15) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return mixed ^ (mixed >> 31)


def unit(key: int, index: int) -> float:
    """Return a uniform number, 0 <= u < 1."""
    return (bits(key, index) >> 11) * _TO_UNIT


# The slow octaves of a walk ask for the same nodes again and again.
_node = functools.lru_cache(maxsize=1024)(unit)


def smooth(key: int, period: float, seconds: float) -> float:
    """Return value noise, -1 to 1, that takes a new direction about once in `period` seconds."""
    position = seconds / period
    index = math.floor(position)
    part = position - index
    left = _node(key, index)
    blended = left + (_node(key, index + 1) - left) * part * part * (3.0 - 2.0 * part)
    return 2.0 * blended - 1.0


class Walk(NamedTuple):
    """A random walk that can be read at any instant without what came before.

    Octaves of noise with periods from two seconds to about three months, each as high as the root of its
    period, move like a random walk over any span between those.
    """

    octaves: tuple[tuple[int, float, float], ...]

    @classmethod
    def of(cls, key: int) -> "Walk":
        """Return the walk of a key; it moves by about 1 in a day."""
        periods = [2.0 * 4.0**power for power in range(12)]
        return cls(tuple((derive_key(key, period), period, math.sqrt(period / DAY)) for period in periods))

    def at(self, seconds: float) -> float:
        """Return the walk's height at an instant in epoch seconds."""
        return sum(height * smooth(key, period, seconds) for key, period, height in self.octaves)
