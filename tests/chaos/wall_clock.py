"""A wall clock that a test sets under a running exporter; the monotonic one goes on as it does."""

import os
from pathlib import Path

import pytest

from tests.conftest import TOOLS


def faketime(folder: Path) -> dict[str, str]:
    """Return the environment of a process whose wall clock is the true one until `set_clock`."""
    library = next(TOOLS.glob("usr/lib/*/faketime/libfaketime.so.1"), None)
    if library is None:
        missing = "libfaketime is missing: run `make tools`"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    set_clock(folder, 0)
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(folder / "clock"),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        # Every look at the clock reads the file otherwise, or none for ten seconds.
        "FAKETIME_CACHE_DURATION": "1",
    }


def set_clock(folder: Path, offset: float) -> None:
    """Set the wall clock, in seconds from the true one; a process sees it within two."""
    # In one piece: half a file is another time.
    (folder / "clock.new").write_text(f"{offset:+.0f}")
    (folder / "clock.new").replace(folder / "clock")
