"""Runs on Windows Python: serves a terminal's pipe name in one of the ways a broken terminal would.

    pipe_server.py NAME silent     accept, and never answer
    pipe_server.py NAME busy       accept one client, ourselves, so that every instance is taken

It writes `serving` when the pipe is there, and ends when its stdin does.
"""

import ctypes
import sys
import threading
from ctypes import wintypes

DUPLEX = 3
BYTES_AND_WAIT = 0
GENERIC_READ_WRITE = 0xC0000000
OPEN_EXISTING = 3

kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
kernel32.CreateNamedPipeW.restype = wintypes.HANDLE
kernel32.CreateFileW.restype = wintypes.HANDLE
kernel32.ConnectNamedPipe.argtypes = (wintypes.HANDLE, wintypes.LPVOID)

name, manner = sys.argv[1:3]
pipe = kernel32.CreateNamedPipeW(name, DUPLEX, BYTES_AND_WAIT, 1, 65536, 65536, 0, None)
if manner == "busy":
    kernel32.CreateFileW(name, GENERIC_READ_WRITE, 0, None, OPEN_EXISTING, 0, None)
accept = threading.Thread(target=kernel32.ConnectNamedPipe, args=(pipe, None), daemon=True)
accept.start()
sys.stdout.write("serving\n")
sys.stdout.flush()
sys.stdin.buffer.read()
