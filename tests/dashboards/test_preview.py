"""A preview draws every panel, says what it is, and shows values in the words and units of the JSON."""

import re
from collections.abc import Sequence

import pytest

from dashboards.lib.colours import BAD, GOOD
from dashboards.preview.asking import Series, named
from dashboards.preview.drawing import Axis, Frame, Line, chart, strip
from dashboards.preview.page import LABELLED, page
from dashboards.preview.values import colour, overridden, shade, text
from tests.dashboards.reading import Json, at, committed, listed, mapping, panels

START, END = 1_000_000.0, 1_000_600.0
BOARDS = committed()


def answer(target: Json) -> Sequence[Series]:
    """Answer whatever is asked: two terminals with a value that grows, and a gap."""
    moments = (
        [START] if target["instant"] else [START + 10 * step for step in range(60) if step not in {30, 31}]
    )
    points = [(moment, float(number % 3)) for number, moment in enumerate(moments)]
    wanted = {"terminal": "<desk>", "symbol": "EURUSD", "instance": "127.0.0.1:10685"}
    return [Series(labels=wanted, points=points), Series(labels={**wanted, "terminal": "b"}, points=points)]


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board["uid"])
def test_every_open_panel_is_on_the_page(board: Json) -> None:
    shown, width, height = page(board, answer, start=START, end=END)

    opened = [panel for panel in listed(board["panels"]) if panel["type"] != "row"]
    assert shown.count('<div class="panel"') == len(opened)
    assert LABELLED in shown
    assert "<desk>" not in shown
    places = re.findall(r'class="panel" style="left:(\d+)px;top:(\d+)px;width:(\d+)px;height:(\d+)px"', shown)
    assert all(int(left) + int(wide) <= width for left, _, wide, _ in places)
    assert all(int(top) + int(high) <= height for _, top, _, high in places)


def test_a_panel_without_data_says_so() -> None:
    board = next(board for board in BOARDS if board["uid"] == "mt5-risk")

    shown, _, _ = page(board, lambda target: [], start=START, end=END)

    margin = next(panel for panel in panels(board) if panel["title"] == "Margin")
    assert f'<div class="empty">{at(margin, "fieldConfig", "defaults", "noValue")}</div>' in shown


@pytest.mark.parametrize(
    ("value", "field", "said"),
    [
        (0.1234, {"unit": "percentunit"}, "12.3 %"),
        (0.1234, {"unit": "percentunit", "decimals": 0}, "12 %"),
        (95, {"unit": "s"}, "1.58 min"),
        (0.0123, {"unit": "s"}, "12.3 ms"),
        (0, {"unit": "s"}, "0 s"),
        (3 * 2**20, {"unit": "bytes"}, "3.0 MiB"),
        (0, {"unit": "dateTimeAsIso"}, "1970-01-01 00:00:00"),
        (2, {"unit": "ops"}, "2 /s"),
        (2, {"unit": "reqps"}, "2 /s"),
        (1234.5, {"unit": "short", "decimals": 2}, "1,234.50"),
        (float("nan"), {"unit": "s"}, "nan"),
        (1, {"mappings": [{"type": "value", "options": {"1": {"text": "UP", "color": GOOD}}}]}, "UP"),
    ],
)
def test_a_value_is_said_in_its_unit_or_its_word(value: float, field: Json, said: str) -> None:
    assert text(value, field) == said


def test_a_value_has_the_colour_of_the_step_that_it_has_reached() -> None:
    steps = [{"color": GOOD, "value": None}, {"color": BAD, "value": 1}]
    field: Json = {"thresholds": {"steps": steps}, "color": {"mode": "thresholds"}}

    assert [colour(value, field) for value in (-5, 0.9, 1, 7)] == [GOOD, GOOD, BAD, BAD]


def test_an_override_changes_the_field_that_it_names() -> None:
    overrides = [
        {"matcher": {"id": "byName", "options": "Bid"}, "properties": [{"id": "unit", "value": "s"}]},
        {"matcher": {"id": "byName", "options": "Ask"}, "properties": [{"id": "unit", "value": "ops"}]},
    ]

    assert overridden({"unit": "none"}, overrides, "byName", "Bid") == {"unit": "s"}


def test_the_first_shade_is_the_colour_itself() -> None:
    shades = [shade("#1F78C1", number) for number in range(6)]

    assert shades[0] == "#1F78C1"
    assert len({*shades}) == 6


def test_a_gap_is_not_drawn_over() -> None:
    times = [START + 10 * step for step in range(60) if not 20 <= step < 40]
    line = Line(name="a", points=[(moment, 1.0) for moment in times], colour=GOOD)
    frame = Frame(width=600, height=200, start=START, end=END)

    drawn = chart([line], frame, Axis(label=str, low=0, high=None, log=False))

    [path] = re.findall(r'<path d="([^"]+)"', drawn)
    assert path.count("M") == 2


def test_a_logarithmic_axis_has_no_place_for_zero() -> None:
    line = Line(name="a", points=[(START, 0.0), (START + 1, 10.0), (START + 2, 1000.0)], colour=GOOD)
    frame = Frame(width=600, height=200, start=START, end=END)

    drawn = chart([line], frame, Axis(label=lambda value: f"{value:g}", low=None, high=None, log=True))

    assert ">10<" in drawn
    assert ">1000<" in drawn
    assert len(re.findall(r"[ML]", re.findall(r'<path d="([^"]+)"', drawn)[0])) == 2


def test_states_that_follow_each_other_are_one_piece() -> None:
    moments = [
        (START + 10 * step, "UP" if step < 5 else "DOWN", GOOD if step < 5 else BAD) for step in range(10)
    ]

    drawn = strip([("desk", moments)], Frame(width=600, height=60, start=START, end=END), 10)

    assert re.findall(r'fill="(#\w+)" opacity', drawn) == [GOOD, BAD]


def test_a_series_is_named_by_its_labels() -> None:
    assert named("{{terminal}} {{probe}}", {"terminal": "desk"}) == "desk"


def test_a_query_of_the_page_is_one_of_the_panels() -> None:
    asked: list[str] = []

    def remember(target: Json) -> Sequence[Series]:
        asked.append(str(target["expr"]))
        return answer(target)

    page(BOARDS[0], remember, start=START, end=END)

    opened = [panel for panel in listed(BOARDS[0]["panels"]) if panel["type"] != "row"]
    assert asked == [mapping(target)["expr"] for panel in opened for target in listed(panel["targets"])]
