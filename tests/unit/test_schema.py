"""The schema and the parser of the configuration, held against each other."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import jsonschema
import pytest
import yaml

from mt5_exporter import config_file
from mt5_exporter.config import BridgeConfig, ConfigError, SimulationConfig, TerminalConfig, TlsConfig
from mt5_exporter.schema import schema
from mt5_exporter.strict_yaml import Section, Value
from mt5_exporter.tool import main
from tests.conftest import ROOT

DATA = ROOT / "tests" / "testdata" / "config"
EXAMPLE = ROOT / "exporter" / "mt5-exporter.example.yml"
SHIPPED = ROOT / "exporter" / "mt5-exporter.schema.json"
ENVIRON = {"MT5_PASSWORD": "x", "MT5_DESK2_PASSWORD": "x"}
SCHEMA = schema()
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)

NO_YAML = re.compile(
    "alias|anchor|billion|bool-key|complex-key|control-char|custom-tag|deep-nesting|duplicate|empty$|escape"
    "|latin1|merge-key|only-comments|syntax|tab|tag|two-documents|unclosed|utf16|password-twice|symbol-market-twice"
)
"""What is wrong before there is a value that a schema could look at, or a matter of spelling."""

BEYOND = {
    # Two keys, or two terminals, that do not go together.
    "backoff", "breaker-window", "bridge-host-elsewhere", "bridge-twice", "name-twice",
    "path-twice", "poll-timeout-of-defaults", "poll-timeout-over-interval", "stale-after",
    "timeout-over-interval", "timeout-over-poll-timeout", "password-without-login", "login-by-default",
    # How long a span is, whether a day or a zone exists, what a calendar is called.
    "bad-default-that-is-overridden", "interval-long", "interval-short", "calendar-holiday",
    "calendar-session-empty", "calendar-session-hour", "calendar-session-starts-late", "calendar-zone",
    "calendar-zone-path", "market-unknown", "symbol-market-unknown", "opened-no-day",
    # Texts that older readers of YAML take for something else: editors' own, of version 1.2, do not.
    "login-hex", "login-octal", "rate-exponent", "server-no", "symbols-no",
    "symbol-market-no",
    # What a password refers to, and what a comment cuts off.
    "password-comment", "password-control", "password-file-directory", "password-file-missing",
    "password-reference", "password-reference-name", "password-undefined",
    "path-control",
}  # fmt: skip


def plain(text: str) -> object:
    """Return what an editor's reader of YAML 1.2 makes of a text."""
    return value_of(yaml.compose(text, yaml.SafeLoader))


