"""The Prometheus and Alertmanager that `make tools` unpacked, and how to start them without root."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools"

DEFAULT_TEMPLATE = Path("/usr/share/prometheus/alertmanager/default.tmpl")
"""Debian's Alertmanager reads it there at its start, and nowhere else."""

INSTALLED = """\
set -e
cd "$1"
mount -t overlay -o lowerdir=usr/share:/usr/share none /usr/share
cd "$2"
shift 2
exec "$@"
"""
"""Sees an unpacked package's /usr/share over the machine's, in a mount namespace of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A Prometheus and the Alertmanager of its time, with their tools.

    Attributes:
        name: Prometheus' version.
        alertmanager_version: Alertmanager's.
        folder: Where both packages are unpacked.
    """

    name: str
    alertmanager_version: tuple[int, int]
    folder: Path

    @property
    def there(self) -> bool:
        """Tell whether it is unpacked."""
        return (TOOLS / "versions").exists() and self.folder.exists()

    def program(self, name: str) -> str:
        """Return the path of one of its programs."""
        return str(self.folder / "usr" / "bin" / name)

    def alertmanager(self, arguments: Sequence[str]) -> list[str]:
        """Return a command that runs Alertmanager, in the place of the process that is started."""
        command = [self.program("prometheus-alertmanager"), *arguments]
        if DEFAULT_TEMPLATE.exists():
            return command
        return ["unshare", "-rm", "sh", "-c", INSTALLED, "sh", str(self.folder), str(Path.cwd()), *command]


OLD = Pair(name="2.42", alertmanager_version=(0, 25), folder=TOOLS / "prometheus-2.42")
NEW = Pair(name="2.53", alertmanager_version=(0, 28), folder=TOOLS / "prometheus-2.53")
PAIRS = (OLD, NEW)


def namespaces_missing() -> str:
    """Return why Alertmanager cannot start here, empty where it can."""
    if DEFAULT_TEMPLATE.exists():
        return ""
    try:
        tried = ["unshare", "-rm", "sh", "-c", INSTALLED, "sh", str(PAIRS[0].folder), "/", "true"]
        found = subprocess.run(tried, capture_output=True, text=True, check=False, timeout=20)
    except FileNotFoundError as error:
        return f"Alertmanager wants {DEFAULT_TEMPLATE} and there is no {error.filename} to show it one"
    if found.returncode == 0:
        return ""
    problem = found.stderr.strip()
    return f"Alertmanager wants {DEFAULT_TEMPLATE} and no mount namespace can show it one: {problem}"


def bound_to_us(command: Sequence[str]) -> list[str]:
    """Return a command that ends with the thread that starts it, even when we are killed; where we can."""
    if shutil.which("setpriv") is None:
        return list(command)
    return ["setpriv", "--pdeathsig", "KILL", "--", *command]
