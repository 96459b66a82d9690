"""Scaling shortens durations and leaves everything else as it is shipped."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.stack.scaling import DURATION, KEYS, divided, milliseconds, scaled
from tests.stack.stack import ALERTS, RULES

FACTOR = 12
SHIPPED = [*sorted(RULES.glob("*.rules.yml")), ALERTS / "alertmanager.yml", ALERTS / "prometheus.yml"]

Leaf = str | int | float | bool | None
Path_ = tuple[str | int, ...]


def leaves(tree: object, path: Path_ = ()) -> Iterator[tuple[Path_, Leaf]]:
    """Yield each scalar of a parsed document with where it stands."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, (*path, str(key)))
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            yield from leaves(value, (*path, number))
    else:
        assert tree is None or isinstance(tree, (str, int, float, bool))
        yield path, tree


def without_durations(text: str) -> str:
    """Return an expression with every duration that Prometheus would read as one replaced by a mark."""
    text = re.sub(rf"\[{DURATION}(:)?(?:{DURATION})?\]", r"[T\1]", text)
    text = re.sub(rf"\boffset +{DURATION}", "offset T", text)
    return re.sub(r"(predict_linear\([^()]*\], )[0-9.]+\)", r"\1T)", text)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_only_durations_change(path: Path) -> None:
    text = path.read_text()

    before = dict(leaves(yaml.safe_load(text)))
    after = dict(leaves(yaml.safe_load(scaled(text, FACTOR))))

    assert list(before) == list(after)
    for where, value in before.items():
        if re.fullmatch(KEYS, str(where[-1])):
            assert after[where] == divided(str(value), FACTOR), where
        elif where[-1] == "expr":
            assert without_durations(str(after[where])) == without_durations(str(value)), where
        else:
            assert after[where] == value, where


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_duration_changes_by_the_one_factor(path: Path) -> None:
    text = re.sub(r"(?m)^ *#.*$", "", path.read_text())
    found = re.compile(rf"(?:{KEYS}): +({DURATION})$|\[({DURATION})|offset +({DURATION})", re.MULTILINE)

    before = [milliseconds("".join(groups)) for groups in found.findall(text)]
    after = [milliseconds("".join(groups)) for groups in found.findall(scaled(text, FACTOR))]

    assert len(before) == len(after)
    assert before or path.name == "links.rules.yml"
    for long, short in zip(before, after, strict=True):
        assert short == pytest.approx(long / FACTOR, abs=0.5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("    for: 2m\n", "    for: 10000ms\n"),
        ("    for: 1h30m  # why\n", "    for: 450000ms  # why\n"),
        ("  - group_wait: 0s\n", "  - group_wait: 0ms\n"),
        ("expr: rate(x:rate5m[5m]) > 5\n", "expr: rate(x:rate5m[25000ms]) > 5\n"),
        ("max_over_time(x[1h:1m])", "max_over_time(x[300000ms:5000ms])"),
        ("x[1h:]", "x[300000ms:]"),
        ("x offset 1h", "x offset 300000ms"),
        ("predict_linear(x[30m], 3600) < 0", "predict_linear(x[150000ms], 300) < 0"),
        ("time() - x > 3600", "time() - x > 3600"),
        ("summary: It waits for 5m.\n", "summary: It waits for 5m.\n"),
        ("    before: 5m\n", "    before: 5m\n"),
    ],
)
def test_a_duration_is_known_by_where_it_stands(text: str, expected: str) -> None:
    assert scaled(text, FACTOR) == expected
