"""A dashboard's layout as one HTML page, with the answers of a Prometheus: a preview, not Grafana."""

import html
import itertools
import math
from collections.abc import Callable, Iterator, Sequence

from dashboards.lib.plain import Json
from dashboards.preview.asking import Series, named
from dashboards.preview.drawing import Axis, Frame, Line, chart, strip
from dashboards.preview.values import at, colour, overridden, shade, text

COLUMNS, COLUMN, ROW, GAP = 24, 58, 30, 8
HEAD = 84
UNSEEN = 2
LABELLED = "Preview, not Grafana: drawn from this dashboard's JSON and a real Prometheus"

STYLE = """
body { margin: 0; background: #111217; color: #D5D9E0; font: 13px/1.35 "DejaVu Sans", sans-serif; }
.head { position: absolute; left: 8px; right: 8px; top: 8px; }
.head b { font-size: 17px; }
.head i { color: #BD8800; float: right; font-style: normal; }
.head span { color: #9FA7B3; margin-right: 14px; }
.row { position: absolute; font-weight: bold; left: 12px; }
.panel { position: absolute; background: #181B1F; border: 1px solid #2C3036; overflow: hidden; }
.title { padding: 5px 8px 3px; font-weight: 600; white-space: nowrap; overflow: hidden; }
.stat { display: inline-block; box-sizing: border-box; border: 1px solid #181B1F; text-align: center; }
.stat { vertical-align: top; }
.stat b { display: block; white-space: nowrap; }
.stat span { font-size: 11px; white-space: nowrap; }
table { border-collapse: collapse; width: 100%; font-size: 12px; }
th { text-align: left; color: #6EA6E0; padding: 3px 8px; font-weight: 600; }
td { padding: 3px 8px; border-top: 1px solid #22252B; white-space: nowrap; }
.legend { font-size: 11px; color: #9FA7B3; padding: 0 8px; }
.legend td, .legend th { padding: 0 8px; border: 0; color: #9FA7B3; }
.legend tr { line-height: 15px; }
.key { display: inline-block; width: 14px; height: 3px; margin: 0 6px 3px 0; }
.empty { color: #9FA7B3; text-align: center; padding-top: 18px; }
"""

Ask = Callable[[Json], Sequence[Series]]


def page(board: Json, ask: Ask, *, start: float, end: float) -> tuple[str, int, int]:
    """Return a dashboard's page, its width and its height.

    Args:
        board: The dashboard's JSON.
        ask: Answers a target.
        start: The beginning of what is shown, in Unix time.
        end: The end.
    """
    places = [(panel, Place(panel)) for panel in listed(board["panels"])]
    parts = []
    for panel, place in places:
        if panel["type"] == "row":
            inside = len(listed(panel["panels"]))
            mark, closed = ("&#9656;", f" ({inside} panels)") if inside else ("&#9662;", "")
            parts.append(f'<div class="row" {place.style}>{mark} {escaped(panel["title"])}{closed}</div>')
        else:
            answers = [(target, ask(target)) for target in listed(panel["targets"])]
            frame = Frame(width=place.width, height=place.height - 26, start=start, end=end)
            title = f'<div class="title">{escaped(panel["title"])}</div>'
            parts.append(f'<div class="panel" {place.style}>{title}{drawn(panel, answers, frame)}</div>')
    head = f'<!doctype html><meta charset="utf-8"><style>{STYLE}</style>{_head(board)}'
    height = max(place.top + place.height for _, place in places) + 12
    return f"{head}{''.join(parts)}", 16 + COLUMNS * COLUMN - GAP, height


class Place:
    """Where a panel is, in pixels.

    Args:
        panel: Its JSON.
    """

    def __init__(self, panel: Json) -> None:
        x, y, w, h = (_number(panel, key) for key in "xywh")
        self.left, self.top = 8 + x * COLUMN, HEAD + y * (ROW + GAP)
        self.width, self.height = w * COLUMN - GAP, h * (ROW + GAP) - GAP

    @property
    def style(self) -> str:
        """As an attribute of HTML."""
        return f'style="left:{self.left}px;top:{self.top}px;width:{self.width}px;height:{self.height}px"'


def _head(board: Json) -> str:
    chosen = "".join(
        f"<span>{escaped(found['label'])}: {escaped(at(found, 'current', 'text', 0))}</span>"
        for found in listed(at(board, "templating", "list"))
        if found["type"] == "query" and found.get("hide") != UNSEEN
    )
    return (
        f'<div class="head"><b>{escaped(board["title"])}</b><i>{LABELLED}</i>'
        f"<br>{escaped(board['description'])}<br>{chosen}</div>"
    )


Answers = Sequence[tuple[Json, Sequence[Series]]]


def drawn(panel: Json, answers: Answers, frame: Frame) -> str:
    """Return what is inside of a panel."""
    field = at(panel, "fieldConfig", "defaults")
    assert isinstance(field, dict)
    if not any(series for _, series in answers):
        return f'<div class="empty">{escaped(field["noValue"])}</div>'
    match panel["type"]:
        case "stat":
            return _stat(panel, field, answers, frame)
        case "timeseries":
            return _chart(panel, field, answers, frame)
        case "state-timeline":
            return _strip(field, answers, frame)
        case _:
            return _table(panel, field, answers)


