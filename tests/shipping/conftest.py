"""Programs that PyPI brings into the environment of the tests."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Checker = Callable[..., str]


@pytest.fixture
def check() -> Checker:
    """Run a program that lies beside our Python; what is missing skips the test here, and fails it under CI."""

    def run(name: str, *arguments: str | Path) -> str:
        found = Path(sys.executable).with_name(name)
        if not found.exists():
            text = f"{name} is missing: run `make .venv/.dev`"
            if os.environ.get("CI") == "true":
                pytest.fail(text)
            pytest.skip(text)
        done = subprocess.run(
            [str(found), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
        return done.stdout

    return run
