"""Every query of every dashboard answers from a real Prometheus, with the labels that its panel needs.

A desk shows what it has while all is well; then two of its terminals break, and show the rest.
"""

import itertools
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.dashboards.reading import Json, at, chosen, committed, listed, mapping, panels, variables
from tests.stack.demo import TAKEN_OVER, Desk
from tests.stack.program import wait_for
from tests.stack.stack import Stack
from tests.stack.tools import Pair

FACTOR = 12
PATIENCE = 90
"""Seconds within which everything answers; it takes some ten on a machine with nothing else to do."""

RATE_INTERVAL, RANGE, STEP = "8s", "60s", 2
FAULTS = ("fault: hang_gil, terminal: demo-2", "fault: auth_failed, terminal: demo-1")

Key = tuple[str, str]
"""A dashboard, and the title of a panel."""

EXCUSED: Mapping[Key, str] = {
    ("mt5-slo", "Budget left"): "it is counted once an hour",
    ("mt5-slo", "How much of the budget is left?"): "it is counted once an hour",
    ("mt5-slo", "Who spends most?"): "it is counted once an hour",
    ("mt5-risk", "Which rules cannot be computed?"): "all can, a moment after the start",
}
"""Panels that need not answer here, with the reason."""

BROKEN: Mapping[Key, str] = {
    ("mt5-fleet", "Which alerts fire?"): "alerts",
    ("mt5-fleet", "Which terminal, and what of it?"): "alerts",
    ("mt5-terminal", "What does not pass, and why?"): "probes that fail",
    ("mt5-terminal", "Which errors are there?"): "errors",
    ("mt5-terminal", "When did the breaker change?"): "a breaker that opens",
    ("mt5-terminal", "Next trial call in"): "a breaker that is open",
}
"""Panels that are empty while all is well, with what they show then."""

NO_COUNTER = "metric might not be a counter"
"""Prometheus' remark on our sums of counters, which are named as recordings."""


@dataclass(slots=True, kw_only=True)
class Question:
    """One query of a panel or a variable.

    Attributes:
        key: Its dashboard and its panel.
        expr: As Grafana has it.
        instant: Whether it is asked for now, and not over time.
        labels: What its series must have: for their names, and for where they lead.
        answered: Whether they had.
        said: What was wrong the last time.
    """

    key: Key
    expr: str
    instant: bool
    labels: frozenset[str]
    answered: bool = False
    said: str = "not asked"


def questions(board: Json) -> Iterator[Question]:
    """Yield what the variables and the panels ask."""
    uid = str(board["uid"])
    for variable in chosen(board):
        yield Question(
            key=(uid, variable.where), expr=variable.expr, instant=True, labels=frozenset({variable.legend})
        )
    for panel in panels(board):
        dashed = dashes(panel)
        carried = set(re.findall(r"__(?:data\.fields|field\.labels)\.(\w+)", json.dumps(panel)))
        for target in listed(panel["targets"]):
            named = set(re.findall(r"\{\{(\w+)\}\}", str(target["legendFormat"])))
            yield Question(
                key=(uid, str(panel["title"])),
                expr=str(target["expr"]),
                instant=bool(target["instant"]),
                labels=frozenset(named if target["refId"] in dashed else named | carried),
            )


def dashes(panel: Json) -> set[object]:
    """Return the letters of the queries that are limits: they are compared with, and lead nowhere."""
    overrides = listed(at(panel, "fieldConfig", "overrides"))
    return {
        at(found, "matcher", "options")
        for found in overrides
        if any(change["id"] == "custom.lineStyle" for change in listed(found["properties"]))
    }


def spelled(expr: str, values: Mapping[str, str]) -> str:
    """Return an expression with Grafana's variables replaced as Grafana does."""
    text = expr.replace("$__rate_interval", RATE_INTERVAL).replace("$__range", RANGE)
    return re.sub(r"\$(\w+)", lambda found: values[found[1]], text)


