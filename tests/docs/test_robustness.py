"""docs/robustness.md: each test that it names exists, and the keys that it calls live are."""

import re
from pathlib import Path

from mt5_exporter.difference import LIVE

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "robustness.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[a-z_/0-9]+\.py)::(test_\w+)`", TEXT)


def test_each_test_that_is_named_exists() -> None:
    missing = [
        f"{file}::{name}"
        for file, name in NAMED
        if not re.search(
            rf"^(?:async )?def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE
        )
    ]

    assert missing == []


def test_each_point_from_16_to_31_has_a_test() -> None:
    rows = re.findall(r"^\| T(\d+) \|.*::test_", TEXT, re.MULTILINE)

    assert sorted(set(map(int, rows))) == list(range(16, 32))


def test_the_live_keys_are_those_that_are_applied_live() -> None:
    listed = re.search(r"<!-- live -->(.*?)<!-- /live -->", TEXT, re.DOTALL)

    assert listed
    assert set(re.findall(r"`(\w+)`", listed[1])) == LIVE
