"""A wheel carries what `mt5tool bundle` writes, and Prometheus and Alertmanager take it as it is."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack.tools import ROOT, Pair

PATIENCE = 240


def run(*command: str | Path) -> str:
    """Run a program and return what it printed."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.timeout(4 * PATIENCE)
def test_a_bundle_of_an_installed_wheel_is_complete(newer: Pair, tmp_path: Path) -> None:
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, ROOT)
    [wheel] = tmp_path.glob("*.whl")
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
    programs = tmp_path / "venv" / "bin"
    run(sys.executable, "-m", "pip", "--python", programs / "python", "install", "-q", wheel)

    told = run(programs / "mt5tool", "bundle", tmp_path / "of-wheel")

    run(sys.executable, "-m", "mt5_exporter.tool", "bundle", tmp_path / "of-checkout")
    assert "7 dashboards" in told
    assert content(tmp_path / "of-wheel") == content(tmp_path / "of-checkout")
    run(newer.program("promtool"), "check", "config", tmp_path / "of-wheel" / "prometheus.yml")
    run(newer.program("amtool"), "check-config", tmp_path / "of-wheel" / "alertmanager.yml")


def content(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
