"""What a history's deals say of an account's past."""

from typing import TypedDict, Unpack

import pytest

from mt5_exporter.history.rows import DealRow
from mt5_exporter.model import Position
from mt5_exporter.risk.deals import past_of
from mt5_exporter.risk.past import Past
from tests.unit.risking import utc

OFFSET = 3 * 3600.0
MIDNIGHT = utc("2026-05-05")
BUY, SELL, BALANCE, CREDIT, CHARGE, CANCELLED = 0, 1, 2, 3, 4, 13


class Fields(TypedDict, total=False):
    """Those of a deal that tests set."""

    type: int
    volume: float
    profit: float
    commission: float
    swap: float
    fee: float
    position_id: int
    time_msc: int


def deal(ticket: int, after: float, **fields: Unpack[Fields]) -> DealRow:
    """Return a deal so many seconds after midnight."""
    server = MIDNIGHT + after + OFFSET
    plain: Fields = {
        "type": BUY,
        "volume": 0.0,
        "profit": 0.0,
        "commission": 0.0,
        "swap": 0.0,
        "time_msc": round(server * 1000),
    }
    plain.update(fields)
    return DealRow(ticket=ticket, time=int(server), entry=0, symbol="EURUSD", **plain)


def position(ticket: int, kind: int, volume: float, identifier: int = 0) -> Position:
    return Position(
        ticket=ticket,
        time=0,
        type=kind,
        volume=volume,
        price_open=1.0,
        sl=0.0,
        tp=0.0,
        price_current=1.0,
        swap=0.0,
        profit=0.0,
        symbol="EURUSD",
        identifier=identifier,
    )


def past(rows: list[DealRow], *positions: Position, balance: float = 10_000.0, flows: float = 0.0) -> Past:
    return past_of(rows, positions, since=MIDNIGHT - 600, offset=OFFSET, balance=balance, flows=flows)


def test_every_cost_of_a_deal_is_money_and_only_what_is_brought_is_a_flow() -> None:
    rows = [
        deal(1, 10, profit=100.0, commission=-3.5, swap=-0.25, fee=-0.15),
        deal(2, 20, type=BALANCE, profit=5_000.0),
        deal(3, 30, type=CHARGE, profit=-7.0),
    ]

    found = past(rows, balance=15_089.1, flows=5_000)

    level = found.before(MIDNIGHT)
    assert (round(level.balance, 8), level.flows) == (10_000, 0)
    assert [entry.money for entry in found.entries] == [96.1, 5_000, -7]


def test_a_credit_changes_no_balance() -> None:
    assert past([deal(1, 10, type=CREDIT, profit=500.0)]).before(MIDNIGHT).balance == 10_000


def test_a_deals_time_is_that_of_the_trade_servers_clock() -> None:
    found = past([deal(1, -0.001, profit=1.0), deal(2, 0, profit=2.0)])

    assert found.before(MIDNIGHT).balance == 9_998
    # A build that does not tell the milliseconds.
    assert past([deal(1, 5, profit=1.0, time_msc=0)]).entries[0].at == MIDNIGHT + 5


def test_deals_from_before_what_was_asked_for_do_not_count() -> None:
    # The API is asked in whole seconds.
    assert past([deal(1, -600.5, profit=1.0)]).entries == ()


@pytest.mark.parametrize(
    ("rows", "positions", "flat"),
    [
        ([], [], True),
        ([], [position(7, 0, 0.1)], False),
        # Opened since, in parts.
        (
            [deal(1, 5, volume=0.1, position_id=7), deal(2, 6, volume=0.2, position_id=7)],
            [position(7, 0, 0.3)],
            True,
        ),
        # Opened since and closed, in parts.
        (
            [
                deal(1, 5, type=SELL, volume=0.3, position_id=7),
                deal(2, 6, volume=0.1, position_id=7),
                deal(3, 7, volume=0.2, position_id=7),
            ],
            [],
            True,
        ),
        # Open before, and closed since.
        ([deal(1, 5, type=SELL, volume=0.1, position_id=7)], [], False),
        # Open before, and added to since.
        ([deal(1, 5, volume=0.1, position_id=7)], [position(7, 0, 0.2)], False),
        # Turned since: bought before, sold now.
        ([deal(1, 5, type=SELL, volume=0.3, position_id=7)], [position(7, 1, 0.2)], False),
        # Opened and turned since; the ticket is then that of another order.
        (
            [deal(1, 5, volume=0.1, position_id=7), deal(2, 6, type=SELL, volume=0.3, position_id=7)],
            [position(9, 1, 0.2, identifier=7)],
            True,
        ),
        # Two that close each other.
        (
            [
                deal(1, 5, volume=0.1, position_id=7),
                deal(2, 6, type=SELL, volume=0.1, position_id=8),
                deal(3, 7, type=SELL, volume=0.1, position_id=7),
                deal(4, 7, volume=0.1, position_id=8),
            ],
            [],
            True,
        ),
        # One open before that another one, opened since, has closed.
        (
            [
                deal(2, 6, type=SELL, volume=0.1, position_id=8),
                deal(3, 7, type=SELL, volume=0.1, position_id=7),
                deal(4, 7, volume=0.1, position_id=8),
            ],
            [],
            False,
        ),
        # A cancelled purchase proves nothing.
        (
            [
                deal(1, 5, type=CANCELLED, volume=0.1, position_id=7),
                deal(2, 6, type=SELL, volume=0.1, position_id=7),
            ],
            [],
            False,
        ),
    ],
)
def test_whether_anything_was_open_follows_from_the_lots(
    rows: list[DealRow], positions: list[Position], *, flat: bool
) -> None:
    assert past(rows, *positions).was_flat(MIDNIGHT) is flat
