"""Docker and Docker Compose, as commands with deadlines."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.stack.tools import TOOLS

COMPOSE = TOOLS / "compose" / "usr" / "libexec" / "docker" / "cli-plugins" / "docker-compose"
"""The plugin that `docker compose` runs, which runs by itself as well."""

NEEDED = {"docker": "docker-cli or docker.io", "mmdebstrap": "mmdebstrap"}


def missing() -> str:
    """Return what is not here, empty where all is."""
    for program, package in NEEDED.items():
        if shutil.which(program) is None:
            return f"{program} is missing: install {package}"
    if not COMPOSE.exists():
        return "Docker Compose is missing: run `make tools`"
    asked = subprocess.run(["docker", "info"], capture_output=True, text=True, check=False, timeout=60)
    if asked.returncode:
        return "no Docker engine answers: " + asked.stderr.strip().splitlines()[-1]
    return ""


def run(
    command: Sequence[str],
    *,
    seconds: float,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> str:
    """Run a command and return what it wrote to stdout.

    Raises:
        AssertionError: It failed; the message has all that it wrote.
        subprocess.TimeoutExpired: It took too long, and was ended.
    """
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        shown = " ".join(command)
        raise AssertionError(f"{shown}: exit status {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def docker(*arguments: str, seconds: float = 60) -> str:
    """Run a docker command and return what it wrote to stdout."""
    return run(["docker", *arguments], seconds=seconds)
