"""The promtools that the rules are held against: the oldest that is promised, and a newer one."""

import os
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / ".tools"


@pytest.fixture(params=["2.42", "2.53"])
def promtool(request: pytest.FixtureRequest) -> str:
    """Return the path of a promtool; a missing one skips the test here, and fails it under CI."""
    found = TOOLS / f"prometheus-{request.param}" / "usr" / "bin" / "promtool"
    if found.exists():
        return str(found)
    text = f"promtool {request.param} is missing: run `make tools`"
    if os.environ.get("CI") == "true":
        pytest.fail(text)
    pytest.skip(text)
