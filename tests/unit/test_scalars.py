"""What each decoder of a single value takes, and the one line that refuses the rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt5_exporter.scalars import (
    boolean,
    duration,
    integer,
    list_of,
    number,
    one_of,
    show_duration,
    size,
    text,
)
from mt5_exporter.strict_yaml import ConfigError, Value, parse


def value(spelled: str) -> Value:
    return parse(f"key: {spelled}\n", "f.yml").section(("key",)).values["key"]


@pytest.mark.parametrize(
    "spelled",
    [
        "no",
        "Yes",
        "ON",
        "off",
        "true",
        "y",
        "N",
        "0123",
        "12",
        "-1",
        "0x1F",
        "0b1",
        "0o17",
        "12:30",
        "1_000",
        "1.5",
        "1e3",
        "-2.5E+7",
        ".inf",
        ".NaN",
        "2026-01-05",
        "2026-01-05T00:00:00Z",
        "=",
        "<<",
    ],
)
def test_a_text_that_yaml_reads_as_something_else_has_to_be_quoted(spelled: str) -> None:
    with pytest.raises(
        ConfigError, match=r"^f\.yml:1: key: expected a text, which YAML takes for .*: quote it$"
    ):
        text()(value(spelled))

    assert text()(value(f"'{spelled}'")) == spelled
    assert text()(value(f'"{spelled}"')) == spelled


@pytest.mark.parametrize("spelled", ["EURUSD", "US 500", "1.2.3", "10.0.0.1", "nope", "C:\\a", "\u00fcber"])
def test_a_plain_text_needs_no_quotes(spelled: str) -> None:
    assert text()(value(spelled)) == spelled


@pytest.mark.parametrize(
    "spelled", ['"\\n"', '"\\0"', '"\\e"', '"\\x7f"', '"\\N"', '"\\L"', '"\\P"', '"\\ud800"', "|\n  a\n  b"]
)
def test_a_text_has_no_control_characters(spelled: str) -> None:
    with pytest.raises(ConfigError, match="without control characters"):
        text()(value(spelled))


def test_a_text_has_a_length_and_a_form() -> None:
    with pytest.raises(ConfigError, match=r"key: expected a text of at most 3 characters$"):
        text(longest=3)(value("four"))
    with pytest.raises(ConfigError, match=r"key: expected a digit, was 'x'$"):
        text("a digit", pattern="[0-9]")(value("x"))
    for nothing in ("''", "", "~"):
        with pytest.raises(ConfigError, match="key: expected a text"):
            text()(value(nothing))


@pytest.mark.parametrize(("spelled", "meant"), [("0", 0), ("7", 7), ("9223372036854775807", 2**63 - 1)])
def test_a_whole_number_is_plain_decimal(spelled: str, meant: int) -> None:
    assert integer(0, 2**63 - 1)(value(spelled)) == meant


@pytest.mark.parametrize(
    "spelled",
    [
        "-1",
        "+1",
        "007",
        "08",
        "0x1F",
        "0b1",
        "0o7",
        "1_000",
        "1e3",
        "1.0",
        "12:30",
        "'1'",
        "",
        "[1]",
        "yes",
        "\u0661",
        "9223372036854775808",
        "1" * 5000,
    ],
)
def test_no_other_whole_number_is_taken(spelled: str) -> None:
    with pytest.raises(ConfigError, match="key: expected a whole number from 0 to 9223372036854775807"):
        integer(0, 2**63 - 1)(value(spelled))


@pytest.mark.parametrize(
    ("spelled", "meant"), [("4", 4.0), ("0.5", 0.5), ("10", 10.0), ("0.000000001", 1e-9)]
)
def test_a_number_is_plain_decimal(spelled: str, meant: float) -> None:
    assert number(above=0, most=10)(value(spelled)) == meant


@pytest.mark.parametrize(
    "spelled", ["0", "0.0", "10.1", "-1", ".5", "1.", "1e0", ".inf", ".nan", "'1'", "{}"]
)
def test_no_other_number_is_taken(spelled: str) -> None:
    with pytest.raises(ConfigError, match="key: expected a number above 0 and at most 10"):
        number(above=0, most=10)(value(spelled))


def test_a_flag_is_true_or_false() -> None:
    assert boolean(value("true")) is True
    assert boolean(value("false")) is False
    for spelled in ("yes", "on", "True", "TRUE", "1", "'true'", "", "[true]"):
        with pytest.raises(ConfigError, match="key: expected true or false"):
            boolean(value(spelled))


@pytest.mark.parametrize(
    ("spelled", "seconds"),
    [
        ("500ms", 0.5),
        ("15s", 15),
        ("5m", 300),
        ("1h30m", 5400),
        ("2d", 172800),
        ("1d1h1m1s1ms", 90061.001),
        ("0s", 0),
        ("'15s'", 15),
        ("90m", 5400),
    ],
)
def test_a_duration_has_units(spelled: str, seconds: float) -> None:
    assert duration(0, 1e9)(value(spelled)) == seconds


@pytest.mark.parametrize(
    "spelled", ["15", "''", "", "1.5s", "-1s", "15 s", "s", "30s1m", "1s1s", "15S", "1w"]
)
def test_no_other_duration_is_taken(spelled: str) -> None:
    with pytest.raises(ConfigError, match="key: expected a duration such as 15s"):
        duration(0, 1e9)(value(spelled))


def test_a_duration_has_bounds() -> None:
    with pytest.raises(ConfigError, match="key: expected a duration from 1s to 1h, was '2h'"):
        duration(1, 3600)(value("2h"))


@pytest.mark.parametrize(("spelled", "seconds"), [("-1h", -3600), ("-1h30m", -5400), ("1h", 3600), ("0s", 0)])
def test_a_duration_goes_back_only_where_its_bounds_do(spelled: str, seconds: float) -> None:
    assert duration(-86_400, 86_400)(value(spelled)) == seconds
    for other in ("'-'", "--1h", "+1h", "1h-30m"):
        with pytest.raises(ConfigError, match="key: expected a duration such as 15s"):
            duration(-86_400, 86_400)(value(other))
    with pytest.raises(ConfigError, match="key: expected a duration from -1d to 1d, was '-2d'"):
        duration(-86_400, 86_400)(value("-2d"))


@given(st.integers(min_value=-(10**12), max_value=10**12))
def test_a_duration_is_shown_as_it_is_written(milliseconds: int) -> None:
    seconds = milliseconds / 1000

    assert duration(-1e10, 1e10)(value(show_duration(seconds))) == seconds


def test_a_size_has_units() -> None:
    assert [size(value(spelled)) for spelled in ("1B", "64KiB", "512MiB", "2GiB")] == [
        1,
        65536,
        1 << 29,
        2 << 30,
    ]
    for spelled in ("512", "512MB", "0B", "1.5GiB", "512mib", "", "[1B]"):
        with pytest.raises(ConfigError, match="key: expected a size such as 512MiB"):
            size(value(spelled))


def test_a_choice_is_one_of_its_words() -> None:
    assert one_of(("a", "b"))(value("b")) == "b"
    with pytest.raises(ConfigError, match=r"key: expected one of a, b, was 'c'$"):
        one_of(("b", "a"))(value("c"))


def test_a_list_repeats_nothing() -> None:
    assert list_of(text())(value("[a, b]")) == ("a", "b")
    assert list_of(text())(value("[]")) == ()
    with pytest.raises(ConfigError, match=r"key\[2\]: is in the list already$"):
        list_of(text())(value("[a, b, a]"))
    with pytest.raises(ConfigError, match=r"key: expected at least one entry$"):
        list_of(text(), empty=False)(value("[]"))
