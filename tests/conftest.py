"""What every test gets: a clean environment, and property tests that do not mind a slow machine."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("project", deadline=None)
hypothesis.settings.load_profile("project")

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / ".tools"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("MT5_"):
            monkeypatch.delenv(name)


@pytest.fixture
def tool() -> Callable[[str], str]:
    """Return the path of an outside program; a missing one skips the test here, and fails it under CI."""

    def find(name: str) -> str:
        found = shutil.which(name, path=f"{TOOLS / 'usr' / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}")
        if found is not None:
            return found
        text = f"{name} is missing: install it, or run `make tools`"
        if os.environ.get("CI") == "true":
            pytest.fail(text)
        pytest.skip(text)

    return find
