"""Every duration of rules and configurations, divided by one factor; not one other character changes."""

import re
from fractions import Fraction

UNITS = {
    "y": 31_536_000_000,
    "w": 604_800_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
DURATION = r"(?:[0-9]+(?:ms|[ywdhms]))+"
KEYS = (
    "for|keep_firing_for|interval|scrape_interval|scrape_timeout|evaluation_interval|"
    "group_wait|group_interval|repeat_interval"
)

SCALED = re.compile(
    rf"""
      (?P<key>^[ ]*(?:-[ ])?[ ]*(?:{KEYS}):[ ]*["']?)(?P<value>{DURATION})(?=["']?[ ]*(?:\#.*)?$)
    | (?P<bracket>\[)(?P<range>{DURATION})(?P<colon>:)?(?P<step>{DURATION})?(?=\])
    | (?P<offset>\boffset[ ]+-?)(?P<shift>{DURATION})\b
    | (?P<horizon>\bpredict_linear\([^()]*\],[ ])(?P<ahead>[0-9]+)(?=\))
    """,
    re.VERBOSE | re.MULTILINE,
)


def milliseconds(duration: str) -> int:
    """Return a duration such as 1h30m in milliseconds."""
    return sum(int(number) * UNITS[unit] for number, unit in re.findall(r"([0-9]+)(ms|[ywdhms])", duration))


def seconds(duration: str) -> float:
    """Return a duration such as 1h30m in seconds."""
    return milliseconds(duration) / 1000


def divided(duration: str, factor: int) -> str:
    """Return a duration over a factor, in whole milliseconds and never 0 unless it was."""
    exact = Fraction(milliseconds(duration), factor)
    return f"{max(round(exact), 1) if exact else 0}ms"


def scaled(text: str, factor: int) -> str:
    """Return the text of a rule file or a configuration with each duration over a factor.

    Durations are the values of keys that hold one, ranges and resolutions in square brackets, offsets, and
    how far predict_linear looks ahead. Other numbers of seconds in an expression are limits, and stay.
    """

    def replace(found: re.Match[str]) -> str:
        if found["horizon"]:
            # Its range comes before it, and was not met by itself.
            return scaled(found["horizon"], factor) + f"{int(found['ahead']) / factor:g}"
        if found["key"]:
            return found["key"] + divided(found["value"], factor)
        if found["bracket"]:
            step = divided(found["step"], factor) if found["step"] else ""
            return f"[{divided(found['range'], factor)}{found['colon'] or ''}{step}"
        return found["offset"] + divided(found["shift"], factor)

    return SCALED.sub(replace, text)
