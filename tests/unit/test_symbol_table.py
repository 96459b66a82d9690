"""Which symbols are watched, in which order and under which label, whatever the broker lists."""

import random
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt5_exporter.config import TerminalConfig
from mt5_exporter.labels import MAX_LABEL, clean
from mt5_exporter.symbol_table import PAUSE, RELIST, Listed, Resolution, SymbolTable, Watched, resolve

NO_ALIASES: Mapping[str, str] = {}


def terminal(*symbols: str, aliases: Mapping[str, str] = NO_ALIASES, most: int = 200) -> TerminalConfig:
    return TerminalConfig(name="desk", symbols=symbols, aliases=aliases, max_symbols=most)


def listed(*names: str, select: bool = True) -> list[Listed]:
    return [Listed(name=name, select=select) for name in names]


def meant(resolution: Resolution) -> list[tuple[str, str]]:
    """Return label and name of each symbol that is watched."""
    return [(symbol.label, symbol.name) for symbol in resolution.watched]


# What is meant


def test_exact_names_need_no_list_and_keep_the_files_order() -> None:
    found = resolve(terminal("XAUUSD", "EURUSD"))

    assert found.watched == (
        Watched(label="XAUUSD", name="XAUUSD", exact=True),
        Watched(label="EURUSD", name="EURUSD", exact=True),
    )
    assert found.labels == ("XAUUSD", "EURUSD")
    assert found.left_out == 0


def test_a_name_that_the_broker_does_not_have_is_watched_all_the_same() -> None:
    assert resolve(terminal("NOPE", "E*"), listed("EURUSD")).labels == ("NOPE", "EURUSD")


def test_a_pattern_means_every_symbol_of_the_broker_selected_or_not() -> None:
    broker = [*listed("EURUSD"), *listed("EURGBP", "GBPUSD", select=False)]

    assert resolve(terminal("EUR*"), broker).labels == ("EURGBP", "EURUSD")


def test_a_star_alone_means_the_symbols_in_market_watch() -> None:
    broker = [*listed("EURUSD", "BTCUSD"), *listed("EURGBP", select=False)]

    assert resolve(terminal("*"), broker).labels == ("BTCUSD", "EURUSD")
    assert resolve(terminal("*", "*GBP"), broker).labels == ("BTCUSD", "EURGBP", "EURUSD")


def test_named_symbols_come_first_then_those_that_patterns_find_by_name() -> None:
    broker = listed("AUDUSD", "USDJPY", "EURUSD", "XAUUSD")

    found = resolve(terminal("*USD", "USDJPY", "EURUSD"), broker)

    assert found.labels == ("USDJPY", "EURUSD", "AUDUSD", "XAUUSD")
    assert [symbol.exact for symbol in found.watched] == [True, True, False, False]


def test_nothing_is_configured_and_nothing_is_watched() -> None:
    assert resolve(terminal(), listed("EURUSD")) == Resolution(watched=(), left_out=0)


# Aliases


def test_an_alias_is_the_label_of_the_brokers_symbol_however_it_is_found() -> None:
    aliases = {"EURUSD": "EURUSD.m"}
    broker = listed("EURUSD.m", "GBPUSD.m")

    for entry in ("EURUSD", "EURUSD.m", "EUR*", "*"):
        assert meant(resolve(terminal(entry, aliases=aliases), broker))[0] == ("EURUSD", "EURUSD.m")


def test_a_symbol_that_is_named_in_both_ways_is_watched_once() -> None:
    found = resolve(terminal("EURUSD.m", "EURUSD", aliases={"EURUSD": "EURUSD.m"}))

    assert meant(found) == [("EURUSD", "EURUSD.m")]
    assert found.left_out == 0


def test_of_two_aliases_for_one_symbol_the_first_is_its_label() -> None:
    found = resolve(terminal("B", "A", aliases={"A": "X", "B": "X"}))

    assert (meant(found), found.left_out) == ([("A", "X")], 0)


@pytest.mark.parametrize("broker", [("EURUSD", "EURUSD.m"), ("EURUSD",)])
def test_a_symbol_whose_name_is_an_alias_of_another_never_has_that_label(broker: Sequence[str]) -> None:
    found = resolve(terminal("EURUSD", "EUR*", aliases={"EURUSD": "EURUSD.m"}), listed(*broker))

    assert meant(found) == [("EURUSD", "EURUSD.m")]
    assert found.left_out == 1