def _stat(panel: Json, field: Json, answers: Answers, frame: Frame) -> str:
    figures = [
        (
            text(series.last, field),
            named(str(target["legendFormat"]), series.labels),
            colour(series.last, field),
        )
        for target, found in answers
        for series in found
    ]
    plain = at(panel, "options", "colorMode") == "none"
    names = at(panel, "options", "textMode") == "value_and_name"
    columns = 1 if len(figures) < 2 else 2
    rows = -(-len(figures) // columns)
    width, height = (frame.width - 4) / columns, (frame.height - 4) / rows
    longest = max(len(value) for value, _, _ in figures)
    size = max(10, min(height * (0.42 if names else 0.5), 1.3 * (width - 8) / longest, 40))
    parts = []
    for value, name, shown in figures:
        ground = f"color:{shown}" if plain else f"background:{shown};color:#FFFFFF"
        below = f"<span>{escaped(name)}</span>" if names else ""
        padding = max(0, (height - size * 1.35 - (15 if names else 0)) / 2)
        parts.append(
            f'<div class="stat" style="width:{width:.0f}px;height:{height:.0f}px;'
            f'padding-top:{padding:.0f}px;{ground}">'
            f'<b style="font-size:{size:.0f}px">{escaped(value)}</b>{below}</div>'
        )
    return f'<div style="padding:0 2px;font-size:0">{"".join(parts)}</div>'


def _lines(panel: Json, field: Json, answers: Answers) -> Iterator[Line]:
    overrides = at(panel, "fieldConfig", "overrides")
    for target, found in answers:
        own = overridden(field, overrides, "byFrameRefID", str(target["refId"]))
        base = str(at(own, "color", "fixedColor"))
        dash = at(own, "custom.lineStyle", "dash")
        for place, series in enumerate(found):
            yield Line(
                name=named(str(target["legendFormat"]), series.labels),
                points=series.points,
                colour=base if dash else shade(base, place),
                dashes=",".join(str(part) for part in dash) if isinstance(dash, list) else "",
                bars=at(field, "custom", "drawStyle") == "bars" and not dash,
                stepped=bool(dash) or at(field, "custom", "lineInterpolation") == "stepAfter",
            )


def _chart(panel: Json, field: Json, answers: Answers, frame: Frame) -> str:
    lines = list(_lines(panel, field, answers))
    # A limit is not in the legend.
    named_lines = [line for line in lines if not line.dashes]
    room = min(len(named_lines), 5)
    above = Frame(width=frame.width, height=frame.height - 17 - 15 * room, start=frame.start, end=frame.end)
    low, high = field.get("min"), field.get("max")
    axis = Axis(
        label=lambda value: text(value, {**field, "mappings": [], "decimals": None}),
        low=float(low) if isinstance(low, (int, float)) else None,
        high=float(high) if isinstance(high, (int, float)) else None,
        log=at(field, "custom", "scaleDistribution", "type") == "log",
    )
    shown = chart(lines, above, axis)
    keys = [
        f'<tr><td><span class="key" style="background:{line.colour}"></span>{escaped(line.name)}</td>'
        f"<td>{escaped(text(line.points[-1][1], field))}</td>"
        f"<td>{escaped(text(_most(line), field))}</td></tr>"
        for line in named_lines[:room]
    ]
    more = f" (and {len(named_lines) - room} more)" if len(named_lines) > room else ""
    head = f"<tr><th>Name{more}</th><th>Last</th><th>Max</th></tr>"
    return f'{shown}<table class="legend">{head}{"".join(keys)}</table>'


def _most(line: Line) -> float:
    return max((value for _, value in line.points if math.isfinite(value)), default=math.nan)


def _strip(field: Json, answers: Answers, frame: Frame) -> str:
    rows = [
        (
            named(str(target["legendFormat"]), series.labels),
            [(when, text(value, field), colour(value, field)) for when, value in series.points],
        )
        for target, found in answers
        for series in found
    ]
    times = [when for _, moments in rows for when, _, _ in moments]
    step = min((b - a for a, b in itertools.pairwise(times) if b > a), default=1.0)
    return strip(rows, frame, step)


def _table(panel: Json, field: Json, answers: Answers) -> str:
    overrides = at(panel, "fieldConfig", "overrides")
    organized = listed(panel["transformations"])[-1]["options"]
    order, hidden, heads = (at(organized, key) for key in ("indexByName", "excludeByName", "renameByName"))
    assert isinstance(order, dict)
    assert isinstance(hidden, dict)
    assert isinstance(heads, dict)
    rows: dict[tuple[tuple[str, str], ...], dict[str, float]] = {}
    for target, found in answers:
        value = "Value" if len(answers) == 1 else f"Value #{target['refId']}"
        for series in found:
            rows.setdefault(tuple(sorted(series.labels.items())), {})[value] = series.last
    names = [name for name in sorted(order, key=lambda name: int(order[name])) if name not in hidden]
    fields = {name: overridden(field, overrides, "byName", str(heads.get(name, name))) for name in names}
    head = "".join(
        f"<th>{escaped(heads.get(name) or fields[name].get('displayName', name))}</th>" for name in names
    )
    lines = []
    for labels, values in sorted(rows.items()):
        cells = []
        for name in names:
            if name in values:
                own = fields[name]
                coloured = at(own, "custom.cellOptions", "type") == "color-text"
                style = f' style="color:{colour(values[name], own)};font-weight:600"' if coloured else ""
                cells.append(f"<td{style}>{escaped(text(values[name], own))}</td>")
            else:
                cells.append(f"<td>{escaped(dict(labels).get(name, ''))}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def listed(value: object) -> list[Json]:
    """Return a value that is a list of objects."""
    assert isinstance(value, list)
    return value


def _number(panel: Json, key: str) -> int:
    """Return one of a panel's four measures."""
    found = at(panel, "gridPos", key)
    assert isinstance(found, int)
    return found


def escaped(said: object) -> str:
    """Return a text as HTML shows it."""
    return html.escape(str(said))
