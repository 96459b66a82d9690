"""Whether the files behind a configuration still hold what was read from them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

MAX_BYTES = 1 << 20
"""What is looked at of a file: more than any file of settings may have."""

UNREADABLE = ""


def digest(data: bytes) -> str:
    """Return a text that differs for other data."""
    return hashlib.sha256(data).hexdigest()


def digests(files: Mapping[Path, str]) -> Mapping[Path, str]:
    """Return the digest of each file as it is now, through whatever links lead to it.

    A content and not a time or an inode: Kubernetes swaps a link above the file, editors write a new one, and
    some volumes know no useful times.
    """
    return {path: _digest(path) for path in files}


def _digest(path: Path) -> str:
    try:
        # A pipe would be waited for, and is never read twice.
        if not path.is_file():
            return UNREADABLE
        with path.open("rb") as file:
            return digest(file.read(MAX_BYTES))
    except OSError:
        return UNREADABLE
