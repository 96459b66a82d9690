"""Every dashboard meets the bar, D1 to D15, and what does not is found."""

import ast
from collections.abc import Callable, Mapping, Sequence

import pytest

from dashboards import DASHBOARDS
from dashboards.lib import colours
from tests.alerts.shipped import load
from tests.dashboards.bar import CHECKS
from tests.dashboards.breaking import Break, dropped, panel, put, query, replaced, variable
from tests.dashboards.reading import GENERATED, ROOT, Json, annotations, changed, committed, listed, targets

BOARDS = committed()
SHIPPED = load()
UID = "mt5-terminal"
ERRORS = "Which errors are there?"
ANSWERS = "Answers"
SPEED = "How long does a question take?"


@pytest.mark.parametrize("check", CHECKS)
def test_the_dashboards_meet(check: str) -> None:
    assert [*CHECKS[check](BOARDS, SHIPPED)] == []


def _without_dashes(found: Json) -> None:
    for wanted in listed(found["targets"]):
        wanted["expr"] = "vector(0)"


def _first_annotation_gone(board: Json) -> None:
    annotated = board["annotations"]
    assert isinstance(annotated, dict)
    del listed(annotated["list"])[0]


def _one_word_less(found: Json) -> None:
    put("fieldConfig", "defaults", "mappings", 0, "options", "0", "text", value="")(found)


BROKEN: Sequence[tuple[str, Break, str]] = [
    ("D1", put("rows", value=[]), "dashboard: has rows"),
    ("D1", put("schemaVersion", value=12), "has schemaVersion 12"),
    ("D1", put("gnetId", value=None), "gnetId: is None"),
    ("D1", panel(ERRORS, put("options", "tooltip", "mode", value="bogus")), "'bogus'"),
    ("D1", panel(ERRORS, put("gridPos", value="nonsense")), "is 'nonsense'"),
    ("D1", panel(ERRORS, put("fieldConfig", "defaults", "nvValue", value="-")), "has nvValue"),
    ("D1", panel(ERRORS, dropped("options", "legend", "showLegend")), "lacks showLegend"),
    ("D1", panel(ERRORS, put("targets", 0, "intervalFactor", value="2")), "intervalFactor: is '2'"),
    (
        "D1",
        panel(ANSWERS, put("fieldConfig", "defaults", "thresholds", "steps", 0, "value", value="null")),
        "is 'null'",
    ),
    ("D2", put("uid", value="mt5-fleet"), "2 dashboards have the uid mt5-fleet"),
    ("D2", put("id", value=7), "has an id"),
    ("D2", put("title", value="Terminal"), "has the title Terminal"),
    ("D2", put("tags", value=["mt4"]), "the tags ['mt4']"),
    ("D3", panel(ERRORS, put("datasource", "uid", value="abc")), "'uid': 'abc'"),
    ("D3", variable("job", datasource="Prometheus"), "has the data source Prometheus"),
    ("D3", variable("datasource", type="custom"), "has no variable datasource"),
    ("D4", variable("terminal", refresh=1), "{'refresh': 1}"),
    ("D4", variable("terminal", current={"value": "desk"}), "begins with desk"),
    ("D4", variable("terminal", query="label_values(mt5_up, terminal)"), "is not asked within job"),
    ("D5", panel(ERRORS, put("description", value="Errors")), "no description of whole sentences"),
    ("D5", panel(SPEED, put("fieldConfig", "defaults", "unit", value="")), "neither unit nor words"),
    ("D5", panel(ERRORS, dropped("fieldConfig", "defaults", "noValue")), "says nothing without data"),
    ("D5", panel(SPEED, put("targets", 1, "refId", value="A")), "one letter twice"),
    ("D5", panel(ERRORS, put("targets", 0, "legendFormat", value="")), "series without a name"),
    ("D6", query(ERRORS, lambda expr: f"({expr}"), "does not parse"),
    ("D6", replaced(ERRORS, "mt5_errors_total", "mt5_mistakes_total"), "asks for mt5_mistakes_total"),
    ("D6", replaced(ANSWERS, "terminal=~", "desk=~"), "asks mt5_up for a label desk"),
    ("D6", replaced(ERRORS, "[$__rate_interval]", "[5m]"), "looks back by a time of its own"),
    ("D6", replaced(ANSWERS, ',terminal=~"$terminal"', ""), "terminals that were not chosen"),
    ("D6", replaced(ERRORS, "increase(", "max_over_time("), "the counter mt5_errors_total as it stands"),
    ("D8", put("links", value=[]), "does not lead to the others"),
    ("D8", put("links", 1, "url", value="http://x"), "does not lead to the runbooks"),
    ("D8", panel(ANSWERS, put("links", 0, "url", value="${runbooks}/MT5Nothing.md")), "leads to ${runb"),
    ("D8", panel(ANSWERS, put("links", 1, "url", value="/d/mt5-nowhere?x")), "leads to /d/mt5-nowhere"),
    ("D8", panel(ANSWERS, put("links", 1, "url", value="/d/mt5-slo?var-desk=1")), "sets variables that"),
    ("D8", panel(ANSWERS, put("links", 1, "url", value="/d/mt5-slo?var-job=1")), "loses the data source"),
    (
        "D8",
        panel("Right account", put("links", value=[])),
        "no panel leads to the runbook of MT5WrongAccount",
    ),
    ("D8", put("uid", value="mt5-terminals"), "MT5TerminalDown: leads to mt5-terminal"),
    ("D9", _first_annotation_gone, "does not mark ALERTS{"),
    ("D10", panel(ERRORS, put("gridPos", "x", value=20)), "is wider than the screen"),
    ("D10", panel(ERRORS, put("gridPos", "y", value=8)), "lies over"),
    ("D10", panel(ANSWERS, put("type", value="timeseries")), "begin with eight figures"),
    ("D10", panel(ANSWERS, put("gridPos", "h", value=40)), "not on the first screen"),
    ("D11", put("style", value="dark"), "is made for one theme"),
    ("D11", panel(ANSWERS, _one_word_less), "a colour without a word"),
    (
        "D11",
        panel(ERRORS, put("fieldConfig", "defaults", "color", "mode", value="palette-classic")),
        "takes colours as they come",
    ),
    ("D11", panel(ERRORS, put("fieldConfig", "defaults", "color", "fixedColor", value="green")), "is green"),
    (
        "D12",
        panel("Data", put("fieldConfig", "defaults", "thresholds", "steps", 0, "value", value=80)),
        "changes colour at 80",
    ),
    ("D12", panel(SPEED, _without_dashes), "mt5_limit_probe_duration_seconds is drawn nowhere"),
    ("D12", query(SPEED, lambda expr: "vector(2.5)"), "draws a line at 2.5"),
    (
        "D13",
        panel(ERRORS, put("fieldConfig", "defaults", "custom", "spanNulls", value=True)),
        "spanNulls True",
    ),
    ("D13", panel(ERRORS, put("options", "tooltip", "sort", value="none")), "tooltip.sort 'none'"),
    (
        "D13",
        panel("Where was the session?", put("fieldConfig", "defaults", "mappings", value=[])),
        "states as numbers",
    ),
    ("D14", put("refresh", value="5s"), "has refresh 5s"),
    ("D14", put("timezone", value="utc"), "has timezone utc"),
    ("D14", put("graphTooltip", value=0), "has graphTooltip 0"),
]


