"""One poll's readings as tables for a person: units and limits beside values, and why a value is missing."""

import datetime as dt
import math
import re
import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mt5_exporter import catalogue
from mt5_exporter.catalogue import Metric, Sample
from mt5_exporter.catalogue.limits import LIMITS
from mt5_exporter.config import Config, TerminalConfig
from mt5_exporter.labels import clean
from mt5_exporter.readings import READINGS
from mt5_exporter.scalars import show_duration
from mt5_exporter.snapshot import PollResult, ReadingResult

WIDTH = 100
"""Columns of a line at the most."""

MAX_CELL = 24
"""Columns of a broker's text in a cell; the rest is cut."""

MAX_HEAD = 9
"""Columns of a line above a column, unless a single word is longer."""

GAP = "  "
NONE = "-"

TITLES = {
    "positions": "open positions",
    "orders": "pending orders",
    "experts": "expert advisors",
    "history_orders": "finished orders",
}

SWITCHES = frozenset(
    {
        catalogue.TERMINAL_CONNECTED,
        catalogue.TERMINAL_TRADE_ALLOWED,
        catalogue.TERMINAL_TRADEAPI_DISABLED,
        catalogue.ACCOUNT_TRADE_ALLOWED,
        catalogue.ACCOUNT_TRADE_EXPERT,
    }
)
COUNTS = frozenset(
    {
        catalogue.ACCOUNT_LEVERAGE,
        catalogue.ACCOUNT_ORDERS,
        catalogue.ACCOUNT_ORDERS_LIMIT,
        catalogue.ACCOUNT_POSITIONS,
        catalogue.DEALS,
        catalogue.HISTORY_LEFT_OUT,
        catalogue.HISTORY_ORDERS,
        catalogue.OPERATIONS,
        catalogue.ORDERS,
        catalogue.ORDERS_LEFT_OUT,
        catalogue.POSITIONS,
        catalogue.POSITIONS_LEFT_OUT,
        catalogue.POSITIONS_WITHOUT_SL,
        catalogue.POSITIONS_WITHOUT_TP,
        catalogue.STOP_OUTS,
        catalogue.SYMBOLS_LEFT_OUT,
        catalogue.SYMBOLS_WATCHED,
        LIMITS["positions_without_stop_loss"].metric,
    }
)
PRICES = frozenset({catalogue.SYMBOL_ASK, catalogue.SYMBOL_BID})

SUFFIXES = re.compile(r"(_lots|_points|_ratio|_timestamp_seconds|_seconds)?(_total)?$")
PREFIXES = re.compile(r"^(account|terminal|symbols?|positions|orders|deals|history|expert)_(?=.)")
WHY = re.compile(r"\b((?:absent|left out) [^.;(]*[^.;( ])")
"""The words of a metric's help that say when it has no value."""

Key = tuple[str, ...]
"""A row's label values, the terminal's left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: `head` is its lines, `cells` its text by row; a missing cell is shown as `-`."""

    head: tuple[str, ...]
    cells: Mapping[Key, str]
    right: bool = True

    def cell(self, row: Key) -> str:
        """Return what stands in a row."""
        return self.cells.get(row, NONE)

    def width(self, rows: Iterable[Key]) -> int:
        """Return the columns of the terminal that it takes."""
        return max(map(width, (*self.head, *map(self.cell, rows))))


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a table is made from, beside a reading's own samples."""

    config: Config
    terminal: TerminalConfig
    at: float
    currency: str


def tables(config: Config, terminal: TerminalConfig, poll: PollResult) -> list[str]:
    """Return everything that a poll has read of a terminal, as lines."""
    currency = next(
        (
            cut(clean(sample.labels[sample.metric.labels.index("currency")]), MAX_HEAD)
            for reading in poll.readings
            for sample in reading.samples
            if sample.metric is catalogue.ACCOUNT_INFO
        ),
        "deposit currency",
    )
    view = View(config=config, terminal=terminal, at=poll.at, currency=currency)
    lines: list[str] = []
    for reading in poll.readings:
        lines += ["", f"{terminal.name}: {TITLES.get(reading.reading, reading.reading)}"]
        body = _reading(view, reading) if reading.success else prose(f"not read: {reading.message}")
        lines += [cut(line, WIDTH) for line in body or [f"{GAP}none"]]
    return lines


