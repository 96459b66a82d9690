"""The locks: whatever pyproject.toml asks for, at one version each, by hash."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.conftest import ROOT
from tests.shipping.files import canonical, lock

LOCK = ROOT / "exporter" / "requirements.lock"
BUILD = ROOT / "exporter" / "build.lock"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PIP = [sys.executable, "-m", "pip", "install", "--quiet"]
SYSTEMS = {"linux": ("linux", "Linux", "posix"), "windows": ("win32", "Windows", "nt")}


def asked() -> list[Requirement]:
    """Return what the package and its extras ask for."""
    project = PYPROJECT["project"]
    extras = project.get("optional-dependencies", {}).values()
    return [Requirement(text) for texts in (project["dependencies"], *extras) for text in texts]


@pytest.mark.parametrize("system", sorted(SYSTEMS))
@pytest.mark.parametrize("python", ["3.11", "3.13"])
def test_every_dependency_is_pinned_once_within_its_bounds(system: str, python: str) -> None:
    platform, name, kind = SYSTEMS[system]
    there = {
        "sys_platform": platform,
        "platform_system": name,
        "os_name": kind,
        "python_version": python,
        "python_full_version": f"{python}.9",
    }

    def meant(requirement: Requirement) -> bool:
        return requirement.marker is None or requirement.marker.evaluate(there)

    chosen = [pin for pin in lock(LOCK) if meant(pin.requirement)]
    versions = {pin.name: pin.version for pin in chosen}
    assert len(versions) == len(chosen)
    for requirement in asked():
        # An extra may ask for others of ours.
        if meant(requirement) and requirement.name != PYPROJECT["project"]["name"]:
            version = versions[canonical(requirement.name)]
            assert requirement.specifier.contains(version, prereleases=True), requirement


def test_what_builds_the_package_is_pinned_as_well() -> None:
    versions = {pin.name: pin.version for pin in lock(BUILD)}

    for text in (*PYPROJECT["build-system"]["requires"], *PYPROJECT["dependency-groups"]["build"]):
        requirement = Requirement(text)
        assert requirement.specifier.contains(versions[canonical(requirement.name)])


@pytest.mark.parametrize("path", [LOCK, BUILD], ids=lambda path: path.stem)
def test_every_pin_has_hashes_and_no_file_names_an_index(path: Path) -> None:
    assert all(pin.hashes for pin in lock(path))
    assert "index-url" not in path.read_text(encoding="utf-8")


def test_the_lock_installs_by_its_hashes_and_what_it_installs_runs_the_exporter(tmp_path: Path) -> None:
    command = [*PIP, "--target", str(tmp_path), "--no-compile", "--only-binary", ":all:"]
    installed = subprocess.run(
        [*command, "--require-hashes", "--no-warn-conflicts", "-r", str(LOCK)],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert installed.returncode == 0, installed.stderr

    # -S: nothing of the environment that the tests run in.
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT / 'exporter'}"}
    program = "import sys; from mt5_exporter import app, tool; sys.exit(tool.main(sys.argv[1:]))"
    example = ROOT / "deploy" / "kubernetes" / "mt5-exporter.yml"
    ran = subprocess.run(
        [sys.executable, "-S", "-c", program, "check", "config", str(example)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert ran.returncode == 0, ran.stderr


def test_a_wrong_hash_is_refused(tmp_path: Path) -> None:
    pin = next(pin for pin in lock(LOCK) if pin.name == "uvicorn")
    wrong = tmp_path / "wrong.lock"
    wrong.write_text(f"{pin.requirement} --hash=sha256:{'0' * 64}\n", encoding="utf-8")

    tried = subprocess.run(
        [*PIP, "--target", str(tmp_path / "into"), "--no-deps", "--require-hashes", "-r", str(wrong)],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )

    assert tried.returncode != 0
    assert "DO NOT MATCH THE HASHES" in tried.stderr
