"""Decoders of single values: what each scalar of a file may be, and how it is spelled."""

import re
from collections.abc import Callable, Collection

from mt5_exporter.strict_yaml import Value


def text(what: str = "a text", *, pattern: str | None = None, longest: int = 1024) -> Callable[[Value], str]:
    """Return a decoder of texts, all of which match `pattern`."""
    form = re.compile(pattern) if pattern else None

    def decode_text(value: Value) -> str:
        spelled = value.text(what, longest=longest)
        if form and not form.fullmatch(spelled):
            raise value.expected(what)
        return spelled

    return decode_text


def one_of(choices: Collection[str]) -> Callable[[Value], str]:
    """Return a decoder of one of a few words."""
    what = "one of " + ", ".join(sorted(choices))

    def decode_choice(value: Value) -> str:
        word = value.text(what)
        if word not in choices:
            raise value.expected(what)
        return word

    return decode_choice


def integer(low: int, high: int) -> Callable[[Value], int]:
    """Return a decoder of plain decimal numbers: no sign, no quotes, no leading zero."""
    what = f"a whole number from {low} to {high}"

    def decode_integer(value: Value) -> int:
        spelled = value.scalar()
        if not value.is_plain or not re.fullmatch(r"0|[1-9][0-9]{0,18}", spelled):
            raise value.expected(what)
        if not low <= int(spelled) <= high:
            raise value.expected(what)
        return int(spelled)

    return decode_integer


def number(*, most: float, above: float = -1, least: float = 0) -> Callable[[Value], float]:
    """Return a decoder of plain decimal numbers, with a point or without."""
    bound = f"above {above:g}" if above >= least else f"from {least:g}"
    what = f"a number {bound} and at most {most:.16g}"

    def decode_number(value: Value) -> float:
        spelled = value.scalar()
        if not value.is_plain or not re.fullmatch(r"(0|[1-9][0-9]{0,15})(\.[0-9]{1,9})?", spelled):
            raise value.expected(what)
        if float(spelled) <= above or not least <= float(spelled) <= most:
            raise value.expected(what)
        return float(spelled)

    return decode_number


def boolean(value: Value) -> bool:
    """Return whether `value` is `true`; `yes`, `on` and their like are neither true nor false."""
    if not value.is_plain or value.scalar() not in {"true", "false"}:
        raise value.expected("true or false")
    return value.scalar() == "true"


_DURATION = re.compile(
    r"(-?)(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?(?:([0-9]{1,9})ms)?"
)
_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))


def read_duration(spelled: str) -> float | None:
    """Return the seconds that a text such as `1h30m` stands for, None where it stands for none."""
    found = _DURATION.fullmatch(spelled)
    if found is None or not any(found.groups()[1:]):
        return None
    parts = zip(found.groups(default="0")[1:], _UNITS, strict=True)
    seconds = sum(int(count) * unit for count, (_, unit) in parts) / 1000
    return -seconds if found[1] else seconds


def duration(low: float, high: float) -> Callable[[Value], float]:
    """Return a decoder of spans of time such as `500ms` or `1h30m`, in seconds; `-1h` if `low` allows it."""

    def decode_duration(value: Value) -> float:
        seconds = read_duration(value.scalar())
        if seconds is None or (value.scalar().startswith("-") and low >= 0):
            raise value.expected("a duration such as 15s")
        if not low <= seconds <= high:
            raise value.expected(f"a duration from {show_duration(low)} to {show_duration(high)}")
        return seconds

    return decode_duration


def show_duration(seconds: float) -> str:
    """Return `seconds` as it would be written in a file."""
    milliseconds = round(seconds * 1000)
    rest, shown = abs(milliseconds), ""
    for name, unit in _UNITS:
        count, rest = divmod(rest, unit)
        shown += f"{count}{name}" if count else ""
    return f"-{shown}" if milliseconds < 0 else shown or "0s"


_SIZE = re.compile(r"([1-9][0-9]{0,8})(B|KiB|MiB|GiB)")
_SHIFTS = {"B": 0, "KiB": 10, "MiB": 20, "GiB": 30}


def size(value: Value) -> int:
    """Return a size such as `512MiB` in bytes."""
    found = _SIZE.fullmatch(value.scalar())
    if found is None:
        raise value.expected("a size such as 512MiB")
    return int(found[1]) << _SHIFTS[found[2]]


def list_of(decode: Callable[[Value], str], *, empty: bool = True) -> Callable[[Value], tuple[str, ...]]:
    """Return a decoder of lists without repetition."""

    def decode_list(value: Value) -> tuple[str, ...]:
        # A dict keeps the order, and finds in no time what is there already.
        found: dict[str, None] = {}
        for item in value.items():
            entry = decode(item)
            if entry in found:
                raise item.error("is in the list already")
            found[entry] = None
        if not found and not empty:
            raise value.error("expected at least one entry")
        return tuple(found)

    return decode_list


NAME = text("a name of letters, digits, '_', '.' and '-'", pattern=r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}")
SYMBOL = text("a symbol's exact name", longest=64)
LOGIN = integer(1, 2**63 - 1)
SERVER = text("a server's name", longest=128)
"""What the files of settings and of faults, and their parts, name alike."""
