"""The peer in an environment of its own: installed once, by pip, from PyPI."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.conftest import TOOLS

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
PEER = "strategytester5"
PATIENCE = 120.0
"""Seconds that pip may take, for some 100 MB of wheels."""


@pytest.fixture(scope="session")
def peer_python() -> Path:
    """Return an interpreter that has the peer; without a network this skips, and fails under CI."""
    home = TOOLS / "peer"
    python = home / "bin" / "python"
    installed = home / "installed"
    wanted = f"{sys.version}\n{REQUIREMENTS.read_text()}"
    if installed.exists() and installed.read_text() == wanted:
        return python
    venv.create(home, clear=True, with_pip=True)
    alone, others = split(REQUIREMENTS.read_text().split())
    for arguments in (others, ["--no-deps", *alone]):
        if problem := install(python, arguments):
            text = f"{PEER} cannot be installed: {problem}"
            if os.environ.get("CI") == "true":
                pytest.fail(text)
            pytest.skip(text)
    installed.write_text(wanted)
    return python


def install(python: Path, arguments: list[str]) -> str:
    """Install from PyPI; return what went wrong in a line, nothing when it went well."""
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries=1"]
    try:
        done = subprocess.run(
            [*pip, "--only-binary=:all:", *arguments],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not within {PATIENCE:g} s"
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""


def split(requirements: list[str]) -> tuple[list[str], list[str]]:
    """Return the peer, which would ask for the genuine module and for a web server, and what it does need."""
    alone = [each for each in requirements if each.startswith(PEER)]
    return alone, [each for each in requirements if each not in alone]