@pytest.mark.parametrize(
    ("check", "broken", "said"), BROKEN, ids=[f"{name}-{said}" for name, _, said in BROKEN]
)
def test_what_does_not_meet_it_is_found(check: str, broken: Break, said: str) -> None:
    boards = changed(BOARDS, UID, broken)

    found = [*CHECKS[check](boards, SHIPPED)]

    assert any(said in text for text in found), found


def test_each_check_is_broken_at_least_once() -> None:
    assert {check for check, _, _ in BROKEN} == set(CHECKS)


def test_d15_what_is_committed_is_what_the_code_writes() -> None:
    written = {f"{dashboard.uid}.json": dashboard.text() for dashboard in DASHBOARDS}

    assert sorted(path.name for path in GENERATED.iterdir()) == sorted(written)
    for name, text in written.items():
        assert (GENERATED / name).read_bytes() == text.encode(), f"{name}: run `make dashboards`"


def test_dashboards_never_call_grafanalib_themselves() -> None:
    modules = [*(ROOT / "dashboards").glob("*.py")]
    assert len(modules) > len(DASHBOARDS)
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.startswith("grafanalib") for name in names), module.name


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colour", [*colours.PALETTE, colours.BAD])
@pytest.mark.parametrize("ground", ["#FFFFFF", "#181B1F"])
def test_a_colour_is_seen_on_both_of_grafanas_grounds(colour: str, ground: str) -> None:
    assert _contrast(colour, ground) >= 3


SEEN: Mapping[str, tuple[tuple[float, float, float], ...]] = {
    "without red": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "without green": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
}
"""How the linear colours of a screen look to an eye that lacks one (Machado et al., 2009)."""


@pytest.mark.parametrize("eye", SEEN)
def test_good_warning_and_bad_are_three_colours_to_everybody(eye: str) -> None:
    def seen(colour: str) -> tuple[float, ...]:
        linear = [(int(colour[place : place + 2], 16) / 255) ** 2.2 for place in (1, 3, 5)]
        found = [sum(weight * part for weight, part in zip(row, linear, strict=True)) for row in SEEN[eye]]
        return tuple(max(0.0, part) ** (1 / 2.2) for part in found)

    states = [seen(colour) for colour in (colours.GOOD, colours.WARN, colours.BAD)]

    for number, one in enumerate(states):
        for other in states[number + 1 :]:
            assert sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5 > 0.25


@pytest.mark.parametrize("asks", [targets, annotations])
def test_every_dashboard_asks_something(asks: Callable[[Json], Sequence[object]]) -> None:
    assert all([*asks(board)] for board in BOARDS)
