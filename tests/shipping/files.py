"""The shipped files, as values."""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml
from packaging.requirements import Requirement

from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"
COMPOSE = ROOT / "docker-compose.yml"


def documents(path: Path) -> list[dict[str, object]]:
    """Return the documents of a YAML file."""
    return [found for found in yaml.safe_load_all(path.read_text(encoding="utf-8")) if found]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One entry of a lock.

    Attributes:
        requirement: Name, version and marker.
        hashes: What its files may be.
    """

    requirement: Requirement
    hashes: frozenset[str]

    @property
    def name(self) -> str:
        """Return the name as PyPI compares it."""
        return canonical(self.requirement.name)

    @property
    def version(self) -> str:
        """Return the one version."""
        [found] = self.requirement.specifier
        assert found.operator == "=="
        return found.version


def canonical(name: str) -> str:
    """Return a distribution's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def lock(path: Path) -> list[Pin]:
    """Return what a lock pins."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    entries = text.replace("\\\n", " ").splitlines()
    return [
        Pin(
            requirement=Requirement(entry.split("--hash=")[0].strip()),
            hashes=frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})(?=\s|$)", entry)),
        )
        for entry in entries
        if entry.strip()
    ]
