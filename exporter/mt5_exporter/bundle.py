"""The far side as the bytes that a worker reads from its stdin."""

import functools
import importlib.resources
import json
from collections.abc import Iterator
from importlib.resources.abc import Traversable

from mt5_exporter.far import wire

FAR = "mt5_exporter.far"

BOOTSTRAP = "import sys;r=sys.stdin.buffer;exec(r.read(int.from_bytes(r.read(4),'big')))"
"""All that stands on the worker's command line, with no character that a shell or Wine would quote."""


@functools.cache
def bundle() -> bytes:
    """Return the whole far side as a worker reads it: bootstrap, then modules, each with its length."""
    root = importlib.resources.files(FAR)
    modules = {name: [source, file] for name, source, file in _sources(root, FAR)}
    # The far side calls itself by its real name; the parent package is an empty shell there.
    modules["mt5_exporter"] = ["", "mt5_exporter/__init__.py"]
    frames = (root.joinpath("bootstrap.py").read_bytes(), json.dumps(modules).encode("ascii"))
    return b"".join(len(frame).to_bytes(wire.HEADER, "big") + frame for frame in frames)


def _sources(folder: Traversable, package: str) -> Iterator[tuple[str, str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name == "__init__.py":
            yield package, entry.read_text(encoding="utf-8"), str(entry)
        elif entry.name.endswith(".py"):
            name = f"{package}.{entry.name.removesuffix('.py')}"
            yield name, entry.read_text(encoding="utf-8"), str(entry)
        elif entry.is_dir() and entry.name != "__pycache__":
            yield from _sources(entry, f"{package}.{entry.name}")
