"""How dashboards look: places, colours, lines: D10 to D12."""

import itertools
import re
from collections.abc import Iterator, Sequence

from dashboards.lib import colours
from mt5_exporter.catalogue.limits import LIMITS
from tests.alerts.promql import numbers
from tests.alerts.shipped import Shipped
from tests.dashboards.reading import Json, all_panels, at, everywhere, listed, mapping, rows, targets
from tests.dashboards.ways import alert_link

Boards = Sequence[Json]


def d10_layout(boards: Boards, _: Shipped) -> Iterator[str]:
    """The first row says whether something is wrong, without scrolling; nothing lies over anything else."""
    for board in boards:
        opened = [panel for panel in listed(board["panels"]) if panel["type"] != "row"]
        heads = rows(board)
        second = mapping(heads[1]["gridPos"]) if len(heads) > 1 else {"y": 1000}
        first = [panel for panel in opened if _place(panel)[1] < int(str(second["y"]))]
        if len(first) > 8 or any(panel["type"] != "stat" for panel in first):
            yield f"{board['uid']}: does not begin with eight figures at most"
        # A row of Grafana's is 30 pixels and 8 between; its own bars take some 150 of 1080.
        if any((y + height) * 38 > 930 for _, y, _, height in map(_place, first)):
            yield f"{board['uid']}: the first row is not on the first screen"
        if len(opened) > 25:
            yield f"{board['uid']}: opens with {len(opened)} panels"
        for group in [[*heads, *opened], *(listed(row["panels"]) for row in heads)]:
            yield from (f"{board['uid']}: {text}" for text in _overlapping(group))


def _place(panel: Json) -> tuple[int, int, int, int]:
    x, y, w, h = (at(panel, "gridPos", key) for key in "xywh")
    assert isinstance(x, int)
    assert isinstance(y, int)
    assert isinstance(w, int)
    assert isinstance(h, int)
    return x, y, w, h


def _overlapping(group: Sequence[Json]) -> Iterator[str]:
    for panel in group:
        x, _, width, _ = _place(panel)
        if x < 0 or x + width > 24:
            yield f"{panel['title']!r} is wider than the screen"
    for one, other in itertools.combinations(group, 2):
        (x, y, w, h), (x2, y2, w2, h2) = _place(one), _place(other)
        if x < x2 + w2 and x2 < x + w and y < y2 + h2 and y2 < y + h:
            yield f"{one['title']!r} lies over {other['title']!r}"


def d11_accessibility(boards: Boards, _: Shipped) -> Iterator[str]:
    """No state by colour alone, no colour that somebody cannot tell or see, in both themes."""
    palette = {colours.GOOD, colours.WARN, colours.BAD, colours.IDLE, colours.OTHER}
    for board in boards:
        if "style" in board:
            yield f"{board['uid']}: is made for one theme"
        for key in ("color", "fixedColor", "iconColor"):
            for where, found in everywhere(board, key):
                if isinstance(found, str) and found not in palette:
                    yield f"{board['uid']}: {where} is {found}"
        for where, found in everywhere(board, "mode"):
            if str(found).startswith(("palette", "continuous")):
                yield f"{board['uid']}: {where} takes colours as they come: {found}"
        for where, found in everywhere(board, "options"):
            words = found.values() if isinstance(found, dict) else []
            if any(isinstance(word, dict) and "color" in word and not word.get("text") for word in words):
                yield f"{board['uid']}: {where} has a colour without a word"


def d12_thresholds(boards: Boards, shipped: Shipped) -> Iterator[str]:
    """Every limit is drawn from its metric; a number beside them is that of an alert that leads here."""
    for board in boards:
        leading = [alert for alert in shipped.alerts if alert_link(alert)[0] == board["uid"]]
        allowed = {0.0, 1.0}.union(*(numbers(alert.expr) for alert in leading))
        yield from _numbers(board, allowed)
    drawn = " ".join(_dashed(boards))
    for limit in LIMITS.values():
        if not re.search(rf"\b{limit.metric.name}\b", drawn):
            yield f"{limit.metric.name} is drawn nowhere"


def _numbers(board: Json, allowed: set[float]) -> Iterator[str]:
    for where, found in everywhere(board, "steps"):
        for step in listed(found):
            if step["value"] is not None and step["value"] not in allowed:
                yield f"{board['uid']}: {where} changes colour at {step['value']}"
    for query in targets(board):
        for text in re.findall(r"\bvector\(([^()]*)\)", query.expr):
            if float(text) not in allowed:
                yield f"{board['uid']}: {query.where!r} draws a line at {text}"


def _dashed(boards: Boards) -> Iterator[str]:
    """Yield the expressions of dashed lines."""
    for _, panel in all_panels(boards):
        dashed = {
            at(found, "matcher", "options")
            for found in listed(at(panel, "fieldConfig", "overrides"))
            if any(change["id"] == "custom.lineStyle" for change in listed(found["properties"]))
        }
        yield from (
            str(target["expr"]) for target in listed(panel.get("targets", [])) if target["refId"] in dashed
        )