# The cap


def test_symbols_over_the_cap_are_left_out_and_counted_the_named_ones_last() -> None:
    broker = listed("D", "C", "B", "A")

    found = resolve(terminal("*", "C", most=2), broker)

    assert (found.labels, found.left_out) == (("C", "A"), 2)


def test_even_named_symbols_are_left_out_over_the_cap() -> None:
    found = resolve(terminal("A", "B", "C", most=2))

    assert (found.labels, found.left_out) == (("A", "B"), 1)


# Whatever a broker sends


NAMES = st.one_of(
    st.text("AB.", min_size=1, max_size=3),
    st.text(max_size=3),
    st.sampled_from(["\ud800", "A\n", "A ", "\x00", " ", "X" * 200, "X" * 10_000, "X" * 200 + "Y"]),
)


@given(
    names=st.lists(NAMES, max_size=30),
    entries=st.lists(st.text("AB.*?", min_size=1, max_size=3), max_size=5, unique=True),
    aliases=st.dictionaries(st.text("AB", min_size=1, max_size=2), NAMES.filter(bool), max_size=4),
    most=st.integers(1, 12),
    seed=st.integers(0, 9),
)
def test_whatever_is_listed_labels_are_unique_the_cap_holds_and_the_order_of_the_list_does_not_matter(
    names: list[str], entries: list[str], aliases: dict[str, str], most: int, seed: int
) -> None:
    config = terminal(*entries, aliases=aliases, most=most)
    broker = listed(*names)
    shuffled = random.Random(seed).sample(broker, len(broker))

    found = resolve(config, broker)
    whole = resolve(terminal(*entries, aliases=aliases, most=1000), broker)

    assert resolve(config, shuffled) == found
    assert len(set(found.labels)) == len(found.labels) <= most
    assert len({symbol.name for symbol in found.watched}) == len(found.labels)
    assert found.watched == whole.watched[:most]
    assert len(found.watched) + found.left_out == len(whole.watched) + whole.left_out
    assert all(label == clean(label) and 0 < len(label) <= MAX_LABEL for label in found.labels)
    for symbol in found.watched:
        assert symbol.name in names or symbol.exact
        assert aliases.get(symbol.label, symbol.name) == symbol.name


def test_names_that_look_alike_once_they_are_cut_share_no_label() -> None:
    found = resolve(terminal("*"), listed("X" * 10_000, "X" * 9_999, "A\ud800", "A\udfff", ""))

    assert found.labels == ("A", "X" * MAX_LABEL)
    assert found.left_out == 2


# When the list is asked for


def test_without_a_pattern_the_list_is_never_asked_for() -> None:
    table = SymbolTable(terminal("EURUSD"))

    assert table.complete
    assert not table.due(1, 0.0)
    assert not table.due(2, 1e9)


def test_with_a_pattern_it_is_asked_for_until_it_is_there() -> None:
    table = SymbolTable(terminal("EURUSD", "X*"))

    assert not table.complete
    assert table.resolution.labels == ("EURUSD",)
    assert [table.due(1, float(now)) for now in range(3)] == [True] * 3


def asked(table: SymbolTable, session: int, *times: float) -> list[bool]:
    return [table.due(session, now) for now in times]


def test_a_list_that_changed_something_is_asked_for_again_soon_and_a_steady_one_after_minutes() -> None:
    config = terminal("X*")
    table = SymbolTable(config)
    assert table.due(1, 0.0)
    table.take(resolve(config, listed("XAUUSD")))

    soon = asked(table, 1, PAUSE - 1, PAUSE)
    table.take(resolve(config, listed("XAUUSD")))
    later = asked(table, 1, PAUSE + RELIST - 1, PAUSE + RELIST)

    assert table.resolution.labels == ("XAUUSD",)
    assert (soon, later) == ([False, True], [False, True])


def test_a_new_session_asks_anew_but_not_at_once() -> None:
    config = terminal("X*")
    table = SymbolTable(config)
    for now in (0.0, PAUSE):
        assert table.due(1, now)
        table.take(resolve(config, listed("XAUUSD")))

    assert asked(table, 1, 2 * PAUSE) == [False]
    assert asked(table, 2, 2 * PAUSE - 1, 2 * PAUSE) == [False, True]
