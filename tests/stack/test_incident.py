"""What people hear when the stack itself fails in the middle of an incident: nothing twice or too soon."""

import time
from collections import Counter
from pathlib import Path

import pytest

from tests.stack.fleet import Exporter, Scripted
from tests.stack.program import free_ports, wait_for
from tests.stack.stack import Stack
from tests.stack.tools import Pair

FACTOR = 8
"""Less than elsewhere: Prometheus takes seven seconds from its start to its first alert, at any scale."""

MINUTE = 60 / FACTOR


def counted(stack: Stack) -> Counter[tuple[str, str]]:
    """Return how often each alert was told as firing and as resolved."""
    return Counter((told.alert, told.status) for told in stack.told())


def spend(seconds: float, exporter: Exporter) -> None:
    """Let time pass while prices move: what is waited for is that nothing comes."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        exporter.tick()
        time.sleep(0.1)


def silence(stack: Stack) -> float:
    """Return how long ago the dead man's switch was heard, in seconds."""
    heard = [told.at for told in stack.receiver.told() if told.receiver == "deadman"]
    return time.monotonic() - heard[-1]


@pytest.mark.timeout(400)
def test_an_incident_is_told_once_whatever_fails_meanwhile(newer: Pair, tmp_path: Path) -> None:
    desk = Scripted("desk", tmp_path)
    exporter = Exporter("exporter", port=free_ports(1)[0], folder=tmp_path, terminals=[desk])
    near, down = ("MT5NearMarginCall", "firing"), ("MT5ExporterDown", "firing")
    up = ("MT5ExporterDown", "resolved")
    with (
        exporter.program.wait_ready(),
        Stack(
            pair=newer, folder=tmp_path / "stack", targets=[exporter.instance], factor=FACTOR, alertmanagers=2
        ) as stack,
    ):

        def seen() -> bool:
            exporter.tick()
            return bool(stack.query("mt5_account_margin_level_ratio"))

        def told(*expected: tuple[str, str]) -> bool:
            exporter.tick()
            return counted(stack).keys() == set(expected)

        # Two Alertmanagers, one message: as long as the second waits for the first, and more.
        wait_for(seen, seconds=60, what=lambda: "values")
        desk.has(margin=9_090.0)
        wait_for(lambda: told(near), seconds=5 * MINUTE, what=lambda: str(counted(stack)))
        spend(MINUTE, exporter)
        assert counted(stack) == {near: 1}

        # Prometheus is killed and comes back; what it does not say again within four minutes, Alertmanager
        # takes for resolved.
        stack.prometheus.kill()
        stack.prometheus.start().wait_ready()
        spend(6 * MINUTE, exporter)
        assert counted(stack) == {near: 1}

        # One Alertmanager dies: the other goes on, and says nothing anew.
        stack.alertmanagers[0].kill()
        spend(3 * MINUTE, exporter)
        assert counted(stack) == {near: 1}
        exporter.program.kill()
        wait_for(lambda: told(near, down), seconds=10 * MINUTE, what=lambda: str(counted(stack)))

        # It comes back without anything that it knew, MT5MarginLevelLow being muted among it.
        stack.alertmanagers[0].start().wait_ready()
        spend(3 * MINUTE, exporter)
        assert counted(stack) == {near: 1, down: 1}
        exporter.program.start()
        wait_for(lambda: told(near, down, up), seconds=15 * MINUTE, what=lambda: str(counted(stack)))
        spend(MINUTE, exporter)
        assert counted(stack) == {near: 1, down: 1, up: 1}

        # The dead man's switch stops with whoever drives it.
        assert silence(stack) < 3 * MINUTE
        stack.prometheus.kill()
        wait_for(lambda: silence(stack) > 4 * MINUTE, seconds=15 * MINUTE, what=lambda: "silence")
