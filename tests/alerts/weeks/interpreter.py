"""An interpreter whose wall clock is a file: a genuine worker that lives in the time of a test.

    python interpreter.py CLOCK -I -c CODE

CLOCK holds one double, Unix seconds. Standard library only; it is run by its path.
"""

import mmap
import struct
import sys
import time

if __name__ == "__main__":
    with open(sys.argv[1], "rb") as clock:
        now = mmap.mmap(clock.fileno(), 8, access=mmap.ACCESS_READ)
    time.time = lambda: float(struct.unpack_from("d", now)[0])
    exec(sys.argv[sys.argv.index("-c") + 1])  # noqa: S102 - what an interpreter does
