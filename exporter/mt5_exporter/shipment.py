"""What comes along for Prometheus, Alertmanager and Grafana, and how it is written to a folder."""

import filecmp
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

INSTALLED = Path(__file__).parent / "shipped"
"""Where a wheel has it; pyproject.toml puts it there."""

CHECKOUT = Path(__file__).parents[2]

PARTS = {
    "alerts/alertmanager.yml": "alertmanager.yml",
    "alerts/prometheus.yml": "prometheus.yml",
    "alerts/rules": "rules",
    "alerts/runbooks": "runbooks",
    "alerts/templates": "templates",
    "dashboards/generated": "dashboards",
    "dashboards/provisioning": "provisioning",
}
"""Where each part is, and its name in the folder; prometheus.yml and alertmanager.yml find the rest there."""


class Occupied(Exception):
    """Files in the folder are others than those that would be written; its text names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One file: where it is, and its path in the folder."""

    source: Path
    path: Path


def items() -> Sequence[Item]:
    """Return everything that comes along, in order."""
    return sorted(_items(INSTALLED if INSTALLED.is_dir() else CHECKOUT), key=lambda item: item.path)


def _items(root: Path) -> Iterator[Item]:
    for inside, name in PARTS.items():
        part = root / inside
        if part.is_file():
            yield Item(source=part, path=Path(name))
        for source in part.rglob("*"):
            if source.is_file():
                yield Item(source=source, path=Path(name) / source.relative_to(part))


def write(folder: Path, *, overwrite: bool = False) -> Sequence[Item]:
    """Write everything to a folder, which may be there; return what is there now.

    Args:
        folder: Where to.
        overwrite: Whether files that somebody has changed there are replaced.

    Raises:
        Occupied: Some were changed, and nothing was written.
        OSError: The folder cannot be written.
    """
    found = items()
    changed = [
        str(item.path)
        for item in found
        if (folder / item.path).exists() and not filecmp.cmp(item.source, folder / item.path, shallow=False)
    ]
    if changed and not overwrite:
        raise Occupied(f"{folder} has other files than would be written: {', '.join(changed)}")
    for item in found:
        (folder / item.path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(item.source, folder / item.path)
    return found
