"""A Windows Python with the genuine MetaTrader5 package, under Wine; made by `tests/real_mt5/setup`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from tests.conftest import ROOT

HOME = ROOT / ".tools" / "wine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """How to run Python there, and where its drive C is."""

    python: Path
    prefix: Path

    @property
    def environment(self) -> dict[str, str]:
        """What Wine needs to see."""
        return {"WINEPREFIX": str(self.prefix), "WINEDEBUG": "-all"}

    @property
    def interpreter(self) -> list[str]:
        """The command as a configuration names it."""
        return ["wine", as_windows(self.python)]

    def start(self, *arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.Popen[str]:
        """Start Windows Python; its stdin is a pipe, since it refuses a file."""
        return subprocess.Popen(
            ["wine", str(self.python), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=cwd,
            env={**os.environ, **self.environment, **environment},
        )

    def run(self, *arguments: str) -> str:
        """Run Windows Python to its end and return what it printed."""
        process = self.start(*arguments)
        printed, _ = process.communicate(timeout=60)
        assert process.returncode == 0, printed
        return printed

    def folder(self, path: str) -> Path:
        """Return the folder here that is `path` on drive C there."""
        return self.prefix / "drive_c" / Path(*path.split("\\"))


def missing(text: str) -> NoReturn:
    """Skip here, and fail under CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(text)
    pytest.skip(text)


def as_windows(path: Path) -> str:
    """Return a path of this machine as Wine shows it."""
    return "Z:" + str(path).replace("/", "\\")


@pytest.fixture(scope="session")
def windows() -> Iterator[Windows]:
    """The Windows Python; where Wine is missing these tests are skipped, and fail under CI."""
    found = Windows(python=HOME / "python" / "python.exe", prefix=HOME / "prefix")
    if not all(shutil.which(program) for program in ("wine", "x86_64-w64-mingw32-gcc", "unzip")):
        missing("Wine is missing: apt-get install wine wine64 gcc-mingw-w64-x86-64-win32 unzip")
    made = subprocess.run(
        [str(ROOT / "tests" / "real_mt5" / "setup")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHON": sys.executable},
    )
    if made.returncode != 0:
        missing(made.stderr.strip() or made.stdout.strip())
    yield found
    subprocess.run(["wineserver", "-k"], env={**os.environ, **found.environment}, check=False)
