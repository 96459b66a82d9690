"""Settings as values: what follows from what, and what needs not be said."""

import pytest

from mt5_exporter import market
from mt5_exporter.config import Config, SimulationConfig, TerminalConfig


@pytest.mark.parametrize(
    ("interval", "timeout", "poll_timeout"), [(15, 5, 10), (6, 5, 5), (5, 5, 5), (2, 5, 2), (60, 5, 40)]
)
def test_the_deadline_of_a_poll_follows_from_interval_and_timeout(
    interval: float, timeout: float, poll_timeout: float
) -> None:
    terminal = TerminalConfig(name="desk", interval=interval, timeout=timeout)

    assert terminal.poll_timeout == poll_timeout
    assert terminal.stale_after == 3 * interval


def test_a_library_user_needs_no_more_than_a_name() -> None:
    terminal = TerminalConfig(name="desk", driver="simulated", simulation=SimulationConfig(seed=7))
    loaded = Config(terminals=(terminal,))

    assert loaded.calendar_of(terminal) is market.FX
    assert terminal.max_worker_memory == 512 * 1024 * 1024
    assert TerminalConfig(name="desk", driver="simulated").simulation == SimulationConfig()
    assert TerminalConfig(name="desk").simulation is None
