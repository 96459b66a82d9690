"""What the near side sends to a fresh interpreter, made by hand, and what comes back."""

import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import mt5_exporter.far
from mt5_exporter.far import wire

COMMAND = [
    sys.executable,
    "-I",
    "-c",
    "import sys;r=sys.stdin.buffer;exec(r.read(int.from_bytes(r.read(4),'big')))",
]
FAR = Path(mt5_exporter.far.__file__).parent
SCRIPTED = Path(__file__).with_name("scripted_driver.py")

Modules = dict[str, tuple[str, str]]


def modules() -> Modules:
    """Return the far side's core and the scripted driver in place of the simulated one."""
    files = {
        "mt5_exporter.far": FAR / "__init__.py",
        "mt5_exporter.far.call": FAR / "call.py",
        "mt5_exporter.far.wire": FAR / "wire.py",
        "mt5_exporter.far.worker": FAR / "worker.py",
        "mt5_exporter.far.drivers": FAR / "drivers" / "__init__.py",
        "mt5_exporter.far.drivers.base": FAR / "drivers" / "base.py",
        "mt5_exporter.far.drivers.simulated": SCRIPTED,
    }
    read = {name: (file.read_text(encoding="utf-8"), str(file)) for name, file in files.items()}
    return {"mt5_exporter": ("", str(FAR.parent / "__init__.py")), **read}


def start(sent: Modules | None = None) -> bytes:
    """Return the bootstrap's text and the bundle, each after its length."""
    texts = ((FAR / "bootstrap.py").read_bytes(), json.dumps(sent or modules()).encode())
    return b"".join(len(text).to_bytes(4, "big") + text for text in texts)


def request(*functions: str, budget: float = 5.0, **more: object) -> dict[str, object]:
    """Return a request for calls without arguments."""
    calls = [{"function": function} for function in functions]
    return {"id": 1, "op": "call", "budget": budget, "calls": calls, **more}


def frames(stream: bytes) -> list[Mapping[str, object]]:
    """Return every frame of a stream."""
    reader = io.BytesIO(stream)
    found: list[Mapping[str, object]] = []
    while (frame := wire.read(reader)) is not None:
        found.append(frame)
    return found
