"""What a worker does without: modules for which every one of them would pay in memory."""

import subprocess
import sys

from mt5_exporter.bundle import BOOTSTRAP, bundle
from mt5_exporter.far import wire
from tests.far.bundle import frames, request

HEAVY = {
    "ast",
    "ctypes",
    "dataclasses",
    "dis",
    "hashlib",
    "importlib.abc",
    "importlib.util",
    "inspect",
    "logging",
    "tokenize",
}
if sys.platform == "win32":
    # There it asks the system for its own memory.
    HEAVY.remove("ctypes")

TELL = "import atexit,sys;atexit.register(lambda:sys.stderr.write(' '.join(sys.modules)));"

# Without `site`: what that imports for the packages beside this interpreter is none of the worker's doing.
COMMAND = [sys.executable, "-I", "-S", "-c", TELL + BOOTSTRAP]


def test_a_worker_serves_a_simulated_terminal_without_any_heavy_module() -> None:
    sent = (
        bundle()
        + wire.encode({"driver": "simulated", "path": "", "simulation": {"seed": 1}})
        + wire.encode({"id": 1, "op": "connect", "budget": 20.0})
        + wire.encode(request("account_info", budget=20.0))
    )

    ended = subprocess.run(COMMAND, input=sent, capture_output=True, timeout=30, check=False)

    connected, answered = (frame["results"] for frame in frames(ended.stdout)[1:])
    assert isinstance(connected, list)
    assert isinstance(answered, list)
    assert (connected[0][:3], answered[0][1:3]) == ([True, 1, "Success"], [1, "Success"])
    imported = set(ended.stderr.decode().split())
    assert "mt5_exporter.far.drivers.simulated" in imported
    assert imported & HEAVY == set()
