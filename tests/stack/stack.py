"""The alerting stack as it is shipped: Prometheus, Alertmanager and a webhook, on free ports of loopback."""

import contextlib
import json
import shutil
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.stack.program import Program, free_ports, replaced
from tests.stack.receiver import Receiver, Told
from tests.stack.scaling import divided, scaled
from tests.stack.tools import ROOT, Pair

ALERTS = ROOT / "alerts"
RULES = ALERTS / "rules"
FLAGS = {"for-grace-period": "10m", "for-outage-tolerance": "1h", "resend-delay": "1m"}
"""Prometheus' durations outside of its configuration, by default."""


class Stack:
    """Started in full when it is entered; ended with all its processes.

    Attributes:
        receiver: The webhook.
        targets: Addresses of exporters, as they were written last.
        prometheus: Once entered.
        alertmanagers: Once entered.

    Args:
        pair: Which versions.
        folder: Where configurations, data and logs go.
        targets: Addresses of exporters.
        factor: By what every duration is divided.
        rules: The rule files.
        alertmanagers: How many, clustered.
        name: That of its webhook.
    """

    def __init__(
        self,
        *,
        pair: Pair,
        folder: Path,
        targets: Sequence[str],
        factor: int = 1,
        rules: Path = RULES,
        alertmanagers: int = 1,
        name: str = "",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.name = name
        self.receiver = Receiver(name=name)
        self._pair = pair
        self._factor = factor
        self._rules = rules
        self.targets = list(targets)
        self._ports = free_ports(1 + 2 * alertmanagers)
        self._alertmanager_ports = self._ports[1::2]
        self.prometheus: Program
        self.alertmanagers: list[Program] = []
        self._open = contextlib.ExitStack()

    @property
    def url(self) -> str:
        """Return Prometheus' address."""
        return f"http://127.0.0.1:{self._ports[0]}"

    @property
    def alertmanager_urls(self) -> list[str]:
        """Return each Alertmanager's address."""
        return [f"http://127.0.0.1:{port}" for port in self._alertmanager_ports]

    def write(self, *, targets: Sequence[str] | None = None) -> None:
        """Write the shipped files, scaled, with the addresses of here; SIGHUP makes them read again."""
        if targets is not None:
            self.targets = list(targets)
        shutil.copytree(ALERTS / "templates", self.folder / "templates", dirs_exist_ok=True)
        (self.folder / "rules").mkdir(exist_ok=True)
        for path in self._rules.glob("*.rules.yml"):
            (self.folder / "rules" / path.name).write_text(scaled(path.read_text(), self._factor))
        alertmanager = replaced(
            (ALERTS / "alertmanager.yml").read_text(), ("127.0.0.1:10686", f"127.0.0.1:{self.receiver.port}")
        )
        (self.folder / "alertmanager.yml").write_text(scaled(alertmanager, self._factor))
        prometheus = replaced(
            (ALERTS / "prometheus.yml").read_text(),
            ("targets: [127.0.0.1:10685]", f"targets: [{', '.join(self.targets)}]"),
            ("127.0.0.1:9093", ", ".join(f"127.0.0.1:{port}" for port in self._alertmanager_ports)),
            ("127.0.0.1:9090", f"127.0.0.1:{self._ports[0]}"),
        )
        (self.folder / "prometheus.yml").write_text(scaled(prometheus, self._factor))

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as opening:
            opening.enter_context(self.receiver)
            self.write()
            for number in range(len(self._alertmanager_ports)):
                self.alertmanagers.append(opening.enter_context(self._alertmanager(number)))
            for program in self.alertmanagers:
                program.wait_ready()
            self.prometheus = opening.enter_context(self._prometheus())
            self.prometheus.wait_ready()
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.close()

    def _alertmanager(self, number: int) -> Program:
        gossip = self._ports[2::2]
        alone = len(gossip) == 1
        arguments = [
            f"--config.file={self.folder / 'alertmanager.yml'}",
            f"--storage.path={self.folder / f'alertmanager-{number}'}",
            f"--web.listen-address=127.0.0.1:{self._alertmanager_ports[number]}",
            f"--cluster.listen-address={'' if alone else f'127.0.0.1:{gossip[number]}'}",
            *(f"--cluster.peer=127.0.0.1:{port}" for port in gossip if not alone and port != gossip[number]),
            f"--cluster.peer-timeout={divided('15s', self._factor)}",
            "--cluster.settle-timeout=5s",
        ]
        return Program(
            f"alertmanager-{number}",
            self._pair.alertmanager(arguments),
            folder=self.folder,
            ready=f"{self.alertmanager_urls[number]}/-/ready",
        )

    def _prometheus(self) -> Program:
        arguments = [
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{self._ports[0]}",
            *(f"--rules.alert.{flag}={divided(span, self._factor)}" for flag, span in FLAGS.items()),
        ]
        return Program(
            "prometheus",
            [self._pair.program("prometheus"), *arguments],
            folder=self.folder,
            ready=f"{self.url}/-/ready",
        )

    def told(self) -> list[Told]:
        """Return what the webhook was told, the dead man's switch left out."""
        return [told for told in self.receiver.told() if told.receiver != "deadman"]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Return an instant vector."""
        asked = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{asked}", timeout=10) as answer:  # noqa: S310 - ours
            found = json.load(answer)["data"]["result"]
        return [(sample["metric"], float(sample["value"][1])) for sample in found]
