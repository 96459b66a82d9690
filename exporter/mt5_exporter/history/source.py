"""Reads a span of one kind of history, in slices that neither a frame nor the event loop is too small for."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from mt5_exporter import errors
from mt5_exporter.config import TerminalConfig
from mt5_exporter.errors import MT5Error
from mt5_exporter.history.deals import MARK as DEALS_MARK
from mt5_exporter.history.deals import count_deals
from mt5_exporter.history.mark import DAY, Mark
from mt5_exporter.history.orders import MARK as ORDERS_MARK
from mt5_exporter.history.orders import count_orders
from mt5_exporter.history.rows import DealRow, Identity, OrderRow
from mt5_exporter.lease import count, parse, parse_all, schema_error
from mt5_exporter.link import Answer, Call
from mt5_exporter.store import Change, Saved
from mt5_exporter.threads import off_loop

if TYPE_CHECKING:
    # It hands out the books, which are made of this.
    from mt5_exporter.round import Round

END = 2**31 - 1
"""The server's time up to which is asked: the last that fits into the `long` of the genuine module."""

SLICE = 4000
"""Rows of a frame: some 0.5 MiB, which the event loop takes 5 ms to decode."""

HOUR = 3600


class Entry(Protocol):
    """What every row of a history has."""

    @property
    def ticket(self) -> int:
        """Its ticket."""
        ...

    @property
    def time(self) -> int:
        """The server's time of it."""
        ...


R = TypeVar("R", bound=Entry)
Counting = Callable[[Saved, Mark, Iterable[R], TerminalConfig, float], Change]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(Generic[R]):
    """One kind of history.

    Attributes:
        mark: The fact under which its mark is kept.
        name: What the API calls it: `history_deals` for `history_deals_get` and `history_deals_total`.
        row: The fields that are asked for.
        count: What new entries change.
    """

    mark: str
    name: str
    row: type[R]
    count: Counting[R]


DEALS = Source(
    mark=DEALS_MARK,
    name="history_deals",
    row=DealRow,
    count=count_deals,
)
ORDERS = Source(
    mark=ORDERS_MARK,
    name="history_orders",
    row=OrderRow,
    count=count_orders,
)


class History(Generic[R]):
    """One kind of history of one account, as a terminal answers in one round; all times are the server's.

    Every method raises `MT5Error`, and `MT5DataError` if the terminal has gone over to another account.
    """

    def __init__(self, source: Source[R], asked: "Round", account: Identity) -> None:
        self._source = source
        self._asked = asked
        self._account = account

    async def totals(self, spans: Iterable[tuple[int, int]]) -> list[int]:
        """Return how many entries there are in each span, both ends included, as of one moment."""
        function = f"{self._source.name}_total"
        calls = [Call(function=function, args=span) for span in spans]
        answers = await self._ask(calls)
        name = self._asked.terminal.name
        return [count(call, value(answer), name) for call, answer in zip(calls, answers, strict=True)]

    async def total(self, start: int) -> int:
        """Return how many entries there are from a time on."""
        [found] = await self.totals([(start, END)])
        return found

    async def newest(self) -> int:
        """Return a time in the hour before the last entry, 0 if there is none.

        By halves, and not from our own clock: where that is wrong, a history would look like none.
        """
        low, high = 0, END
        while high - low > HOUR:
            middle = (low + high) // 2
            if await self.total(middle):
                low = middle
            else:
                high = middle
        return low

    async def rows(self, start: int) -> list[R]:
        """Return the entries from a time on, each ticket once."""
        found: dict[int, R] = {}
        spans = [(start, END, await self.total(start))]
        # Nothing should be later: halving the years to come would cost a dozen questions.
        tomorrow = int(self._asked.clock.wall()) + 2 * DAY
        while spans:
            low, high, total = spans.pop()
            if total > SLICE and high - low > 1:
                middle = tomorrow if low < tomorrow < high else (low + high) // 2
                # The second in the middle belongs to both: what is asked in seconds may be held in fractions.
                halves = [(low, middle), (middle, high)]
                totals = await self.totals(halves)
                spans.extend((*half, number) for half, number in zip(halves, totals, strict=True))
            elif total:
                found.update((row.ticket, row) for row in await self._slice(low, high))
        return list(found.values())

    async def _slice(self, low: int, high: int) -> list[R]:
        call = Call(function=f"{self._source.name}_get", args=(low, high), struct=self._source.row)
        [answer] = await self._ask([call])
        rows = value(answer)
        name = self._asked.terminal.name
        if not isinstance(rows, list):
            raise schema_error(call, f"expected a list, was {type(rows).__name__}", name)
        return await off_loop(len(rows), parse_all, self._source.row, call, rows, name)

    async def _ask(self, calls: Sequence[Call]) -> list[Answer]:
        """Ask, and who the account is in the same frame."""
        who = Call(function="account_info", struct=Identity)
        *answers, identity = await self._asked.ask([*calls, who])
        if parse(Identity, who, value(identity), self._asked.terminal.name) != self._account:
            raise no_data("the terminal has gone over to another account", self._asked.terminal.name)
        return answers


def value(answer: Answer) -> object:
    """Return what came back.

    Raises:
        MT5Error: Nothing did.
    """
    if answer.error is not None:
        raise answer.error
    return answer.value


def no_data(text: str, terminal: str) -> MT5Error:
    """Return the error for what is not there at present."""
    return errors.MT5DataError(text, verdict=errors.NO_DATA, code=errors.OK, terminal=terminal)
