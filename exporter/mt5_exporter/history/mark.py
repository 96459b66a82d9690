"""How far the history of one kind has been taken over: decides what is read, and what of it is new."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

DAY = 86400
"""Seconds by which a watermark may be ahead of us, for a trade server's clock is less than that from UTC, and
which are looked back on top therefore."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far; times are the trade server's unless told otherwise.

    Attributes:
        since: Unix time of the baseline.
        highest: The baseline's highest ticket.
        newest: The baseline's newest time.
        watermark: The newest time since.
        floor: What is older has been forgotten or was never looked at, and does not count any more.
    """

    since: float
    highest: int
    newest: int
    watermark: int
    floor: int

    def start(self, lookback: float) -> int:
        """Return the time from which on to read."""
        return max(self.floor, self.watermark - reach(lookback))

    def is_late(self, ticket: int, time: int) -> bool:
        """Tell whether an entry is from before the baseline, and only the terminal had it later.

        Both tell: an order that was pending at the baseline has an old ticket and a new time, an entry that
        the broker dates back has a new ticket and an old time.
        """
        return ticket <= self.highest and time <= self.newest

    def after(self, times: Iterable[int], *, wall: float, lookback: float) -> "Mark":
        """Return the mark with entries of these times taken over at a Unix time.

        A clock that runs far ahead for a while must not push the watermark to where the entries that follow,
        when it has been put right, are out of sight: it goes no further than a day ahead of our own.
        """
        newest = max((min(time, int(wall) + DAY) for time in times), default=0)
        watermark = max(self.watermark, newest)
        return replace(self, watermark=watermark, floor=max(self.floor, watermark - 2 * reach(lookback)))


def baseline(entries: Iterable[tuple[int, int]], *, start: int, wall: float) -> Mark:
    """Return the mark at which the ticket and time of each entry there is are old.

    Args:
        entries: Ticket and time of each.
        start: The server's time from which on they were read.
        wall: Unix time.
    """
    tickets, times = [0], [0]
    for ticket, time in entries:
        tickets.append(ticket)
        times.append(time)
    newest = max(times)
    watermark = min(newest, int(wall) + DAY)
    return Mark(since=wall, highest=max(tickets), newest=newest, watermark=watermark, floor=start)


def recall(fact: object) -> Mark | None:
    """Return the mark that `dataclasses.asdict` made a fact of, None for none."""
    match fact:
        case {
            "since": int() | float() as since,
            "highest": int(highest),
            "newest": int(newest),
            "watermark": int(watermark),
            "floor": int(floor),
        }:
            return Mark(since=since, highest=highest, newest=newest, watermark=watermark, floor=floor)
        case _:
            return None


def reach(lookback: float) -> int:
    """Return how many seconds before the newest entry are read."""
    return int(lookback) + DAY
