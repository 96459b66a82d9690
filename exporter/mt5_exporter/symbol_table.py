"""Which symbols are watched, and under which label: the configuration, resolved against what a broker has."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mt5_exporter.config import TerminalConfig
from mt5_exporter.labels import clean
from mt5_exporter.patterns import is_pattern, matches

SELECTED = "*"
"""As a pattern by itself: the symbols in Market Watch, and not all that the broker has."""

RELIST = 300.0
"""Seconds until the broker is asked for its list again. It copies every symbol whole, thousands of them with
some 100 fields each, to show changes that people make now and then."""

PAUSE = 60.0
"""The same after a list that changed something, since a terminal that starts may not have all of it yet, and
in a new session: where the list takes so long that the session is lost, the next one does not ask at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One of `symbols_get()`; `select` is whether it is in Market Watch."""

    name: str
    select: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A symbol that is watched.

    Attributes:
        label: What we call it: the configured alias, else the broker's name made harmless; unique.
        name: The broker's name.
        exact: Whether the configuration names it, and no pattern found it.
    """

    label: str
    name: str
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What the configuration means at a terminal.

    Attributes:
        watched: In their order, which does not depend on the broker's.
        left_out: How many symbols are meant and not watched: over `max_symbols`, or without a label.
    """

    watched: Sequence[Watched]
    left_out: int

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels in their order."""
        return tuple(symbol.label for symbol in self.watched)


def resolve(terminal: TerminalConfig, listed: Iterable[Listed] = ()) -> Resolution:
    """Return which symbols `symbols` and `aliases` mean, of those that the broker has.

    Those that are named come first, in the file's order and whether the broker has them or not, then those
    that a pattern found, by label. A symbol whose label would be another one's, too, is left out.

    Args:
        terminal: Its configuration.
        listed: What the broker has, in any order; nothing is enough without a pattern.
    """
    aliases = terminal.aliases
    ours = {theirs: name for name, theirs in reversed(tuple(aliases.items()))}
    patterns = [entry for entry in terminal.symbols if is_pattern(entry) and entry != SELECTED]
    named = dict.fromkeys(aliases.get(entry, entry) for entry in terminal.symbols if not is_pattern(entry))
    found = {
        row.name
        for row in listed
        if row.name
        and ((row.select and SELECTED in terminal.symbols) or any(matches(p, row.name) for p in patterns))
    }
    labels = {name: clean(ours.get(name, name)) for name in found.union(named)}
    taken: dict[str, Watched] = {}
    for name in (*named, *sorted(found.difference(named), key=lambda name: (labels[name], name))):
        label = labels[name]
        if label and aliases.get(label, name) == name:
            taken.setdefault(label, Watched(label=label, name=name, exact=name in named))
    watched = tuple(taken.values())[: terminal.max_symbols]
    return Resolution(watched=watched, left_out=len(labels) - len(watched))


class SymbolTable:
    """One terminal's symbols, as last resolved: by the configuration alone until the broker's list is there.

    Args:
        terminal: Its configuration.
    """

    def __init__(self, terminal: TerminalConfig) -> None:
        self.resolution = resolve(terminal)
        self.complete = not any(map(is_pattern, terminal.symbols))
        """Whether the broker's list has been had, or is not needed."""
        self._needed = not self.complete
        self._steady = False
        self._session = 0
        self._asked = float("-inf")

    def due(self, session: int, now: float) -> bool:
        """Return whether to ask for the list now, and take it as asked.

        Args:
            session: A number that each session of the terminal has for itself.
            now: Monotonic seconds.
        """
        pause = RELIST if self._steady and session == self._session else PAUSE
        if not self._needed or (self.complete and now - self._asked < pause):
            return False
        self._session, self._asked = session, now
        return True

    def take(self, resolution: Resolution) -> None:
        """Take what the broker's list was resolved to."""
        self._steady = resolution == self.resolution
        self.resolution, self.complete = resolution, True
