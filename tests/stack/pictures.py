"""`make pictures`: let a desk live for some minutes, break a part of it, and draw the dashboards."""

import sys
import tempfile
import time
from pathlib import Path

from dashboards.lib import links
from dashboards.preview.__main__ import main as preview
from tests.stack.conftest import need
from tests.stack.demo import TAKEN_OVER, Desk
from tests.stack.program import wait_for
from tests.stack.stack import Stack
from tests.stack.tools import NEW, ROOT

FACTOR = 12
"""By what every duration is divided: five minutes here are an hour."""

QUIET, OUTAGE, AFTER, LONGEST = 120, 60, 45, 300
"""Seconds in which all is well, in which two terminals are broken, in which one is, and that are shown."""


def main() -> int:
    """Draw them; return the exit status."""
    need(NEW)
    with tempfile.TemporaryDirectory(prefix="mt5-pictures-") as place:
        desk = Desk(Path(place))
        with (
            desk.program.wait_ready(),
            Stack(pair=NEW, folder=Path(place) / "stack", targets=[desk.address], factor=FACTOR) as stack,
        ):
            wait_for(lambda: bool(stack.query(TAKEN_OVER)), seconds=60, what=lambda: TAKEN_OVER)
            began = time.monotonic()
            spend(desk, QUIET)
            desk.bad_luck()
            # An hour's share of the budget is written on the hour, which is five minutes here.
            while not stack.query("terminal:mt5_unavailable:budget30d"):
                spend(desk, 1)
            desk.play("fault: hang_gil, terminal: demo-2", "fault: disconnected, terminal: demo-1")
            spend(desk, OUTAGE)
            desk.play("fault: hang_gil, terminal: demo-2")
            spend(desk, AFTER)
            asked = [
                f"--prometheus={stack.url}",
                f"--minutes={min(time.monotonic() - began, LONGEST) / 60}",
                f"--scrape-seconds={15 / FACTOR}",
                f"--folder={ROOT / 'docs' / 'pictures'}",
            ]
            drawn = preview([*asked, *(uid for uid in links.TITLES if uid != links.TERMINAL)])
            # As somebody sees it who comes from an alert.
            return drawn or preview([*asked, "--choose=terminal=demo-2", links.TERMINAL])


def spend(desk: Desk, seconds: float) -> None:
    """Let time pass while prices move."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        desk.live()
        time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
