"""Who is connected: at most so many, and whoever has waited longest without a request makes room."""

from typing import Protocol


class Guest(Protocol):
    """A connection, or one that is being opened."""

    def send_away(self) -> None:
        """End at once."""
        ...


class Crowd:
    """The connections of a server.

    Args:
        most: How many there may be; 0 for no limit.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._idle: dict[Guest, None] = {}
        self._busy: set[Guest] = set()

    def __len__(self) -> int:
        return len(self._idle) + len(self._busy)

    def make_room(self) -> bool:
        """Return whether one more has a place, after sending an idle one away if need be.

        A scraper sends its request at once and is never idle for longer than those who came to hold a place.
        """
        return not 0 < self._most <= len(self) or self.evict()

    def evict(self) -> bool:
        """Send away whoever is idle longest; return whether anybody was."""
        for guest in self._idle:
            del self._idle[guest]
            guest.send_away()
            return True
        return False

    def idle(self, guest: Guest) -> None:
        """Note that a guest is expected to say something; being told so again changes nothing."""
        self._busy.discard(guest)
        self._idle.setdefault(guest)

    def busy(self, guest: Guest) -> None:
        """Note that a guest's request is being answered."""
        self._idle.pop(guest, None)
        self._busy.add(guest)

    def gone(self, guest: Guest) -> None:
        """Forget a guest."""
        self._idle.pop(guest, None)
        self._busy.discard(guest)
