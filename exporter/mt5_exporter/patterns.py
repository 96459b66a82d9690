"""Symbol patterns: `*` for any characters, `?` for one; case matters, as it does to a broker."""

import functools
import re


def is_pattern(text: str) -> bool:
    """Return whether `text` stands for more than one symbol."""
    return "*" in text or "?" in text


def matches(pattern: str, symbol: str) -> bool:
    """Return whether a symbol is meant by a pattern or an exact name."""
    return _compiled(pattern).fullmatch(symbol) is not None


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    first, *rest = (
        "".join("." if char == "?" else re.escape(char) for char in part) for part in pattern.split("*")
    )
    if not rest:
        return re.compile(first, re.DOTALL)
    *inner, last = rest
    # Each inner part is taken where it first comes and never looked for again: a pattern of many stars on a
    # long name would else take for ever.
    return re.compile(first + "".join(f"(?>.*?{part})" for part in inner) + ".*" + last, re.DOTALL)
