"""Programs that PyPI brings into the environment of the tests."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import pytest


class Checker(Protocol):
    """Runs a program with arguments, and returns what it wrote to stdout."""

    def __call__(self, name: str, *arguments: str | Path) -> str: ...


@pytest.fixture
def check() -> Checker:
    """Run a program beside our Python; a missing one skips the test here, and fails it under CI."""

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
