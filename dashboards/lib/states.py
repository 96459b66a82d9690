"""States in words: what a number means, and how good that is."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.lib.colours import BAD, GOOD, IDLE, WARN
from mt5_exporter.catalogue import METRICS


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A value that is shown as a word.

    Attributes:
        value: As the query gives it.
        word: What is shown instead.
        colour: Beside the word.
    """

    value: int
    word: str
    colour: str


States = tuple[State, ...]


def words(*pairs: tuple[str, str]) -> States:
    """Return the states 0, 1, 2 and so on, each a word and its colour."""
    return tuple(State(value=number, word=word, colour=colour) for number, (word, colour) in enumerate(pairs))


def set_of(metric: str, scope: str, colours: Sequence[tuple[str, str]]) -> tuple[str, States]:
    """Return a query that numbers the states of a state set, and their words.

    Args:
        metric: Its name.
        scope: What it is selected by, such as `:terminal`, and more matchers.
        colours: Each state, as it is served, with its colour; all of them.
    """
    row = METRICS[metric]
    assert {state for state, _ in colours} == set(row.states), f"{metric} has the states {row.states}"
    label = row.labels[-1]
    terms = [
        f'{number} * {metric}{{{scope},{label}="{state}"}}'
        for number, (state, _) in enumerate(colours)
        if number
    ]
    shown = [(state.upper().replace("_", " "), colour) for state, colour in colours]
    return f"sum without ({label}) ({' or '.join(terms)})", words(*shown)


UP = words(("DOWN", BAD), ("UP", GOOD))
YES = words(("NO", BAD), ("YES", GOOD))
ON = words(("OFF", WARN), ("ON", GOOD))
FORBIDDEN = words(("ALLOWED", GOOD), ("FORBIDDEN", WARN))
PASSED = words(("NOT PASSED", BAD), ("PASSED", GOOD))
STALE = words(("FRESH", GOOD), ("STALE", BAD))
CONNECTED = words(("DISCONNECTED", BAD), ("CONNECTED", GOOD))
OPEN = words(("CLOSED", IDLE), ("OPEN", GOOD))
STORED = words(("IN MEMORY ONLY", BAD), ("KEPT", GOOD))
LIMIT = words(("OK", GOOD), ("WARNING", WARN), ("CRITICAL", BAD))
OVER = words(("OK", GOOD), ("OVER ITS LIMIT", BAD))
TERMINAL = words(("DOWN", BAD), ("UP", GOOD), ("DOWN, MARKET CLOSED", IDLE), ("UP, MARKET CLOSED", IDLE))

SESSION = (
    ("stopped", IDLE),
    ("starting", WARN),
    ("connecting", WARN),
    ("ready", GOOD),
    ("degraded", WARN),
    ("backoff", BAD),
    ("draining", IDLE),
)
BREAKER = (("closed", GOOD), ("open", BAD), ("half_open", WARN))
PROBE = (("unknown", IDLE), ("passed", GOOD), ("failed", BAD), ("skipped", WARN))
SYMBOL = (("unknown", BAD), ("unselected", WARN), ("no_tick", WARN), ("ticking", GOOD))
TRADE_MODE = (
    ("disabled", BAD),
    ("long_only", WARN),
    ("short_only", WARN),
    ("close_only", WARN),
    ("full", GOOD),
    ("other", IDLE),
)
