"""Group filters: `*USD*,!EUR*` keeps all with USD, then drops what begins with EUR."""

import functools
import re
from collections.abc import Callable


@functools.lru_cache(maxsize=64)
def matcher(group: str) -> Callable[[str], bool]:
    """Return the test of a filter: masks apply in order, `!` drops, `*` stands for any text."""
    masks = []
    for part in group.split(","):
        mask = part.strip()
        pattern = ".*".join(map(re.escape, mask.removeprefix("!").split("*")))
        masks.append((re.compile(pattern, re.DOTALL), not mask.startswith("!")))

    def matches(name: str) -> bool:
        kept = False
        for pattern, keeps in masks:
            if pattern.fullmatch(name):
                kept = keeps
        return kept

    return matches