def _reading(view: View, reading: ReadingResult) -> list[str]:
    """Return the lines of one reading: what it is, what it has once, and what it has by label."""
    metrics = next((known.metrics for known in READINGS if known.name == reading.reading), ())
    found: dict[Metric, list[Sample]] = {metric: [] for metric in metrics}
    for sample in reading.samples:
        found.setdefault(sample.metric, []).append(sample)
    lines: list[str] = []
    for metric, samples in found.items():
        if metric.kind == "info":
            lines += [line for sample in samples for line in prose(_described(sample))]
    lines += _single(view, found)
    for labels in dict.fromkeys(_row_labels(metric) for metric in found if _row_labels(metric)):
        members = {metric: samples for metric, samples in found.items() if _row_labels(metric) == labels}
        columns = _symbols(view, members) if catalogue.SYMBOL_BID in members else _columns(view, members)
        table = list(_grid(labels, columns, members))
        lines += ["", *table] if lines and table else table
    return lines


def _described(info: Sample) -> str:
    """Return what an info metric says."""
    labels = zip(info.metric.labels[1:], info.labels[1:], strict=True)
    return ", ".join(f"{label.replace('_', ' ')} {clean(text) or NONE}" for label, text in labels)


def _row_labels(metric: Metric) -> tuple[str, ...]:
    """Return the labels that make a row of their own; a state set's last one is what its cell says."""
    if metric.kind == "info":
        return ()
    return metric.labels[1:-1] if metric.kind == "stateset" else metric.labels[1:]


def _single(view: View, found: Mapping[Metric, Sequence[Sample]]) -> Iterator[str]:
    """Return what the terminal has once: name, value, unit, and a note."""
    rows: list[tuple[str, str, str, str]] = []
    for metric, samples in found.items():
        if metric.labels != ("terminal",):
            continue
        if samples:
            text, unit = value(view, metric, samples[0].value)
            rows.append((words(metric), text, unit, note(view, metric, samples[0].value)))
        else:
            rows.append((words(metric), NONE, "", why(metric)))
    widths = [max((width(row[column]) for row in rows), default=0) for column in range(3)]
    for name, text, unit, remark in rows:
        cells = (pad(name, widths[0]), pad(text, widths[1], right=True), pad(unit, widths[2]), "")
        line = GAP + GAP.join(cells)
        yield from textwrap.wrap(
            remark, WIDTH, initial_indent=line, subsequent_indent=" " * width(line), drop_whitespace=True
        ) or [line.rstrip()]


def _columns(view: View, members: Mapping[Metric, Sequence[Sample]]) -> list[Column]:
    """Return a column for each metric, and one for its limit where there is any."""
    columns: list[Column] = []
    for metric, samples in members.items():
        if metric.kind == "stateset":
            cells = {sample.labels[1:-1]: sample.labels[-1] for sample in samples if sample.value}
            columns.append(Column(head=head(metric), cells=cells, right=False))
            continue
        texts = {sample.labels[1:]: value(view, metric, sample.value) for sample in samples}
        unit = next((unit for _, unit in texts.values()), "")
        cells = {row: text for row, (text, _) in texts.items()}
        columns.append(Column(head=head(metric, unit), cells=cells))
        name = limit_of(metric)
        if name in LIMITS:
            columns.append(_limits(view, name, cells))
    return columns


