"""A struct from the values of its fields: what is taken, what is missing, what is of another kind."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt5_exporter import model
from mt5_exporter.feed import Change, Feed
from mt5_exporter.model import Account, Deal, Order, Position, Symbol, Terminal, Tick, Version

STRUCTS = (Account, Deal, Order, Position, Symbol, Terminal, Tick, Version)


@pytest.mark.parametrize("struct", STRUCTS)
def test_the_fields_asked_for_are_the_structs_own_in_their_order(struct: type) -> None:
    assert dataclasses.is_dataclass(struct)
    assert model.fields(struct) == tuple(field.name for field in dataclasses.fields(struct))


def test_a_row_of_values_becomes_a_struct() -> None:
    tick = model.build(Tick, [1, 1000, 1.5, 1.6, 0.0, 0, 0.0, 6])

    assert tick == Tick(time=1, time_msc=1000, bid=1.5, ask=1.6, flags=6)


def test_a_field_that_this_build_lacks_keeps_its_default() -> None:
    row = [True, False, 5000, 100, None, None, None, None, None]

    terminal = model.build(Terminal, row)

    assert terminal == Terminal(connected=True, trade_allowed=False, build=5000, ping_last=100)
    assert (terminal.tradeapi_disabled, terminal.retransmission, terminal.name) == (None, None, "")


def test_a_whole_number_is_a_fine_float_and_a_switch() -> None:
    terminal = model.build(Terminal, [1, 0, 5000, 100, 1, 2, "", "", ""])

    assert (terminal.connected, terminal.tradeapi_disabled, terminal.retransmission) == (1, 1, 2)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ([None, 1000, 1.5, 1.6, 0.0, 0, 0.0, 6], "Tick.time is missing"),
        ([1, 1000, "1.5", 1.6, 0.0, 0, 0.0, 6], "Tick.bid is a str"),
        ([1, 1000.5, 1.5, 1.6, 0.0, 0, 0.0, 6], "Tick.time_msc is a float"),
        ([1, 1000, 1.5, 1.6, 0.0, 0, 0.0], "Tick: expected 8 values"),
        ({"time": 1}, "Tick: expected 8 values"),
        (None, "Tick: expected 8 values"),
    ],
)
def test_a_row_of_another_shape_says_which_field(row: object, text: str) -> None:
    with pytest.raises(TypeError, match=f"^{text}$"):
        model.build(Tick, row)


VALUE = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers())


@given(row=VALUE | st.lists(VALUE, max_size=12))
def test_whatever_comes_is_a_struct_or_a_type_error(row: object) -> None:
    for struct in (Tick, Terminal):
        try:
            text = repr(model.build(struct, row))
        except TypeError as failure:
            text = str(failure)

        assert text.startswith(struct.__name__)


def tick(time_msc: int) -> Tick:
    return Tick(time=0, time_msc=time_msc, bid=1.0, ask=1.0)


def test_a_feed_keeps_the_moment_at_which_a_tick_was_new() -> None:
    feed = Feed()
    for at, time_msc in ((10.0, 7), (20.0, 7), (30.0, 8), (40.0, 8)):
        feed.see("EURUSD", tick(time_msc), at)
    feed.see("BTCUSD", tick(7), 50.0)

    assert feed.changes == {"EURUSD": Change(time_msc=8, at=30.0), "BTCUSD": Change(time_msc=7, at=50.0)}


def test_a_tick_that_is_older_than_the_last_is_new_all_the_same() -> None:
    # The trade server's clock may be set back; it is another tick.
    feed = Feed()
    feed.see("EURUSD", tick(8), 10.0)

    feed.see("EURUSD", tick(7), 20.0)

    assert feed.changes["EURUSD"] == Change(time_msc=7, at=20.0)
