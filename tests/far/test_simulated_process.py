"""The effects that are real, each in a process of its own that it may harm."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mt5_exporter.far import wire
from mt5_exporter.far.drivers.simulated.effects import hold_gil

EXPORTER = Path(__file__).parents[2] / "exporter"
WORKER = "from mt5_exporter.far.worker import main; raise SystemExit(main())"


def frames(*messages: dict[str, object]) -> bytes:
    return b"".join(wire.encode(message) for message in messages)


def run(*faults: dict[str, object]) -> subprocess.CompletedProcess[bytes]:
    """Run a worker with a simulated terminal: connect, then one account_info."""
    settings: dict[str, object] = {
        "driver": "simulated",
        "path": "",
        "simulation": {"seed": 1, "faults": list(faults)},
    }
    call = {"function": "account_info", "fields": ["login", "balance"]}
    sent = frames(
        settings,
        {"id": 1, "op": "connect", "budget": 20.0},
        {"id": 2, "op": "call", "budget": 20.0, "calls": [call]},
        {"op": "shutdown"},
    )
    return subprocess.run(
        [sys.executable, "-c", WORKER],
        input=sent,
        capture_output=True,
        cwd=EXPORTER,
        timeout=30,
        check=False,
    )


def results(output: bytes) -> list[object]:
    """Return what each reply of a worker's output says."""
    replies = []
    while output:
        length = wire.body_length(output[: wire.HEADER])
        replies.append(wire.decode(output[wire.HEADER : wire.HEADER + length]))
        output = output[wire.HEADER + length :]
    return [reply.get("results") for reply in replies[1:]]


def test_a_worker_serves_a_simulated_terminal() -> None:
    done = run()

    connected, answered = results(done.stdout)

    assert isinstance(connected, list)
    assert isinstance(answered, list)
    assert connected[0][:3] == [True, 1, "Success"]
    assert answered[0][0][0] == 5_000_001
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("name", ["crash", "segfault"])
def test_a_fault_that_kills_ends_a_real_worker_without_a_reply(name: str) -> None:
    done = run({"fault": name, "calls": ["account_info"]})

    replies = results(done.stdout)

    assert len(replies) == 1
    assert done.returncode == 1 if name == "crash" else done.returncode not in {0, 1}


def test_a_held_gil_stops_every_other_thread() -> None:
    beats = []
    over = threading.Event()

    def beat() -> None:
        while not over.wait(0.01):
            beats.append(time.monotonic())

    thread = threading.Thread(target=beat)
    thread.start()

    started = time.monotonic()
    hold_gil(1.0)
    ended = time.monotonic()

    over.set()
    thread.join()
    assert ended - started > 0.9
    assert len([at for at in beats if started + 0.05 < at < ended - 0.05]) <= 1
