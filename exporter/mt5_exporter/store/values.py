"""What is kept for an account: totals, the tickets that have been seen, and facts; and a change of these."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

Total = tuple[str, tuple[str, ...]]
"""A metric's name and its label values."""

Ticket = tuple[str, int]
"""A kind of ticket and its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to be kept from now on; each value stands in the place of the one before.

    Values and not differences, so that a change may be written twice.

    Attributes:
        totals: Whole numbers of whatever unit their owner counts in.
        seen: The server's time of each ticket, None to forget it.
        facts: Plain JSON.
    """

    totals: Mapping[Total, int] = field(default_factory=dict)
    seen: Mapping[Ticket, int | None] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.totals) + len(self.seen) + len(self.facts)

    def then(self, later: "Change") -> "Change":
        """Return both in one."""
        return Change(
            totals={**self.totals, **later.totals},
            seen={**self.seen, **later.seen},
            facts={**self.facts, **later.facts},
        )


@dataclass(slots=True)
class Saved:
    """What is kept for one account, in memory."""

    totals: dict[Total, int] = field(default_factory=dict)
    seen: dict[Ticket, int] = field(default_factory=dict)
    facts: dict[str, object] = field(default_factory=dict)

    def apply(self, change: Change) -> None:
        """Take a change over."""
        self.totals.update(change.totals)
        for ticket, time in change.seen.items():
            if time is None:
                self.seen.pop(ticket, None)
            else:
                self.seen[ticket] = time
        self.facts.update(change.facts)

    def whole(self) -> Change:
        """Return the change that makes nothing into this."""
        return Change(totals=dict(self.totals), seen=dict(self.seen), facts=dict(self.facts))


def to_json(value: object) -> str:
    """Return plain JSON, in ASCII: a lone surrogate is written escaped.

    Raises:
        TypeError, ValueError: There is something that JSON has no word for.
    """
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
