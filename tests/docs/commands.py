"""What can be done here with a command of a page: run it, or hold it against its program's own parser."""

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PureWindowsPath

import rpyc.cli.rpyc_classic

from mt5_exporter import cli, tool
from tests.conftest import ROOT

NOT_HERE: Mapping[str, str] = {
    "wine": "installs Python into a Wine prefix from python.org; tests/real_mt5 does it from what it has",
    "ssh": "needs another machine",
    "systemctl": "needs systemd, and the unit installed",
    "py": "Windows' launcher of Python",
}
"""The programs that are not run here, and why; each is still looked at as far as that goes."""

BIN = Path(sys.executable).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def words(command: str, *, windows: bool = False) -> list[str]:
    """Return a command's words; the first is the program's name alone."""
    found = shlex.split(command, posix=not windows)
    return [PureWindowsPath(found[0]).name if windows else found[0], *found[1:]]


def check(line: Sequence[str], folder: Path) -> None:
    """Run a command in a folder that has what the page says, or check it; raises AssertionError."""
    program, *arguments = line
    assert program in CHECKS or program in NOT_HERE, f"nobody checks {program}"
    if program in CHECKS:
        CHECKS[program](arguments, folder)


def run(line: Sequence[str], folder: Path) -> None:
    ended = subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=50, check=False)
    assert ended.returncode == 0, f"{line}: {ended.stdout}{ended.stderr}"


def exporter(arguments: Sequence[str], folder: Path) -> None:
    if "--version" in arguments or ("--config.check" in arguments and "C:" not in " ".join(arguments)):
        run([str(BIN / "mt5-exporter"), *arguments], folder)
    else:
        # To serve is what tests/process and tests/stack do.
        cli.parser({}).parse_args(arguments)


def mt5tool(arguments: Sequence[str], folder: Path) -> None:
    if arguments[:2] == ["check", "health"]:
        tool.parser().parse_args(arguments)
    else:
        run([str(BIN / "mt5tool"), *arguments], folder)


def make(arguments: Sequence[str], folder: Path) -> None:
    rules = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{re.escape(target)}:", rules, re.MULTILINE) for target in arguments)


def pip(arguments: Sequence[str], folder: Path) -> None:
    """Hold names and extras against our own; nothing is fetched."""
    assert arguments[0] == "install"
    for name in arguments[1:]:
        found = re.fullmatch(r"--upgrade|([\w-]+)(?:\[(\w+)\])?", name)
        assert found, name
        assert found[1] in {None, "mt5-exporter", "MetaTrader5"}
        assert found[2] is None or found[2] in PROJECT["optional-dependencies"]


def rpyc_classic(arguments: Sequence[str], folder: Path) -> None:
    """Let the server's own parser take the flags; their files have to be there, as those of openssl are."""
    server = rpyc.cli.rpyc_classic.ClassicServer("rpyc_classic")
    server._parse_args([absolute(word, folder) for word in arguments])


def absolute(word: str, folder: Path) -> str:
    """Return a word, or the whole path of the file in the folder that it names."""
    return str(folder / word) if (folder / word).is_file() else word


def python(arguments: Sequence[str], folder: Path) -> None:
    assert arguments[:2] == ["-m", "venv"]
    # Without pip, which takes seconds.
    run([sys.executable, *arguments, "--without-pip"], folder)


def plainly(program: str) -> Callable[[Sequence[str], Path], None]:
    return lambda arguments, folder: run([program, *arguments], folder)


CHECKS: Mapping[str, Callable[[Sequence[str], Path], None]] = {
    "mt5-exporter": exporter,
    "mt5tool": mt5tool,
    "make": make,
    "pip": pip,
    "rpyc_classic": rpyc_classic,
    "python3": python,
    "openssl": plainly("openssl"),
    "cp": plainly("cp"),
    "chmod": plainly("chmod"),
}
