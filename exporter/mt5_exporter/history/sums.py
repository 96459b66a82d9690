"""What entries add to an account's totals, by metric and labels, of a bounded number of symbols."""

from mt5_exporter import catalogue
from mt5_exporter.catalogue import Metric
from mt5_exporter.config import TerminalConfig
from mt5_exporter.history.kinds import OTHER
from mt5_exporter.labels import clean
from mt5_exporter.store import Saved, Total

LEFT_OUT = "history.left_out"
"""The fact that lists symbols which have no series of their own."""

MOST_LEFT_OUT = 10_000
"""Symbols that it lists; no broker has as many."""

BY_SYMBOL = frozenset({catalogue.DEALS.name, catalogue.HISTORY_ORDERS.name})
"""Metrics that tell by their first label which symbols have series."""


class Sums:
    """The totals that change.

    Args:
        saved: The account; it is not changed.
        terminal: `aliases` and `max_symbols` say how a symbol is labelled. The first ones that come keep
            their series for good, since what was counted under one label cannot move to another.
    """

    def __init__(self, saved: Saved, terminal: TerminalConfig) -> None:
        self.totals: dict[Total, int] = {}
        self._before = saved.totals
        self._most = terminal.max_symbols
        self._ours = {theirs: ours for ours, theirs in terminal.aliases.items()}
        self._kept = {labels[0] for metric, labels in saved.totals if metric in BY_SYMBOL} - {OTHER}
        self._listed = left_out(saved)
        self._left_out = set(self._listed)

    def add(self, metric: Metric | str, labels: tuple[str, ...], units: int) -> None:
        """Add to a total; with 0 it begins, if it is not there yet."""
        total = (metric if isinstance(metric, str) else metric.name, labels)
        self.totals[total] = self.totals.get(total, self._before.get(total, 0)) + units

    def symbol(self, name: str) -> str:
        """Return the label of the broker's symbol."""
        label = clean(self._ours.get(name, name)) or OTHER
        if label == OTHER or label in self._kept:
            return label
        if len(self._kept) < self._most:
            self._kept.add(label)
            self._left_out.discard(label)
            return label
        if len(self._left_out) < MOST_LEFT_OUT:
            self._left_out.add(label)
        return OTHER

    @property
    def facts(self) -> dict[str, object]:
        """The list of the symbols left out, if it changes."""
        found = sorted(self._left_out)
        return {} if found == self._listed else {LEFT_OUT: found}


def left_out(saved: Saved) -> list[str]:
    """Return the labels that have no series of their own, in order."""
    found = saved.facts.get(LEFT_OUT)
    return [str(label) for label in found] if isinstance(found, list) else []
