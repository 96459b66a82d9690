"""The Compose project in a folder of its own: docker-compose.yml as it is, alerts with scaled durations."""

import json
import os
import shutil
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.compose.engine import COMPOSE, docker, run
from tests.stack.program import free_ports
from tests.stack.scaling import scaled
from tests.stack.tools import ROOT

FACTOR = 12
SHIPPED = (".env.example", "docker-compose.yml", "pyproject.toml", "README.md", "LICENSE", ".dockerignore")
FOLDERS = ("alerts", "dashboards", "deploy", "exporter")
SCALED = (
    "alerts/rules/*.rules.yml",
    "alerts/alertmanager.yml",
    "deploy/compose/prometheus.yml",
)

GUIDE = ROOT / "docs" / "containers.md"


def documented(*beginnings: str) -> list[str]:
    """Return the guide's commands that begin so, one each and in this order."""
    lines = [
        line.strip() for line in GUIDE.read_text(encoding="utf-8").splitlines() if line.startswith("    ")
    ]
    return [next(line for line in lines if line.startswith(beginning)) for beginning in beginnings]


class Project:
    """Up when it is entered; down, its volumes and its image included, when it is left.

    Attributes:
        folder: Where the copy is.
        name: What Compose calls it.
        password: Grafana's.
        port: Grafana's.

    Args:
        folder: Where the copy goes.
        images: The variables that name images.
    """

    def __init__(self, folder: Path, images: Mapping[str, str]) -> None:
        self.folder = folder
        self.name = f"mt5-test-{os.getpid()}"
        self.password = ""
        self.port = free_ports(1)[0]
        self.image = f"{self.name}:exporter"
        self._copy()
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("COMPOSE_", "GF_"))},
            **images,
            "EXPORTER_IMAGE": self.image,
            "GRAFANA_PORT": str(self.port),
        }

    def _copy(self) -> None:
        ignored = shutil.ignore_patterns("__pycache__")
        for name in SHIPPED:
            shutil.copy(ROOT / name, self.folder / name)
        for name in FOLDERS:
            if (ROOT / name).exists():
                shutil.copytree(ROOT / name, self.folder / name, ignore=ignored)
        for pattern in SCALED:
            for path in self.folder.glob(pattern):
                path.write_text(scaled(path.read_text(), FACTOR))
        # What the guide tells to do before the first `up`.
        commands = documented("cp .env.example", "chmod 700", "(umask 022")
        run(["sh", "-euc", "\n".join(commands)], seconds=30, folder=self.folder)
        secret = self.folder / "deploy" / "compose" / "secrets" / "grafana_admin_password"
        self.password = secret.read_text().strip()

    def compose(self, *arguments: str, seconds: float = 60) -> str:
        """Run `docker compose` with arguments in the project's folder."""
        command = [str(COMPOSE), "--project-name", self.name, *arguments]
        return run(command, seconds=seconds, environment=self._environment, folder=self.folder)

    def __enter__(self) -> Self:
        try:
            self.compose("build", "--quiet", seconds=300)
            self.compose("up", "--detach", "--wait", "--wait-timeout", "150", seconds=200)
        except BaseException as failure:
            failure.add_note(self.logs())
            self.down()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if value is not None:
            value.add_note(self.logs())
        self.down()

    def down(self) -> None:
        """End it and remove all that it has, the image that was built for it included."""
        self.compose("down", "--volumes", "--timeout", "20", seconds=120)
        if docker("images", "--quiet", self.image).strip():
            docker("rmi", "--force", self.image)

    def logs(self, *services: str) -> str:
        """Return the last lines of services' logs, of all by default."""
        return self.compose("logs", "--no-color", "--tail", "200", *services)

    def containers(self) -> Mapping[str, str]:
        """Return each service's container."""
        found = {}
        for identity in self.compose("ps", "--all", "--quiet").split():
            label = '{{index .Config.Labels "com.docker.compose.service"}}'
            found[docker("inspect", "--format", label, identity).strip()] = identity
        return found

    def health(self) -> Mapping[str, str]:
        """Return what each service's health check says."""
        return {
            service: docker("inspect", "--format", "{{.State.Health.Status}}", identity).strip()
            for service, identity in self.containers().items()
        }

    def play(self, *faults: str) -> None:
        """Let the demo's terminals play these faults, and no other."""
        entries = "".join(f"\n  - {{{fault}}}" for fault in faults)
        scenario = self.folder / "deploy" / "compose" / "demo" / "mt5-demo-scenario.yml"
        fresh = scenario.with_suffix(".new")
        fresh.write_text(f"faults:{entries or ' []'}\n")
        fresh.rename(scenario)

    def query(self, expression: str) -> Mapping[str, float]:
        """Return an instant vector of Prometheus', asked inside its container, by terminal or job."""
        asked = urllib.parse.urlencode({"query": expression})
        url = f"http://127.0.0.1:9090/api/v1/query?{asked}"
        found = json.loads(self.compose("exec", "-T", "prometheus", "wget", "-q", "-O", "-", url))
        return {
            sample["metric"].get("terminal", sample["metric"].get("job", "")): float(sample["value"][1])
            for sample in found["data"]["result"]
        }

    def left(self) -> list[str]:
        """Return what Docker still has of it."""
        mine = f"label=com.docker.compose.project={self.name}"
        return [
            f"{kind} {name}"
            for kind, flags in (("container", ["--all"]), ("network", []), ("volume", []))
            for name in docker(kind, "ls", *flags, "--quiet", "--filter", mine).split()
        ]

    def volumes(self) -> list[str]:
        """Return the names of the volumes that its containers have, those without a name of their own too."""
        names = '{{range .Mounts}}{{if eq .Type "volume"}}{{.Name}} {{end}}{{end}}'
        found = docker("inspect", "--format", names, *self.containers().values()).split()
        return sorted(set(found))

    def told(self) -> list[str]:
        """Return what the webhook has printed."""
        return docker("logs", self.containers()["webhook"]).splitlines()