class Asking:
    """Asks Prometheus what dashboards ask.

    Args:
        stack: With the Prometheus.
        boards: The dashboards.
    """

    def __init__(self, stack: Stack, boards: Sequence[Json]) -> None:
        self._stack = stack
        self._since = time.time()
        self._anything = {
            str(board["uid"]): {str(found["name"]): str(found.get("allValue")) for found in variables(board)}
            for board in boards
        }
        self.questions = [question for board in boards for question in questions(board)]

    def silent(self, *but: Mapping[Key, str]) -> list[str]:
        """Ask what has not answered yet; return what still has not."""
        for question in self.questions:
            if not question.answered:
                self._ask(question)
        excused = {*itertools.chain.from_iterable(but)}
        return [
            f"{question.key}: {question.said}: {question.expr}"
            for question in self.questions
            if not question.answered and question.key not in excused
        ]

    def _ask(self, question: Question) -> None:
        series = self.series(question, {})
        # An alert of a symbol has one, others have not.
        wanted = question.labels - ({"symbol"} if "ALERTS" in question.expr else set())
        named = [found for found in series if wanted <= set(found)]
        question.answered = bool(series) and len(named) == len(series)
        question.said = f"{len(series)} series, {len(named)} with {sorted(wanted)}"

    def series(self, question: Question, values: Mapping[str, str]) -> list[Json]:
        """Return the labels of each series that has numbers; what is not chosen is anything."""
        expr = spelled(question.expr, {**self._anything[question.key[0]], **values})
        now = time.time()
        if question.instant:
            answer = self._get("query", query=expr, time=now)
        else:
            answer = self._get("query_range", query=expr, start=self._since, end=now, step=STEP)
        assert answer["status"] == "success", f"{question.key}: {answer['error']}: {expr}"
        remarks = [remark for remark in strings(answer.get("warnings")) if NO_COUNTER not in remark]
        assert not remarks, f"{question.key}: {remarks}"
        return [
            mapping(found["metric"]) for found in listed(at(answer, "data", "result")) if has_number(found)
        ]

    def _get(self, path: str, **asked: str | float) -> Json:
        url = f"{self._stack.url}/api/v1/{path}?{urllib.parse.urlencode(asked)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - ours
                return mapping(json.load(answer))
        except urllib.error.HTTPError as failure:
            with failure:
                return mapping(json.load(failure))


def strings(value: object) -> list[str]:
    """Return the entries of a list that may not be there."""
    return [str(entry) for entry in value] if isinstance(value, list) else []


def has_number(found: Json) -> bool:
    """Tell whether a series has a value that is one."""
    values = found.get("values") or [found.get("value")]
    assert isinstance(values, list)
    return any(value[1] not in {"NaN", "+Inf", "-Inf"} for value in values)


@pytest.mark.timeout(5 * PATIENCE)
def test_every_panel_and_every_variable_answers(pair: Pair, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    boards = committed()
    with (
        desk.program.wait_ready(),
        Stack(pair=pair, folder=tmp_path / "stack", targets=[desk.address], factor=FACTOR) as stack,
    ):
        asking = Asking(stack, boards)
        left: list[str] = []

        def answered(*but: Mapping[Key, str]) -> bool:
            desk.live()
            left[:] = asking.silent(*but)
            # Each look asks for hundreds of series.
            time.sleep(0.5)
            return not left

        wait_for(lambda: bool(stack.query(TAKEN_OVER)), seconds=PATIENCE, what=lambda: TAKEN_OVER)
        desk.bad_luck()
        wait_for(lambda: answered(EXCUSED, BROKEN), seconds=PATIENCE, what=lambda: "\n".join(left))
        desk.play(*FAULTS)
        wait_for(lambda: answered(EXCUSED), seconds=PATIENCE, what=lambda: "\n".join(left))
        chosen_alone = {
            question.key: found
            for question in asking.questions
            for found in asking.series(question, {"terminal": "demo-3"})
            if "terminal=~" in question.expr and found.get("terminal", "demo-3") != "demo-3"
        }

    assert chosen_alone == {}


def test_an_exception_is_a_panel_that_is_there() -> None:
    titles = {(str(board["uid"]), str(panel["title"])) for board in committed() for panel in panels(board)}

    assert {*EXCUSED, *BROKEN} <= titles
