"""Which strategy a magic number stands for: a label from a configured, and so bounded, set."""

from collections.abc import Mapping

MANUAL = "manual"
OTHER = "other"


def label(strategies: Mapping[int, str], magic: int) -> str:
    """Return a strategy's name; a position by hand has magic 0, and a number that nobody named is `other`."""
    return strategies.get(magic, OTHER if magic else MANUAL)
