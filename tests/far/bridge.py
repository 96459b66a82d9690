"""A real `rpyc_classic` server beside a scripted terminal, and what it takes to be its driver."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mt5_exporter.far.drivers.base import Driver
from mt5_exporter.far.drivers.rpyc_bridge import open_driver
from tests.conftest import ROOT
from tests.scripted.world import World

PATH = "C:\\MT5\\terminal64.exe"

STARTED = re.compile(r"server started on \[127\.0\.0\.1\]:([0-9]+)")

MODULE = f"""
import ctypes, os, sys, time
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from tests.scripted.module import ScriptedModule

class Module(ScriptedModule):
    def symbol_info(self, symbol, /):
        if symbol == "DIE":
            os._exit(1)
        if symbol == "HANG":
            ctypes.PyDLL(None).sleep(30)
        if symbol == "RAISE":
            raise SystemError("a result with an exception set\\nin two lines")
        if symbol == "BYTES":
            return b"no JSON"
        return super().symbol_info(symbol)

sys.modules["MetaTrader5"] = Module(Path(os.environ["WORLD"]))
"""
"""What `import MetaTrader5` finds there: three symbols of it are traps."""

WINDOWS = """
import ctypes, sys

class Function:
    def __init__(self, name):
        self.name = name
    def __call__(self, *args):
        return self.name == "WaitNamedPipeW" and args[0] == {pipe!r}

class Kernel:
    def __getattr__(self, name):
        self.__dict__[name] = Function(name)
        return self.__dict__[name]

ctypes.WinDLL = lambda *args, **kwargs: Kernel()
ctypes.get_last_error = lambda: {error}
sys.platform = "win32"
"""
"""Put before `MODULE`, it lets the far side take its system for a Windows where one pipe is served."""


@contextmanager
def bridge(
    folder: Path, world: World, *, port: int = 0, flags: Sequence[str] = (), module: str = MODULE
) -> Iterator["Bridge"]:
    """Run a bridge beside this world's terminal; it is gone at the end."""
    beside = folder / "beside"
    beside.mkdir(exist_ok=True)
    (beside / "MetaTrader5.py").write_text(module)
    program = Path(sys.executable).with_name("rpyc_classic")
    line = [sys.executable, str(program), "--host", "127.0.0.1", "-p", str(port), *flags]
    environment = {**os.environ, "PYTHONPATH": str(beside), "WORLD": str(world.path)}
    log = beside / "log"
    log.write_text("")
    process = subprocess.Popen([*line, "--logfile", str(log)], env=environment, stderr=subprocess.DEVNULL)
    try:
        give_up = time.monotonic() + 20
        while not (found := STARTED.search(log.read_text())):
            assert time.monotonic() < give_up, log.read_text()
            time.sleep(0.01)
        yield Bridge(process, int(found[1]))
    finally:
        process.kill()
        process.wait(10)


class Bridge:
    """One that runs."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        self._process = process
        self.port = port

    def end(self) -> None:
        """Let it be gone, as a machine that is switched off."""
        self._process.kill()
        self._process.wait(10)

    def driver(self, **more: object) -> Driver:
        """Return a driver that has not reached for it yet."""
        return driver(self.port, **more)


def driver(port: int, **more: object) -> Driver:
    """Return a driver of the bridge at a port."""
    return open_driver({"path": PATH, "bridge": {"host": "127.0.0.1", "port": port, **more}}, None)


def attach(driver: Driver) -> tuple[bool, int]:
    """Let it attach, and return whether it did and the code of `last_error`."""
    attached = driver.api.initialize(PATH, timeout=1000, portable=False)
    return attached, driver.api.last_error()[0]
