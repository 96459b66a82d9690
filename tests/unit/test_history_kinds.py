"""The tables of what MetaTrader 5 has in a history: complete, and each row as its documentation says."""

import json
from pathlib import Path

import pytest

from mt5_exporter.history import kinds
from mt5_exporter.history.deals import balance_units, flow_units
from mt5_exporter.history.kinds import BUY, SELL
from mt5_exporter.history.money import UNIT, amount, units
from tests.unit.accounting import deal

CONSTANTS = json.loads((Path(__file__).parents[1] / "far" / "mt5_api_5.0.6231.json").read_text())["constants"]


def numbers(*prefixes: str) -> set[int]:
    """Return the values of the module's constants that begin so."""
    return {number for name, number in CONSTANTS.items() if name.startswith(prefixes)}


def test_every_deal_type_entry_reason_and_order_state_of_the_module_has_a_row() -> None:
    types = numbers("DEAL_TYPE_") | {
        CONSTANTS[name] for name in ("DEAL_DIVIDEND", "DEAL_DIVIDEND_FRANKED", "DEAL_TAX")
    }
    assert types == set(range(18))
    assert types <= set(kinds.DEALS)
    assert numbers("DEAL_ENTRY_") == set(kinds.ENTRIES)
    assert numbers("DEAL_REASON_") | {10} == set(kinds.REASONS)
    assert numbers("ORDER_STATE_") == set(kinds.ORDERS)


def test_a_row_is_named_as_its_constant_is() -> None:
    for name, number in CONSTANTS.items():
        if name.startswith("DEAL_TYPE_"):
            assert kinds.DEALS[number].name == name.removeprefix("DEAL_TYPE_").lower()
        if name.startswith("DEAL_REASON_"):
            assert kinds.REASONS[number] == name.removeprefix("DEAL_REASON_").lower()
        if name.startswith("DEAL_ENTRY_"):
            assert kinds.ENTRIES[number].name.replace("_", "") == name.removeprefix(
                "DEAL_ENTRY_"
            ).lower().replace("_", "")


def test_labels_are_unique() -> None:
    for table in (kinds.DEALS, kinds.ENTRIES, kinds.ORDERS):
        names = [row.name for row in table.values()]
        assert len(set(names)) == len(names)
        assert kinds.OTHER not in names


@pytest.mark.parametrize(
    ("kind", "entry", "side"),
    [
        (0, 0, BUY),
        (1, 0, SELL),
        (0, 1, SELL),
        (1, 1, BUY),
        # A sale of more than was bought: the profit is the bought position's.
        (1, 2, BUY),
        (0, 2, SELL),
        # Each of the two positions has a deal against it.
        (1, 3, BUY),
        (0, 3, SELL),
        (0, 99, BUY),
    ],
)
def test_the_side_is_that_of_the_position(kind: int, entry: int, side: str) -> None:
    row = kinds.ENTRIES.get(entry, kinds.UNKNOWN_ENTRY)

    assert kinds.position_side(kinds.DEALS[kind], row) == side


@pytest.mark.parametrize(
    ("kind", "balance", "flow"),
    [
        *((number, 70, 0) for number in (0, 1, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 99)),
        *((number, 70, 70) for number in (2, 6, 19)),
        *((number, 0, 0) for number in (3, 20)),
    ],
)
def test_what_a_deal_does_to_the_balance_and_how_much_of_it_was_not_earned(
    kind: int, balance: int, flow: int
) -> None:
    row = deal(1, type=kind, profit=100.0, commission=-20.0, swap=-6.0, fee=-4.0)

    assert balance_units(row) == balance * UNIT
    assert flow_units(row) == flow * UNIT


def test_a_million_cents_are_ten_thousand() -> None:
    total = sum(units(0.01) for _ in range(1_000_000))

    assert amount(total) == 10_000.0
    assert amount(units(0.1) + units(0.2)) == 0.3
    assert amount(units(-21_999_999.99) + units(0.01)) == -21_999_999.98
    assert amount(units(1e-8)) == 1e-8
