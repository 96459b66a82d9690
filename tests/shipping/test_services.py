"""The systemd unit and Windows' task and service: what their programs would say, and that they start ours."""

import re
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from mt5_exporter.cli import parser
from tests.shipping.files import DEPLOY

UNIT = DEPLOY / "systemd" / "mt5-exporter.service"
WINE = DEPLOY / "systemd" / "mt5-exporter-wine.conf"
WINDOWS = DEPLOY / "windows"
PROGRAM = "/opt/mt5-exporter/bin/mt5-exporter"

Tool = Callable[[str], str]


def analyse(tool: Tool, folder: Path, *arguments: str, wine: bool = False) -> None:
    """Let systemd-analyze look at the unit, whose program is not installed here."""
    unit = folder / UNIT.name
    unit.write_text(UNIT.read_text(encoding="utf-8").replace(PROGRAM, "/bin/true"), encoding="utf-8")
    if wine:
        drop_in = folder / f"{UNIT.name}.d" / "wine.conf"
        drop_in.parent.mkdir()
        drop_in.write_bytes(WINE.read_bytes())
    done = subprocess.run(
        [tool("systemd-analyze"), *arguments, str(unit)],
        env={"SYSTEMD_UNIT_PATH": f"{folder}:", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert str(unit) not in done.stderr, done.stderr


@pytest.mark.parametrize("wine", [False, True], ids=["remote", "wine"])
def test_systemd_takes_the_unit_without_a_warning(tool: Tool, tmp_path: Path, wine: bool) -> None:
    analyse(tool, tmp_path, "verify", "--man=no", wine=wine)


def test_the_unit_is_exposed_to_little(tool: Tool, tmp_path: Path) -> None:
    # Tenths: systemd's own words for up to 2.0 of 10 are OK.
    analyse(tool, tmp_path, "security", "--offline=yes", "--no-pager", "--threshold=20")


def test_the_unit_checks_the_configuration_before_it_serves_it() -> None:
    unit = UNIT.read_text(encoding="utf-8")
    commands = re.findall(r"^Exec(?:Start|StartPre)=(\S+) (.*)$", unit, re.MULTILINE)

    assert [program for program, _ in commands] == [PROGRAM, PROGRAM]
    checked, served = (vars(parser({}).parse_args(flags.split())) for _, flags in commands)
    assert checked["config.file"] == served["config.file"] == "/etc/mt5-exporter/mt5-exporter.yml"
    assert checked["config.check"]
    assert not served["config.check"]


def test_the_task_starts_the_exporter_at_log_on_and_lets_it_run() -> None:
    names = {"": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
    task = ET.parse(WINDOWS / "mt5-exporter.task.xml")  # noqa: S314 - ours

    def text(path: str) -> str | None:
        return task.findtext(path, namespaces=names)

    assert task.find("Triggers/LogonTrigger", namespaces=names) is not None
    assert text("Settings/ExecutionTimeLimit") == "PT0S"
    assert text("Settings/MultipleInstancesPolicy") == "IgnoreNew"
    assert text("Principals/Principal/RunLevel") == "LeastPrivilege"
    flags = vars(parser({}).parse_args([text("Actions/Exec/Arguments") or ""]))
    assert flags["config.file"] == r"C:\mt5-exporter\mt5-exporter.yml"


def test_the_service_starts_the_same_program_as_the_task() -> None:
    names = {"": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
    task = ET.parse(WINDOWS / "mt5-exporter.task.xml")  # noqa: S314 - ours
    service = ET.parse(WINDOWS / "mt5-exporter.winsw.xml")  # noqa: S314 - ours

    for theirs, ours in (
        ("Command", "executable"),
        ("Arguments", "arguments"),
        ("WorkingDirectory", "workingdirectory"),
    ):
        assert service.findtext(ours) == task.findtext(f"Actions/Exec/{theirs}", namespaces=names)
