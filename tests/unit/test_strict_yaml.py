"""The strict reader: what YAML may be, and what a message shows of it."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mt5_exporter import strict_yaml
from mt5_exporter.scalars import integer
from mt5_exporter.strict_yaml import MAX_BYTES, MAX_DEPTH, ConfigError, Value, decode, parse, read


def value(spelled: str) -> Value:
    return parse(f"key: {spelled}\n", "f.yml").section(("key",)).values["key"]


def complaint(content: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(content, "f.yml")
    return str(caught.value)


@pytest.mark.parametrize("content", ["", "\n\n", "# nothing\n", "---\n", "~\n", "\ufeff"])
def test_a_file_without_content_is_empty(content: str) -> None:
    assert complaint(content) == "f.yml: is empty"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: b\n---\nc: d\n", "2: expected one document, found another"),
        ("\n- *x\n", "2: anchors and aliases are not allowed"),
        ("a: 1\nb: &x 2\n", "2: anchors and aliases are not allowed"),
        ("a: &x {}\n", "1: anchors and aliases are not allowed"),
        ("a: ! b\n", "1: tags are not allowed"),
        ("a: !<tag:x,1:y> b\n", "1: tags are not allowed"),
        ("%TAG ! tag:x,1:\n---\na: !b c\n", "3: tags are not allowed"),
        ("a:\n\t b: c\n", "2: not valid YAML: a tab cannot indent or begin a value, use spaces"),
        ("a: [b\n", "2: not valid YAML: expected ',' or ']', but got '<stream end>'"),
        ("%YAML 3.0\n---\n", "1: not valid YAML: found incompatible YAML document (version 1.* is required)"),
        ("%YAML 1.x\n---\n", "1: not valid YAML: expected a digit, but found something"),
        ("a: \x1b[31m\n", "1: not valid YAML: the character U+001B is not allowed"),
        ("a: b\r\nc: d\r\n\r\ne: \x00\r\n", "4: not valid YAML: the character U+0000 is not allowed"),
        ('\n"\\U00110000"', "2: not valid YAML: there is no such character or version"),
    ],
)
def test_what_has_no_place_in_a_file_of_settings_is_one_line(content: str, message: str) -> None:
    assert complaint(content) == f"f.yml:{message}"


def test_a_problem_without_words_or_place_is_still_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise yaml.MarkedYAMLError

    monkeypatch.setattr(strict_yaml._Loader, "only_document", fail)

    assert complaint("a: b") == "f.yml:1: not valid YAML: unreadable"


@pytest.mark.parametrize("levels", [MAX_DEPTH, MAX_DEPTH + 1, 100_000])
def test_nesting_has_a_bound(levels: int) -> None:
    content = "[" * levels + "]" * levels

    if levels <= MAX_DEPTH:
        assert parse(content, "f.yml").items()
    else:
        assert complaint(content) == "f.yml:1: nested too deeply"


def test_a_file_has_a_bound(tmp_path: Path) -> None:
    file = tmp_path / "f.yml"
    file.write_bytes(b"#" * MAX_BYTES)
    assert len(read(file)) == MAX_BYTES
    file.write_bytes(b"#" * (MAX_BYTES + 1))

    with pytest.raises(ConfigError) as caught:
        read(file)

    assert str(caught.value) == f"{file}: is over 256 KiB, which no file of settings is"


def test_the_name_of_a_file_cannot_break_the_line() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("", "a\nb\u2028c\x1b.yml")

    assert str(caught.value) == "a?b?c?.yml: is empty"


@pytest.mark.parametrize("data", ["a".encode("utf-16"), "a".encode("utf-16-le"), "a".encode("utf-16-be")])
def test_utf_16_is_named(data: bytes) -> None:
    with pytest.raises(ConfigError, match="is UTF-16, save it as UTF-8"):
        decode(data, "f.yml")


def test_a_byte_that_is_no_utf_8_has_a_line() -> None:
    with pytest.raises(ConfigError) as caught:
        decode(b"a: b\n# B\xfcro\n", "f.yml")

    assert str(caught.value) == "f.yml:2: is not UTF-8"


@given(st.binary())
def test_any_bytes_are_text_or_one_line(data: bytes) -> None:
    try:
        parse(decode(data, "f.yml"), "f.yml")
    except ConfigError as error:
        shown = str(error)
    else:
        shown = "f.yml"
    assert shown.startswith("f.yml")
    assert shown.isprintable()


def test_a_section_knows_its_keys_and_where_they_stand() -> None:
    root = parse("one: 1\ntwo: {three: 3}\n", "f.yml")
    section = root.section(("one", "two", "three"))

    assert section.has("one")
    assert not section.has("three")
    assert section.take("three", integer(0, 9), 7) == 7
    assert section.need("one", integer(0, 9)) == 1
    assert section.where("three", "two").path == "two"
    assert section.where("three") is root
    with pytest.raises(ConfigError, match=r"^f\.yml:1: three: is missing$"):
        section.need("three", integer(0, 9))
    with pytest.raises(ConfigError, match=r"^f\.yml:2: two\.three: unknown key, did you mean 'tree'\?$"):
        section.values["two"].section(("tree",))


def test_a_section_lies_over_its_defaults() -> None:
    own = parse("one: 1\n", "f.yml").section(("one", "two"))
    defaults = parse("one: 8\ntwo: 9\n", "f.yml").section(("one", "two"))

    merged = own.over(defaults)

    assert [merged.need(key, integer(0, 9)) for key in ("one", "two")] == [1, 9]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{a: 1, 'a': 2}", "1: a: key is already set in line 1"),
        ("a: 1\n? a\n: 2", "2: a: key is already set in line 1"),
        ("? {a: b}\n: 1", "1: expected a text as key, was a mapping"),
        ("~: 1", "1: expected a text as key, was nothing"),
        ("1: 1", "1: expected a text as key, which YAML takes for a number without quotes: quote it"),
        ("'': 1", "1: expected a text as key"),
        (
            '"a\\nb": 1',
            "1: expected a text as key without control characters (single quotes keep a backslash)",
        ),
        ("<<: {a: 1}", "1: merge keys are not allowed"),
        ("a b: 1\na b: 2", "2: (a key): key is already set in line 1"),
    ],
)
def test_a_key_is_a_text_that_stands_once(content: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(content, "f.yml").table()

    assert str(caught.value) == f"f.yml:{message}"


@pytest.mark.parametrize(
    ("spelled", "shown"),
    [
        ("x", ", was 'x'"),
        ("'x'", ", was the text 'x'"),
        ("x y", ""),
        ("x\n  y", ""),
        ("x" * 41, ""),
        ("[x]", ", was a list"),
        ("{x: y}", ", was a mapping"),
        ("", ", was nothing"),
    ],
)
def test_a_value_is_shown_where_it_cannot_hide_another(spelled: str, shown: str) -> None:
    found = value(spelled)

    assert str(found.expected("more")) == f"f.yml:1: key: expected more{shown}"
    assert "x" not in str(found.hide().expected("more")).removeprefix("f.yml:1: key: expected more")


@pytest.mark.parametrize(
    ("spelled", "cut"), [("a #b", True), ("a  # b", True), ("a#b", False), ("'a' #b", False), ("a", False)]
)
def test_a_plain_text_before_a_comment_is_told_apart(spelled: str, cut: bool) -> None:
    assert value(spelled).ends_at_comment() is cut
