"""The rules and their unit tests in the eyes of promtool."""

import subprocess
from pathlib import Path

import pytest

from tests.alerts.shipped import RULES, TESTS


def test_promtool_finds_nothing_wrong_with_the_rules(promtool: str) -> None:
    checked = subprocess.run(
        [promtool, "check", "rules", "--lint=all", "--lint-fatal", *map(str, RULES)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.name)
def test_every_alert_fires_when_it_should_and_only_then(promtool: str, file: Path) -> None:
    tested = subprocess.run(
        [promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False, timeout=55
    )

    assert tested.returncode == 0, tested.stdout + tested.stderr