def value_of(node: yaml.Node | None) -> object:
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): value_of(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [value_of(item) for item in node.value]
    assert isinstance(node, yaml.ScalarNode)
    spelled = str(node.value)
    if node.style:
        return spelled
    words: dict[str, object] = {"true": True, "false": False, "null": None, "~": None, "": None}
    found = words.get(spelled, spelled)
    if re.fullmatch(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", spelled):
        found = int(spelled, 0 if spelled[:2] in {"0o", "0x"} else 10)
    elif re.fullmatch(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?", spelled):
        found = float(spelled)
    return found


def problems(text: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(plain(text))]


def test_the_shipped_schema_is_the_one_of_today(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["schema"])

    assert status == 0
    assert SHIPPED.read_text(encoding="utf-8") == capsys.readouterr().out, "run `make schema`"


def test_it_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_the_example_names_it() -> None:
    first = EXAMPLE.read_text(encoding="utf-8").splitlines()[0]

    assert first == f"# yaml-language-server: $schema={SHIPPED.name}"


@pytest.mark.parametrize(
    "path",
    [*sorted(DATA.glob("valid-*.yml")), EXAMPLE, ROOT / "exporter" / "mt5_exporter" / "demo.yml"],
    ids=lambda path: path.stem,
)
def test_what_the_parser_takes_is_valid(path: Path) -> None:
    assert problems(path.read_text(encoding="utf-8-sig")) == []


INVALID = [path for path in sorted(DATA.glob("invalid-*.yml")) if not NO_YAML.search(path.stem)]


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem.removeprefix("invalid-"))
def test_what_the_parser_refuses_is_invalid_or_beyond_a_schema(path: Path) -> None:
    refused = problems(path.read_text(encoding="utf-8"))

    assert bool(refused) == (path.stem.removeprefix("invalid-") not in BEYOND)


# -- keys ---------------------------------------------------------------------------------------------


def sections(found: object, at: str = "") -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield each mapping of known keys in the schema, by its place."""
    if not isinstance(found, Mapping):
        return
    properties = found.get("properties")
    if isinstance(properties, Mapping) and found.get("additionalProperties") is False:
        yield at, properties
        for key, value in properties.items():
            yield from sections(value, f"{at}.{key}".removeprefix("."))
    yield from sections(found.get("items"), at)
    yield from sections(found.get("additionalProperties"), f"{at}.*")


def test_at_every_place_both_know_the_same_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    met: dict[str, set[str]] = {}
    genuine = Value.section

    def section(value: Value, known: Collection[str]) -> Section:
        place = re.sub(r"\[[0-9]+\]", "", value.path)
        place = re.sub(r"^defaults\.", "terminals.", re.sub(r"^calendars\.\w+", "calendars.*", place))
        met[place] = set(known)
        return genuine(value, known)

    monkeypatch.setattr(Value, "section", section)
    config_file.loads(EXAMPLE.read_text(encoding="utf-8"), "example.yml", ENVIRON, Path())

    theirs = {at: set(keys) for at, keys in sections(SCHEMA) if not at.startswith("defaults.")}
    assert met == theirs


def test_every_field_of_the_configuration_has_its_key() -> None:
    places = dict(sections(SCHEMA))

    assert list(places["terminals"]) == list(TerminalConfig.__dataclass_fields__)
    assert list(places["terminals.simulation"]) == list(SimulationConfig.__dataclass_fields__)
    assert list(places["terminals.bridge"]) == list(BridgeConfig.__dataclass_fields__)
    assert list(places["terminals.bridge.tls"]) == list(TlsConfig.__dataclass_fields__)


def test_every_key_says_what_it_is() -> None:
    silent = [
        f"{at}.{key}"
        for at, keys in sections(SCHEMA)
        for key, value in keys.items()
        if not (isinstance(value, Mapping) and str(value.get("description", "")).strip())
    ]

    assert silent == []


# -- values -------------------------------------------------------------------------------------------


def leaves() -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield each number, word and flag of a terminal, by its place in it."""
    for at, keys in sections(SCHEMA):
        if at == "terminals" or at.startswith("terminals."):
            for key, value in keys.items():
                if isinstance(value, Mapping) and ("enum" in value or value.get("type") in TRIED):
                    yield f"{at}.{key}".removeprefix("terminals."), value


TRIED = {"integer", "number", "boolean"}


def values(leaf: Mapping[str, object]) -> Iterator[object]:
    """Yield values at and beyond the bounds of a leaf, and of other types."""
    yield from (True, False, "a text", "", 0, 1, 1.5, [], {}, -1)
    words = leaf.get("enum", ())
    assert isinstance(words, (list, tuple))
    yield from words
    for bound in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        if isinstance(limit := leaf.get(bound), (int, float)):
            whole = int(limit)
            yield from (whole - 1, whole, whole + 1, whole + 0.5)


RISK = {
    "initial_balance": 1000,
    "day": {"reset": "00:00", "timezone": "UTC"},
    "daily_loss": {"limit": "5%"},
    "drawdown": {"kind": "trailing", "limit": "5%"},
}
"""What the keys of a rule need beside them."""


def document(place: str, value: object) -> str:
    """Return a configuration in which one key of a terminal has this value."""
    terminal: dict[str, object] = {"name": "desk"}
    keys = place.split(".")
    if keys[0] == "risk":
        terminal["risk"] = json.loads(json.dumps(RISK))
    inner = terminal
    for key in keys[:-1]:
        entry = inner.setdefault(key, {})
        assert isinstance(entry, dict)
        inner = entry
    inner[keys[-1]] = value
    # A share is one without quotes only.
    return json.dumps({"terminals": [terminal]}).replace('"5%"', "5%")


def complains(text: str, place: str) -> bool:
    """Tell whether the parser refuses the value at this place for what it is."""
    try:
        config_file.loads(text, "c", {}, Path())
    except ConfigError as error:
        return f"terminals[0].{place}: expected" in str(error)
    return False


@pytest.mark.parametrize(("place", "leaf"), list(leaves()), ids=[place for place, _ in leaves()])
def test_both_take_the_same_values(place: str, leaf: Mapping[str, object]) -> None:
    validator = jsonschema.Draft7Validator(leaf)
    for value in values(leaf):
        text = document(place, value)

        refused = not validator.is_valid(value)

        assert complains(text, place) == refused, value


@pytest.mark.parametrize(
    "spelled", ["15", "1 s", "-1s", "s", "1h 5m", "5m1h", "1.5s", "", "1S", "1000000000s"]
)
def test_what_is_no_span_of_time_is_one_to_neither(spelled: str) -> None:
    text = document("interval", spelled)

    assert complains(text, "interval")
    assert any("does not match" in problem or "too short" in problem for problem in problems(text))
