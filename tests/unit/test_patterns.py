"""Symbol patterns: what `*` and `?` mean, and that no name makes one take long."""

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt5_exporter.patterns import is_pattern, matches


@pytest.mark.parametrize("text", ["*", "?", "EUR*", "*USD", "EUR?SD", "E*U?"])
def test_a_star_or_a_question_mark_makes_a_pattern(text: str) -> None:
    assert is_pattern(text)


@pytest.mark.parametrize("text", ["", "EURUSD", "EURUSD.m", "[EUR]", "#AAPL", "EUR+USD"])
def test_anything_else_is_an_exact_name(text: str) -> None:
    assert not is_pattern(text)


@pytest.mark.parametrize(
    ("pattern", "symbol", "meant"),
    [
        ("*", "", True),
        ("*", "EUR\nUSD", True),
        ("EUR*", "EUR", True),
        ("EUR*", "EURUSD.m", True),
        ("EUR*", "XEURUSD", False),
        ("EUR*", "eurusd", False),
        ("*.m", "EURUSD.m", True),
        ("*.m", "EURUSDxm", False),
        ("E*R*D", "EURUSD", True),
        ("E*R*D", "EURUSD.m", False),
        ("*USD*USD*", "USDUSD", True),
        ("*USD*USD*", "EURUSD", False),
        ("EUR??D", "EURUSD", True),
        ("EUR?", "EUR", False),
        ("a*ab", "aab", True),
        ("*ab*ab", "abab", True),
        ("EURUSD", "EURUSD", True),
        ("EURUSD", "EURUSDX", False),
        ("E.R(", "E.R(", True),
        ("E.R(", "EUR(", False),
    ],
)
def test_a_pattern_means_whole_names(pattern: str, symbol: str, meant: bool) -> None:
    assert matches(pattern, symbol) is meant


@given(st.text("ab*?[].", max_size=8), st.text("ab[].\n\ud800", max_size=12))
def test_a_pattern_means_what_it_means_to_a_shell(pattern: str, symbol: str) -> None:
    assert matches(pattern, symbol) is fnmatch.fnmatchcase(symbol, pattern.replace("[", "[[]"))


def test_a_pattern_of_many_stars_is_quick_on_a_long_name() -> None:
    assert not matches("*a" * 20 + "b", "a" * 10_000)
