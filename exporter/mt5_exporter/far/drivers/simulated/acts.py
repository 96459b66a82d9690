"""What each fault does to a call that it strikes, by name."""

import random
from collections.abc import Callable, Mapping

from mt5_exporter.far import wire
from mt5_exporter.far.drivers.base import Presence
from mt5_exporter.far.drivers.simulated import errors
from mt5_exporter.far.drivers.simulated.effects import Effects
from mt5_exporter.far.drivers.simulated.errors import Refusal
from mt5_exporter.far.drivers.simulated.faults import Fault

HOUR = 3600.0
DELAY = 3.0
"""Seconds by which `slow` delays a call where it is not told."""
GIBIBYTE = 1 << 30
MEBIBYTE = 1 << 20
GARBAGE = 64
FLOOD = 10_000_000
LINE = "simulated terminal: stderr flood " + "." * 46 + "\n"
PIPE_WAIT = 100.0
"""Seconds that the genuine module waits for a pipe, although it says 60."""


class Scene:
    """Where a fault acts: this process, this session, this call."""

    __slots__ = ("broken", "effects", "instant", "leak", "path", "timeout")

    def __init__(
        self, *, effects: Effects, instant: int, leak: list[bytes], path: str = "", timeout: float = 0.0
    ) -> None:
        self.effects = effects
        self.instant = instant
        """Now, in epoch milliseconds."""
        self.leak = leak
        self.path = path
        """Of the terminal, for `initialize`."""
        self.timeout = timeout
        """Seconds that `initialize` may wait to be authorised."""
        self.broken = False
        """Set by an act that closes the session's pipe."""


Act = Callable[[Fault, Scene], None]
"""Returns when the call may go on, or raises the Refusal that the call ends with."""


def _hang(fault: Fault, scene: Scene) -> None:
    del fault
    while True:
        scene.effects.sleep(HOUR)


def _hang_gil(fault: Fault, scene: Scene) -> None:
    del fault
    while True:
        scene.effects.hold(HOUR)


def _slow(fault: Fault, scene: Scene) -> None:
    scene.effects.sleep(DELAY if fault.seconds is None else fault.seconds)


def _crash(fault: Fault, scene: Scene) -> None:
    del fault
    scene.effects.end(1)


def _segfault(fault: Fault, scene: Scene) -> None:
    del fault
    scene.effects.segfault()


def _garbage(fault: Fault, scene: Scene) -> None:
    size = GARBAGE if fault.size is None else fault.size
    noise = random.Random(scene.instant).randbytes(size)  # noqa: S311 - noise, not a secret
    # A first byte that no length of a frame begins with: one in 500 would pass for a frame and hang instead.
    _write(scene, b"\xff" + noise[1:])


def _half_frame(fault: Fault, scene: Scene) -> None:
    whole = wire.encode({"id": 0, "results": []})
    _write(scene, whole[: (wire.HEADER + len(whole)) // 2])
    _hang(fault, scene)


def _huge_frame(fault: Fault, scene: Scene) -> None:
    del fault
    _write(scene, GIBIBYTE.to_bytes(wire.HEADER, "big"))


def _wrong_id(fault: Fault, scene: Scene) -> None:
    del fault
    _write(scene, wire.encode({"id": -1, "rss": None, "results": []}))


def _write(scene: Scene, data: bytes) -> None:
    scene.effects.frames.write(data)
    scene.effects.frames.flush()


def _stderr_flood(fault: Fault, scene: Scene) -> None:
    size = FLOOD if fault.size is None else fault.size
    scene.effects.stderr.write(LINE * -(-size // len(LINE)))
    scene.effects.stderr.flush()


def _memory_growth(fault: Fault, scene: Scene) -> None:
    # Not zeros: the system would not give them memory before they are written to.
    scene.leak.append(b"\x55" * (MEBIBYTE if fault.size is None else fault.size))


def _refuse(answer: tuple[int, str]) -> Act:
    def refuse(fault: Fault, scene: Scene) -> None:
        del fault, scene
        raise Refusal(*answer)

    return refuse


def _break(answer: tuple[int, str]) -> Act:
    def close_pipe(fault: Fault, scene: Scene) -> None:
        del fault
        scene.broken = True
        raise Refusal(*answer)

    return close_pipe


def _await_authorisation(fault: Fault, scene: Scene) -> None:
    del fault
    scene.effects.sleep(scene.timeout)
    raise Refusal(*errors.TIMEOUT)


def _find_no_program(fault: Fault, scene: Scene) -> None:
    del fault
    found = f"Process create failed '{scene.path}'" if scene.path else "MetaTrader 5 x64 not found"
    raise errors.not_launched(found)


def _await_pipe(fault: Fault, scene: Scene) -> None:
    del fault
    scene.effects.sleep(PIPE_WAIT)
    raise errors.not_launched("Pipe server didn't answer in 60 sec")


ON_CALL: Mapping[str, Act] = {
    "auth_failed": _refuse(errors.AUTH_FAILED),
    "call_failed": _refuse(errors.CALL_FAILED),
    "crash": _crash,
    "garbage": _garbage,
    "half_frame": _half_frame,
    "hang": _hang,
    "hang_gil": _hang_gil,
    "huge_frame": _huge_frame,
    "memory_growth": _memory_growth,
    "no_ipc": _break(errors.NO_CONNECTION),
    "no_pipe": _break(errors.RECEIVE_FAILED),
    "none": _refuse(errors.SUCCESS),
    "not_authorised": _refuse(errors.TIMEOUT),
    "not_running": _break(errors.RECEIVE_FAILED),
    "segfault": _segfault,
    "slow": _slow,
    "stderr_flood": _stderr_flood,
    "wrong_id": _wrong_id,
}
"""On a call over an attached session, `login` included."""

ON_INITIALIZE: Mapping[str, Act] = {
    **ON_CALL,
    "busy": _hang,
    "no_pipe": _await_pipe,
    "not_authorised": _await_authorisation,
    "not_running": _find_no_program,
}

SHOWN_BEFORE: Mapping[str, Presence] = {"not_running": "absent", "no_pipe": "no_pipe", "busy": "busy"}
"""What a look at the terminal finds while one is on, the first that applies."""

IN_THE_WORLD = frozenset({"account_switch", "algo_off", "clock_shift", "disconnected", "stale_ticks"})
"""These strike no call: they change what the terminal sees (`moment`)."""
