"""The Dockerfiles, their context, and the script that pins images; an engine builds them in tests/compose."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.shipping.conftest import Checker
from tests.shipping.files import COMPOSE

DOCKERFILES = ("Dockerfile", "Dockerfile.wine")
PIN = ROOT / "deploy" / "pin-images"
DIGEST = "sha256:" + "a" * 64

DOCKER = """\
#!/bin/sh
case "$1 $2" in
"pull --quiet") echo "$3" >>"$PULLED" ;;
"image inspect") echo "registry.example/some@$DIGEST" ;;
*) exit 1 ;;
esac
"""


@pytest.mark.parametrize("name", DOCKERFILES)
def test_hadolint_has_nothing_to_say(check: Checker, name: str) -> None:
    check("hadolint", "--failure-threshold", "info", ROOT / "exporter" / name)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_an_image_ends_as_a_numbered_user_that_is_not_root(name: str) -> None:
    text = (ROOT / "exporter" / name).read_text(encoding="utf-8")

    assert re.findall(r"^USER (.*)$", text, re.MULTILINE)[-1] == "10685:10685"


def test_the_image_installs_by_hash_and_asks_the_exporter_itself_for_its_health() -> None:
    text = (ROOT / "exporter" / "Dockerfile").read_text(encoding="utf-8")

    assert text.count("--require-hashes") == text.count(".lock \\\n &&") + text.count(".lock\n") == 2
    assert 'CMD ["mt5tool", "check", "health", "http://127.0.0.1:10685"]' in text
    assert re.search(r"^ARG PYTHON_IMAGE=python:\d+\.\d+\.\d+-slim-\w+$", text, re.MULTILINE)
    assert "://" not in text.replace("http://127.0.0.1:10685", "")


def test_compose_and_the_dockerfile_name_the_same_python() -> None:
    [ours] = re.findall(
        r"^ARG PYTHON_IMAGE=(.*)$", (ROOT / "exporter" / "Dockerfile").read_text(), re.MULTILINE
    )

    assert f"${{PYTHON_IMAGE:-{ours}}}" in COMPOSE.read_text(encoding="utf-8")


def test_nothing_gets_into_the_context_but_what_the_dockerfiles_copy() -> None:
    allowed = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }

    copied = set()
    for name in DOCKERFILES:
        for line in re.findall(
            r"^COPY (?!--from)(.*)$", (ROOT / "exporter" / name).read_text(), re.MULTILINE
        ):
            copied |= set(line.split()[:-1])
    assert copied == allowed
    assert all((ROOT / path).exists() for path in copied)


def pin(folder: Path, environment: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run deploy/pin-images in a folder with a docker that knows one digest."""
    (folder / "deploy").mkdir()
    (folder / "docker-compose.yml").write_bytes(COMPOSE.read_bytes())
    script = folder / "deploy" / "pin-images"
    script.write_bytes(PIN.read_bytes())
    docker = folder / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    (folder / ".env").write_text(environment)
    return subprocess.run(
        ["sh", str(script), *arguments],
        env={
            "PATH": f"{docker.parent}{os.pathsep}{os.environ['PATH']}",
            "PULLED": str(folder / "pulled"),
            "DIGEST": DIGEST,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


def test_pinning_adds_each_image_with_its_digest_and_keeps_the_rest(tmp_path: Path) -> None:
    kept = f"GRAFANA_PORT=3001\nGRAFANA_IMAGE=grafana/grafana:1.2.3@sha256:{'b' * 64}\n"

    done = pin(tmp_path, f"{kept}PROMETHEUS_IMAGE=mirror.example/prometheus:v3.0.0\n")

    assert done.returncode == 0, done.stderr
    lines = (tmp_path / ".env").read_text().splitlines()
    assert lines[:2] == kept.splitlines()
    assert f"PROMETHEUS_IMAGE=mirror.example/prometheus:v3.0.0@{DIGEST}" in lines
    assert re.search(
        rf"^ALERTMANAGER_IMAGE=prom/alertmanager:v\d+\.\d+\.\d+@{DIGEST}$", "\n".join(lines), re.MULTILINE
    )
    assert len(lines) == 5
    assert "grafana" not in (tmp_path / "pulled").read_text()


def test_checking_pins_writes_nothing_and_fails_where_one_is_missing(tmp_path: Path) -> None:
    done = pin(tmp_path, "GRAFANA_PORT=3001\n", "--check")

    assert done.returncode == 1
    assert "PROMETHEUS_IMAGE: prom/prometheus:" in done.stderr
    assert (tmp_path / ".env").read_text() == "GRAFANA_PORT=3001\n"


@pytest.mark.parametrize("script", ["pin-images", "wine/start"])
def test_a_script_is_sound_and_may_be_run(script: str) -> None:
    path = ROOT / "deploy" / script

    assert os.access(path, os.X_OK)
    subprocess.run(["sh", "-n", str(path)], check=True, timeout=20)
