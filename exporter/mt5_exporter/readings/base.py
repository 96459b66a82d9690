"""The port of a reading: one frame of values from one terminal."""

from collections.abc import Iterable
from typing import Protocol

from mt5_exporter.catalogue import Metric, Sample
from mt5_exporter.round import Round

TERMINAL_ANSWERS = frozenset({"connection"})
OUR_ACCOUNT = frozenset({"connection", "authentication"})
"""An account's values are read only while it is the right account: another's equity pages the wrong desk."""


class Reading(Protocol):
    """One group of values that are fresh or stale together.

    Attributes:
        name: The label `reading`.
        requires: Probes that must pass first.
        metrics: All that it may give a value.
    """

    @property
    def name(self) -> str:
        """The name, as a label."""
        ...

    @property
    def requires(self) -> frozenset[str]:
        """The probes below it."""
        ...

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The rows of the catalogue that it fills."""
        ...

    async def read(self, asked: Round) -> Iterable[Sample]:
        """Return the values, each with the terminal's name as its first label.

        Raises:
            MT5Error: They could not be had; what was there before stays until it is stale.
        """
        ...