def _symbols(view: View, members: Mapping[Metric, Sequence[Sample]]) -> list[Column]:
    """Return the columns of the watched symbols.

    A tick's age is at least how long it has been watched, and at least how far it is behind the terminal's
    newest tick: a single poll cannot know more.
    """
    derived = (catalogue.SYMBOL_TICK_CHANGED, catalogue.SYMBOL_TICK_SERVER_TIME)
    changed, ticked = ({_row(s): s.value for s in members.get(metric, ())} for metric in derived)
    newest = max(ticked.values(), default=0.0)
    ages = {row: age(max(view.at - at, newest - ticked.get(row, newest))) for row, at in changed.items()}
    rows = dict.fromkeys(_row(sample) for samples in members.values() for sample in samples)
    is_open = {row: view.config.calendar_of(view.terminal, row[0]).is_open(view.at) for row in rows}
    return [
        *_columns(view, {metric: samples for metric, samples in members.items() if metric not in derived}),
        Column(head=("TICK AGE", "at least"), cells=ages),
        _limits(view, "symbol_tick_age_seconds", rows),
        Column(
            head=("MARKET",),
            cells={row: "open" if known else "closed" for row, known in is_open.items()},
            right=False,
        ),
    ]


def _limits(view: View, name: str, rows: Iterable[Key]) -> Column:
    """Return the limit beside each row's value, in the same unit."""
    limits = {row: limit(view, name, row[0] if LIMITS[name].per_symbol else "") for row in rows}
    return Column(head=("LIMIT",), cells={row: text for row, (text, _) in limits.items()})


def _grid(
    labels: Sequence[str], columns: Sequence[Column], members: Mapping[Metric, Sequence[Sample]]
) -> Iterator[str]:
    """Return a table in as many blocks as the width asks for, and what its empty cells mean."""
    rows = list(dict.fromkeys(row for column in columns for row in column.cells))
    if not rows:
        return
    keys = [
        Column(
            head=(label.upper(),), cells={row: cut(clean(row[place])) or NONE for row in rows}, right=False
        )
        for place, label in enumerate(labels)
    ]
    for number, block in enumerate(blocks(keys, columns, rows)):
        if number:
            yield ""
        widths = [column.width(rows) for column in block]
        for line in range(max(len(column.head) for column in block)):
            heads = [column.head[line] if line < len(column.head) else "" for column in block]
            yield _line(block, widths, heads)
        for row in rows:
            yield _line(block, widths, [column.cell(row) for column in block])
    for metric, samples in members.items():
        missing = len({_row(sample) for sample in samples}) < len(rows)
        if missing and WHY.search(metric.help):
            yield from prose(f"{words(metric)}: {why(metric)}")


def _row(sample: Sample) -> Key:
    return sample.labels[1:-1] if sample.metric.kind == "stateset" else sample.labels[1:]


def blocks(keys: Sequence[Column], columns: Sequence[Column], rows: Sequence[Key]) -> Iterator[list[Column]]:
    """Return the columns in lots that fit beside the keys, at least one at a time."""
    room = WIDTH - sum(len(GAP) + column.width(rows) for column in keys)
    block: list[Column] = []
    used = 0
    for column in columns:
        needed = len(GAP) + column.width(rows)
        if block and used + needed > room:
            yield [*keys, *block]
            block, used = [], 0
        block.append(column)
        used += needed
    yield [*keys, *block]


def _line(columns: Sequence[Column], widths: Sequence[int], cells: Sequence[str]) -> str:
    parts = zip(columns, widths, cells, strict=True)
    return "".join(GAP + pad(cell, size, right=column.right) for column, size, cell in parts).rstrip()


# What is said of a metric and its value


def words(metric: Metric) -> str:
    """Return a metric's name for a person, `margin level` for `mt5_account_margin_level_ratio`."""
    return PREFIXES.sub("", SUFFIXES.sub("", metric.name.removeprefix("mt5_"))).replace("_", " ")


def head(metric: Metric, unit: str = "") -> tuple[str, ...]:
    """Return the lines above a column."""
    lines = textwrap.wrap(words(metric).upper(), MAX_HEAD, break_long_words=False)
    return (*lines, unit) if unit else tuple(lines)


