"""What Windows alone can tell: whether a terminal's pipe is served, its program runs, and our own memory.

A bridge gets this file as source, too, so nothing in it is newer than Python 3.8 (`call.py` is alike).
"""

from __future__ import annotations

import ctypes
import ntpath
import os
import subprocess
import sys
from ctypes import wintypes
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mt5_exporter.far.drivers.base import Presence

assert sys.platform == "win32"

ERROR_SEM_TIMEOUT = 121
PROCESS_QUERY_LIMITED_INFORMATION = 0x1000
DETACHED_PROCESS = 0x00000008

kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
kernel32.WaitNamedPipeW.argtypes = (wintypes.LPCWSTR, wintypes.DWORD)
kernel32.OpenProcess.restype = wintypes.HANDLE
kernel32.CloseHandle.argtypes = (wintypes.HANDLE,)
kernel32.GetCurrentProcess.restype = wintypes.HANDLE
kernel32.QueryFullProcessImageNameW.argtypes = (
    wintypes.HANDLE,
    wintypes.DWORD,
    wintypes.LPWSTR,
    ctypes.POINTER(wintypes.DWORD),
)
kernel32.K32EnumProcesses.argtypes = (
    ctypes.POINTER(wintypes.DWORD),
    wintypes.DWORD,
    ctypes.POINTER(wintypes.DWORD),
)


class MemoryCounters(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS."""

    _fields_ = (
        ("cb", wintypes.DWORD),
        ("page_faults", wintypes.DWORD),
        *((name, ctypes.c_size_t) for name in ("peak_working_set", "working_set")),
        *((f"quota_{index}", ctypes.c_size_t) for index in range(4)),
        *((name, ctypes.c_size_t) for name in ("pagefile", "peak_pagefile")),
    )


kernel32.K32GetProcessMemoryInfo.argtypes = (
    wintypes.HANDLE,
    ctypes.POINTER(MemoryCounters),
    wintypes.DWORD,
)


def resident_memory() -> int | None:
    """Return this process's working set in bytes."""
    counters = MemoryCounters(cb=ctypes.sizeof(MemoryCounters))
    process = kernel32.GetCurrentProcess()
    if not kernel32.K32GetProcessMemoryInfo(process, ctypes.byref(counters), counters.cb):
        return None
    return int(counters.working_set)


def pipe_name(path: str) -> str:
    """Return the name of the pipe that the terminal at `path` serves.

    It is undocumented: the package derives it so (read in 5.0.6231 and matched for two paths).
    """
    import hashlib  # noqa: PLC0415 - it brings OpenSSL, and a simulated terminal has no pipe

    full = "\\\\?\\" + ntpath.abspath(path)
    digest = hashlib.sha256(full.lower().encode("utf-16-le")).hexdigest().upper()
    return f"\\\\.\\pipe\\MT5.Terminal.{digest}"


def presence(path: str) -> Presence:
    """Tell whether the terminal at `path` is there, without touching it."""
    if kernel32.WaitNamedPipeW(pipe_name(path), 1):
        return "served"
    if ctypes.get_last_error() == ERROR_SEM_TIMEOUT:
        return "busy"
    return "no_pipe" if is_running(path) else "absent"


def is_running(path: str) -> bool:
    """Tell whether a process of this program lives, whoever started it."""
    wanted = ntpath.normcase(ntpath.abspath(path))
    ids = (wintypes.DWORD * 4096)()
    used = wintypes.DWORD()
    if not kernel32.K32EnumProcesses(ids, ctypes.sizeof(ids), ctypes.byref(used)):
        return False
    count = used.value // ctypes.sizeof(wintypes.DWORD)
    return any(ntpath.normcase(image(pid)) == wanted for pid in ids[:count])


def image(pid: int) -> str:
    """Return the program of a process, or nothing where it may not be asked."""
    process = kernel32.OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, False, pid)
    if not process:
        return ""
    try:
        buffer = ctypes.create_unicode_buffer(32768)
        size = wintypes.DWORD(len(buffer))
        found = kernel32.QueryFullProcessImageNameW(process, 0, buffer, ctypes.byref(size))
        return buffer.value if found else ""
    finally:
        kernel32.CloseHandle(process)


def launch(path: str, *, portable: bool) -> None:
    """Start the terminal so that it outlives this worker."""
    subprocess.Popen(  # noqa: S603 - the configured program, and nothing from outside
        [path, "/portable"] if portable else [path],
        cwd=os.path.dirname(path) or None,  # noqa: PTH120 - a path of Windows
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        creationflags=DETACHED_PROCESS,
        close_fds=True,
    )
