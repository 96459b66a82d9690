"""A strict reader of small YAML files: nothing is guessed, and a problem is one line that names its place.

PyYAML composes nodes and never constructs objects, so that each value keeps its line and its spelling, and
YAML 1.1 cannot turn a server called `no` into False. A value is shown only where it cannot be a secret.
"""

import difflib
import errno
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import yaml

T = TypeVar("T")

MAX_BYTES = 256 << 10
"""Two hundred terminals take 40 KiB; a longer file is the wrong one, and PyYAML would read it for seconds."""

MAX_DEPTH = 16
"""Levels of nesting; the deepest legal file has six."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_SHOWN = re.compile(r"[^\s=]{1,40}")
_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_QUOTED = re.compile(r"(['\"])(.*?)\1")
_HARMLESS = re.compile(r"<[a-z ]+>|[^\w\s]{1,2}")

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

# PyYAML takes these for text, but other readers of YAML 1.1 or 1.2 do not.
_YES_OR_NO = "yYnN"
_AMBIGUOUS = re.compile(rf"[{_YES_OR_NO}]|[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+|0o[0-7]+")
_READS_AS = {
    "tag:yaml.org,2002:bool": "true or false",
    "tag:yaml.org,2002:int": "a number",
    "tag:yaml.org,2002:float": "a number",
    "tag:yaml.org,2002:timestamp": "a date",
    "tag:yaml.org,2002:merge": "a merge key",
    "tag:yaml.org,2002:value": "a default key",
}
_CLEARER = {
    "'\\t'": "not valid YAML: a tab cannot indent or begin a value, use spaces",
    "unknown escape": "not valid YAML: unknown escape in double quotes (single quotes keep a backslash)",
    "tag handle": "tags are not allowed",
}
_TEXT = "tag:yaml.org,2002:str"
_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"


class ConfigError(Exception):
    """What is wrong with a file, as one line: `FILE:LINE: key.path: message`."""


def problem(source: str, line: int | None, path: str, message: str) -> ConfigError:
    """Return the error whose text is that one line, whatever the file is called."""
    place = source if line is None else f"{source}:{line}"
    text = ": ".join(part for part in (place, path, message) if part)
    return ConfigError("".join(char if char.isprintable() else "?" for char in text))


class _Refused(Exception):
    """YAML that is legal and has no place in a file of settings."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class _Loader(yaml.SafeLoader):
    """Composes nodes, and refuses what lets a short file mean something large or hidden."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return the next node, one level deeper than its parent."""
        event = self._next()
        line = self.line_of(event)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _Refused("anchors and aliases are not allowed", line)
        if getattr(event, "tag", None) is not None:
            raise _Refused("tags are not allowed", line)
        if self.depth >= MAX_DEPTH:
            raise _Refused("nested too deeply", line)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def only_document(self) -> yaml.Node | None:
        """Return the root of the one document, None where the file has no content."""
        self.get_event()  # type: ignore[no-untyped-call]
        if self.check_event(yaml.StreamEndEvent):
            return None
        root = self.compose_document()
        if not self.check_event(yaml.StreamEndEvent):
            line = self.line_of(self._next())
            raise _Refused("expected one document, found another", line)
        return root

    @staticmethod
    def line_of(event: yaml.Event) -> int:
        """Return the line on which `event` begins."""
        return event.start_mark.line + 1 if event.start_mark else 1

    def _next(self) -> yaml.Event:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        return event


def read(path: Path) -> str:
    """Return the text of the file at `path`.

    Raises:
        ConfigError: It cannot be read, is too long, or is no UTF-8.
    """
    return decode(read_bytes(path), str(path))


