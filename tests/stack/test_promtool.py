"""A running demo's exposition in the eyes of Prometheus' own linter."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.process.running import RunningExporter


def test_promtool_finds_nothing_wrong_with_a_running_demo(tool: Callable[[str], str], tmp_path: Path) -> None:
    promtool = tool("promtool")
    with RunningExporter(["--demo"], directory=tmp_path) as exporter:
        exporter.wait_for(
            lambda found: all(found.get("mt5_up", terminal=f"demo-{number}") == 1 for number in (1, 2, 3)),
            seconds=30,
            what="three terminals up",
        )
        text = exporter.get()
        assert exporter.stop() == 0

    checked = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False, timeout=30
    )

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
