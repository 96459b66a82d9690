"""Charts and strips in SVG."""

import html
import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashboards.preview.values import TEXT

GRID, FAINT = "#2C3036", "#9FA7B3"
LEFT, BOTTOM = 64, 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A series as it is drawn.

    Attributes:
        name: Its name.
        points: In time and value.
        colour: Of its line.
        dashes: The line's, empty for a solid one.
        bars: Whether each point is a bar.
        stepped: Whether a value holds until the next one.
    """

    name: str
    points: Sequence[tuple[float, float]]
    colour: str
    dashes: str = ""
    bars: bool = False
    stepped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The place that is drawn on, and the time that it spans."""

    width: float
    height: float
    start: float
    end: float

    def x(self, at: float, left: float = LEFT) -> float:
        """Return where a moment is."""
        return left + (at - self.start) / (self.end - self.start) * (self.width - left - 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """How values become heights.

    Attributes:
        label: Says a value.
        low: Where it begins, None for the least value.
        high: Where it ends, None for the largest.
        log: Whether each step is ten times the one before.
    """

    label: Callable[[float], str]
    low: float | None
    high: float | None
    log: bool

    def shows(self, value: float) -> bool:
        """Tell whether a value has a place on it."""
        return math.isfinite(value) and (value > 0 or not self.log)

    def scaled(self, value: float) -> float:
        """Return where a value is."""
        return math.log10(value) if self.log else value


def chart(lines: Sequence[Line], frame: Frame, axis: Axis) -> str:
    """Return a chart of lines over a grid."""
    values = [axis.scaled(value) for line in lines for _, value in line.points if axis.shows(value)]
    bottom = min(values, default=0.0) if axis.low is None else axis.scaled(axis.low)
    top = max(values, default=1.0) if axis.high is None else axis.scaled(axis.high)
    ticks = _ticks(bottom, top, least=1.0 if axis.log else 0.0)
    bottom, top = min(bottom, ticks[0]), max(top, ticks[-1])
    floor = frame.height - BOTTOM

    def height(scaled: float) -> float:
        return floor - (min(max(scaled, bottom), top) - bottom) / (top - bottom) * (floor - 6)

    def y(value: float) -> float:
        return height(axis.scaled(value))

    parts = [_grid(height(tick), axis.label(10**tick if axis.log else tick), frame.width) for tick in ticks]
    parts.append(_times(frame, LEFT))
    for line in sorted(lines, key=lambda line: bool(line.dashes)):
        places = [(frame.x(at), y(value)) for at, value in line.points if axis.shows(value)]
        if line.bars:
            parts += [
                f'<rect x="{x - 2:.1f}" y="{top_:.1f}" width="4" height="{max(y(0) - top_, 0):.1f}"'
                f' fill="{line.colour}" opacity=".75"/>'
                for x, top_ in places
            ]
        elif places:
            parts.append(_path(places, line))
    return _svg(frame, parts)


def strip(rows: Sequence[tuple[str, Sequence[tuple[float, str, str]]]], frame: Frame, step: float) -> str:
    """Return rows of states: each a name and its moments, words and colours."""
    left = 180.0
    height = (frame.height - BOTTOM) / max(len(rows), 1)
    parts = [_times(frame, left)]
    for number, (name, moments) in enumerate(rows):
        middle = height * (number + 0.5)
        parts.append(_label(left - 6, middle + 4, name[:30], "end"))
        begun = 0
        for place, (at, word, colour) in enumerate(moments):
            following = moments[place + 1] if place + 1 < len(moments) else None
            if following and following[1] == word and following[0] - at < 2.5 * step:
                continue
            first = moments[begun][0]
            x1, x2 = frame.x(first, left), frame.x(min(at + step, frame.end), left)
            parts.append(
                f'<rect x="{x1:.1f}" y="{middle - height * 0.4:.1f}" width="{max(x2 - x1, 1):.1f}"'
                f' height="{height * 0.8:.1f}" fill="{colour}" opacity=".85"/>'
            )
            if x2 - x1 > 7 * len(word) and height > 12:
                parts.append(_label(x1 + 4, middle + 4, word, "start", "#FFFFFF"))
            begun = place + 1
    return _svg(frame, parts)


def _ticks(bottom: float, top: float, *, least: float) -> list[float]:
    """Return round values from below the bottom to above the top, no nearer than the least step."""
    spread = (top - bottom) or abs(top) or 1.0
    raw = max(spread / 4, least)
    magnitude = 10 ** math.floor(math.log10(raw))
    step = next(size * magnitude for size in (1, 2, 2.5, 5, 10) if size * magnitude >= raw * 0.999)
    first = math.floor(bottom / step + 1e-9)
    last = max(math.ceil(top / step - 1e-9), first + 1)
    return [number * step for number in range(first, last + 1)]


def _path(places: Sequence[tuple[float, float]], line: Line) -> str:
    drawn = f"M{places[0][0]:.1f},{places[0][1]:.1f}"
    gap = 6 * (places[-1][0] - places[0][0]) / max(len(places), 1)
    for (before, _), (x, y) in itertools.pairwise(places):
        # A gap is information.
        if x - before > gap > 0 and len(places) > 20:
            drawn += f"M{x:.1f},{y:.1f}"
        else:
            drawn += f"H{x:.1f}V{y:.1f}" if line.stepped else f"L{x:.1f},{y:.1f}"
    dashes = f' stroke-dasharray="{line.dashes}"' if line.dashes else ""
    return f'<path d="{drawn}" fill="none" stroke="{line.colour}" stroke-width="1.5"{dashes}/>'


def _grid(y: float, name: str, width: float) -> str:
    return (
        f'<line x1="{LEFT}" x2="{width - 6}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>'
        f"{_label(LEFT - 6, y + 4, name, 'end')}"
    )


def _times(frame: Frame, left: float) -> str:
    parts = []
    for number in range(5):
        at = frame.start + (number + 0.5) * (frame.end - frame.start) / 5
        shown = time.strftime("%H:%M:%S", time.gmtime(at))
        parts.append(_label(frame.x(at, left), frame.height - 4, shown, "middle"))
    return "".join(parts)


def _label(x: float, y: float, said: str, anchor: str, colour: str = FAINT) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="11" text-anchor="{anchor}">'
        f"{html.escape(said)}</text>"
    )


def _svg(frame: Frame, parts: Sequence[str]) -> str:
    return f'<svg width="{frame.width:.0f}" height="{frame.height:.0f}" color="{TEXT}">{"".join(parts)}</svg>'