def read_bytes(path: Path) -> bytes:
    """Return what the file at `path` holds, up to a little more than is allowed.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise problem(str(path), None, "", unreadable(error)) from None
    except ValueError:
        # A NUL inside the name, which no file system has.
        raise problem(str(path), None, "", "cannot be read: not a file name") from None


def unreadable(error: OSError) -> str:
    """Return why a file cannot be read, without its name."""
    return f"cannot be read: {os.strerror(error.errno or errno.EIO)}"


def decode(data: bytes, source: str) -> str:
    """Return `data` as text, without a byte order mark.

    Raises:
        ConfigError: It is too long, or no UTF-8.
    """
    if len(data) > MAX_BYTES:
        raise problem(source, None, "", f"is over {MAX_BYTES >> 10} KiB, which no file of settings is")
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\0" in data[:2]:
        raise problem(source, None, "", "is UTF-16, save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise problem(source, line, "", "is not UTF-8") from None


def parse(text: str, source: str) -> "Value":
    """Return the root of the one document in `text`.

    Raises:
        ConfigError: It is empty, no YAML, or YAML that has no place in a file of settings.
    """
    text = text.removeprefix("\ufeff")
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        line = len(_LINE_BREAK.findall(text, 0, error.position)) + 1
        shown = f"U+{ord(text[error.position]):04X}"
        raise problem(source, line, "", f"not valid YAML: the character {shown} is not allowed") from None
    try:
        root = loader.only_document()
    except _Refused as error:
        raise problem(source, error.line, "", str(error)) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = 1 if mark is None else mark.line + 1
        raise problem(source, line, "", _reason(error)) from None
    except (ValueError, OverflowError):
        # PyYAML hands an escape such as "\UFFFFFFFF" to chr(), and a version's digits to int().
        line = loader.line + 1
        raise problem(source, line, "", "not valid YAML: there is no such character or version") from None
    if root is None or root.tag == _NULL:
        raise problem(source, None, "", "is empty")
    return Value(node=root, source=source, path="")


def _reason(error: yaml.MarkedYAMLError) -> str:
    """Return PyYAML's own words without anything that it quotes from the file."""
    words = error.problem or "unreadable"
    for sign, reason in _CLEARER.items():
        if sign in words:
            return reason
    kept = _QUOTED.sub(lambda found: found[0] if _HARMLESS.fullmatch(found[2]) else "something", words)
    return f"not valid YAML: {kept}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A node with its place.

    Attributes:
        node: As PyYAML composed it.
        source: The file's name, for messages.
        path: The keys that lead here.
        hidden: Whether this may hold a secret, so that no message shows it.
    """

    node: yaml.Node
    source: str
    path: str
    hidden: bool = False

    def hide(self) -> "Value":
        """Return the same value, which no message shows."""
        return replace(self, hidden=True)

    def error(self, message: str) -> ConfigError:
        """Return the error that says `message` about this value."""
        return problem(self.source, self.node.start_mark.line + 1, self.path, message)

    def expected(self, what: str) -> ConfigError:
        """Return the error for a value of the wrong kind, shown only where that is safe."""
        return self.error(f"expected {what}{self._was()}")

    def _was(self) -> str:
        if isinstance(self.node, yaml.MappingNode):
            return ", was a mapping"
        if isinstance(self.node, yaml.SequenceNode):
            return ", was a list"
        if self.node.tag == _NULL:
            return ", was nothing"
        # White space and '=' may be the seam to a secret: `interval: 15s password=...`.
        spelled = self.scalar()
        if self.hidden or not _SHOWN.fullmatch(spelled):
            return ""
        return f", was {spelled!r}" if self.is_plain else f", was the text {spelled!r}"

    @property
    def is_plain(self) -> bool:
        """Whether this is a scalar without quotes."""
        return isinstance(self.node, yaml.ScalarNode) and not self.node.style

    @property
    def is_mapping(self) -> bool:
        """Whether this is a mapping."""
        return isinstance(self.node, yaml.MappingNode)

    def ends_at_comment(self) -> bool:
        """Return whether a comment follows, which may be the rest of a text that ought to be quoted."""
        end = self.node.end_mark
        return self.is_plain and (end.buffer or "")[end.pointer :].lstrip(" ").startswith("#")

    def scalar(self) -> str:
        """Return the scalar as it is spelled in the file, the empty text for anything else."""
        return str(self.node.value) if isinstance(self.node, yaml.ScalarNode) else ""

    def text(self, what: str, *, longest: int = 1024) -> str:
        """Return a text; what YAML 1.1 would read as something else has to be quoted."""
        spelled, tag = self.scalar(), self.node.tag
        if not isinstance(self.node, yaml.ScalarNode) or tag == _NULL:
            raise self.expected(what)
        if self.is_plain and (tag != _TEXT or _AMBIGUOUS.fullmatch(spelled)):
            reads_as = _READS_AS.get(tag) or ("true or false" if spelled in _YES_OR_NO else "a number")
            raise self.error(f"expected {what}, which YAML takes for {reads_as} without quotes: quote it")
        if _CONTROL.search(spelled):
            raise self.error(f"expected {what} without control characters (single quotes keep a backslash)")
        if len(spelled) > longest:
            raise self.error(f"expected {what} of at most {longest} characters")
        if not spelled:
            raise self.expected(what)
        return spelled

    def items(self) -> "list[Value]":
        """Return the values of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.hide().expected("a list")
        nodes: list[yaml.Node] = self.node.value
        return [replace(self, node=node, path=f"{self.path}[{index}]") for index, node in enumerate(nodes)]

    def table(self) -> "dict[str, Value]":
        """Return a mapping whose keys the user chooses."""
        return {name: value for _, name, value in self._pairs()}

    def section(self, known: Collection[str]) -> "Section":
        """Return a mapping whose keys are `known`."""
        values: dict[str, Value] = {}
        for key, name, value in self._pairs():
            if name not in known:
                # A text that stands alone, as in {login: 1, secret}, is a key without a value to YAML.
                alone = self.hidden and value.node.tag == _NULL
                where = replace(key, path=_join(self.path, "")) if alone else key
                near = difflib.get_close_matches(name, known, n=1)
                raise where.error("unknown key" + (f", did you mean {near[0]!r}?" if near else ""))
            values[name] = value
        return Section(at=self, values=values)

    def _pairs(self) -> "Iterator[tuple[Value, str, Value]]":
        """Yield each key, its text and its value; each key is unique."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.hide().expected("a mapping")
        lines: dict[str, int] = {}
        pairs: list[tuple[yaml.Node, yaml.Node]] = self.node.value
        for key_node, node in pairs:
            key = replace(self, node=key_node, hidden=True)
            if key_node.tag == _MERGE:
                raise key.error("merge keys are not allowed")
            name = key.text("a text as key")
            key = replace(key, path=_join(self.path, name))
            if name in lines:
                raise key.error(f"key is already set in line {lines[name]}")
            lines[name] = key_node.start_mark.line + 1
            yield key, name, replace(self, node=node, path=key.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A mapping of known keys, each decoded by the caller's own function."""

    at: Value
    values: Mapping[str, Value]

    def over(self, defaults: "Section") -> "Section":
        """Return this section with the keys that it lacks taken from `defaults`."""
        return Section(at=self.at, values={**defaults.values, **self.values})

    def has(self, key: str) -> bool:
        """Return whether the file sets `key`."""
        return key in self.values

    def where(self, *keys: str) -> Value:
        """Return the first of `keys` that the file sets, else the section: where to report a problem."""
        return next((self.values[key] for key in keys if key in self.values), self.at)

    def take(self, key: str, decode: Callable[[Value], T], default: T) -> T:
        """Return the value of `key`, or `default` where the file does not set it."""
        return decode(self.values[key]) if key in self.values else default

    def need(self, key: str, decode: Callable[[Value], T]) -> T:
        """Return the value of `key`, which the file must set."""
        if key not in self.values:
            raise replace(self.at, path=_join(self.at.path, key)).error("is missing")
        return decode(self.values[key])


def _join(path: str, key: str) -> str:
    shown = key if _PLAIN_KEY.fullmatch(key) else "(a key)"
    return f"{path}.{shown}" if path else shown
