"""The fields of deals and finished orders that count: few, and no comment, which may be of any length."""

from dataclasses import dataclass

MOST = 1e15
"""Money or lots beyond which a float holds no cents, and which nobody has."""

LONGEST = 2**63
"""A ticket or a time from which on it cannot be kept; those of the API are far below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DealRow:
    """One of `history_deals_get()`; times are the trade server's, money is in the deposit currency.

    Raises:
        TypeError: A value is none that the API documents, such as a NaN.
    """

    ticket: int
    time: int
    type: int
    entry: int
    volume: float
    commission: float
    swap: float
    profit: float
    symbol: str
    time_msc: int = 0
    position_id: int = 0
    fee: float = 0.0
    magic: int = 0
    reason: int = 0

    def __post_init__(self) -> None:
        _require_whole(self.ticket, self.time)
        for amount in (self.volume, self.commission, self.swap, self.profit, self.fee):
            # Asked this way round, since a NaN is neither.
            if not -MOST <= amount <= MOST:
                raise TypeError(f"{amount} is no amount")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """One of `history_orders_get()`; times are the trade server's.

    Raises:
        TypeError: A value is none that the API documents.
    """

    ticket: int
    time_setup: int
    state: int
    symbol: str
    time_done: int = 0
    magic: int = 0

    def __post_init__(self) -> None:
        _require_whole(self.ticket, self.time_setup, self.time_done)

    @property
    def time(self) -> int:
        """When it ended."""
        return self.time_done or self.time_setup


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which account `account_info()` is of."""

    login: int
    server: str


def _require_whole(*numbers: int) -> None:
    for number in numbers:
        if not 0 <= number < LONGEST:
            raise TypeError(f"{number} is no ticket and no time")