def why(metric: Metric) -> str:
    """Return why a metric may be missing, as its help says it."""
    found = WHY.search(metric.help)
    return found[1] if found else "not told"


def value(view: View, metric: Metric, number: float) -> tuple[str, str]:
    """Return a value as text, and its unit in words."""
    name = metric.name.removesuffix("_total")
    readers: tuple[tuple[bool, Callable[[], tuple[str, str]]], ...] = (
        (not math.isfinite(number), lambda: ("no number", "")),
        (metric in SWITCHES, lambda: ("yes" if number else "no", "")),
        (metric in COUNTS, lambda: (plain(number, 0), "")),
        (metric in PRICES, lambda: (f"{number:.10g}", "")),
        (name.endswith("_timestamp_seconds"), lambda: (_moment(view, number), "")),
        (name.endswith("_seconds"), lambda: (age(number), "")),
        (name.endswith("_ratio"), lambda: (plain(number * 100, 1), "%")),
        (name.endswith("_lots"), lambda: (plain(number, 2), "lots")),
        (name.endswith("_points"), lambda: (plain(number, 1), "points")),
    )
    read = next((read for fits, read in readers if fits), None)
    return read() if read else (plain(number, 2), view.currency)


def note(view: View, metric: Metric, number: float) -> str:
    """Return the limits of a value that the terminal has once, and the time of a moment."""
    parts: list[str] = []
    if metric.name.endswith("_timestamp_seconds") and 0 < number < 1e11:
        parts.append(f"{dt.datetime.fromtimestamp(number, dt.UTC):%Y-%m-%d %H:%M:%S} UTC")
    name = limit_of(metric)
    for kind, known in (("limit", name), ("warning", f"warning_{name}")):
        if known in LIMITS:
            parts.append(" ".join((kind, *limit(view, known))).rstrip())
    return ", ".join(parts)


def limit_of(metric: Metric) -> str:
    """Return what a metric's limit would be called; a moment is limited by its age."""
    return metric.name.removeprefix("mt5_").replace("_timestamp_seconds", "_age_seconds")


def limit(view: View, name: str, symbol: str = "") -> tuple[str, str]:
    """Return a limit as text, and its unit."""
    return value(view, LIMITS[name].metric, view.terminal.limits.of(name, symbol))


def _moment(view: View, at: float) -> str:
    return f"{age(view.at - at)} ago" if at else "never"


def age(seconds: float) -> str:
    """Return a span of time with no more digits than a person wants of it."""
    if not abs(seconds) < 1e11:
        return f"{seconds:.6g}s"
    steps = ((86400, 3600), (3600, 60), (10, 1), (0, 0.001))
    step = next(step for least, step in steps if abs(seconds) >= least)
    return show_duration(round(seconds / step) * step)


def plain(number: float, decimals: int) -> str:
    """Return a number with so many decimals, unless it is too long for a table."""
    return f"{number:.{decimals}f}" if abs(number) < 1e15 else f"{number:.6g}"


# Text in columns


def prose(text: str, indent: str = GAP) -> list[str]:
    """Return a broker's text, or our own, as the lines of a paragraph."""
    harmless = " ".join(part for part in (clean(line) for line in text.splitlines()) if part)
    return textwrap.wrap(harmless, WIDTH, initial_indent=indent, subsequent_indent=GAP)


def width(text: str) -> int:
    """Return the columns that a terminal takes for a text: two for a wide character, none for an accent."""
    return sum(
        0 if unicodedata.combining(mark) else 1 + (unicodedata.east_asian_width(mark) in {"W", "F"})
        for mark in text
    )


def pad(text: str, size: int, *, right: bool = False) -> str:
    """Return a text that takes `size` columns."""
    blank = " " * (size - width(text))
    return blank + text if right else text + blank


def cut(text: str, size: int = MAX_CELL) -> str:
    """Return as much of a text as fits into `size` columns."""
    while width(text) > size:
        text = text[:-1]
    return text
