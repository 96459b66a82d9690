"""What a worker is told of its terminal, and when that changes."""

import datetime as dt
from pathlib import Path

import pytest

from mt5_exporter.config import AccountConfig, SimulationConfig, TerminalConfig
from mt5_exporter.secret import Secret
from mt5_exporter.settings import WorkerSettings, account_opening, frame
from tests.session.stage import simulated

NOON = dt.datetime(2025, 12, 3, 12, tzinfo=dt.UTC).timestamp()


def account(password: str | None = "a password") -> AccountConfig:  # noqa: S107 - none of anybody's
    return AccountConfig(login=7, server="Live", password=Secret(password) if password else None)


@pytest.mark.parametrize(
    ("login", "expected", "told"),
    [
        (True, account(), {"login": 7, "server": "Live", "password": Secret("a password")}),
        (True, account(None), None),
        (True, None, None),
        (False, account(), None),
    ],
)
def test_credentials_are_told_only_where_a_login_is_asked_for(
    login: bool, expected: AccountConfig | None, told: object
) -> None:
    assert frame(TerminalConfig(name="desk", login=login, account=expected)).get("account") == told


def test_a_real_terminals_settings_never_change() -> None:
    terminal = TerminalConfig(name="desk", path="C:\\MT5\\terminal64.exe", portable=True)
    settings = WorkerSettings(terminal, lambda: NOON)

    revision, told = settings.current()

    assert (revision, told["path"], told["portable"]) == (0, terminal.path, True)
    assert "simulation" not in told


def test_a_simulated_account_is_as_old_as_the_monday_of_the_week_before_unless_it_is_told() -> None:
    told = simulated(simulation=SimulationConfig(opened=5.0))
    untold = simulated(simulation=SimulationConfig())

    frames = [WorkerSettings(terminal, lambda: NOON).current()[1] for terminal in (told, untold)]

    worlds = [found["simulation"] for found in frames]
    openings = [world["opened"] for world in worlds if isinstance(world, dict)]
    assert openings == [5.0, account_opening(NOON)]
    assert dt.datetime.fromtimestamp(account_opening(NOON), dt.UTC) == dt.datetime(
        2025, 11, 24, tzinfo=dt.UTC
    )


def test_a_simulated_broker_is_told_its_own_names_of_what_is_named_and_no_pattern() -> None:
    terminal = simulated(symbols=("GOLD", "EUR*", "EURUSD"), aliases={"GOLD": "XAUUSD"})

    told = WorkerSettings(terminal, lambda: NOON).current()[1]["simulation"]

    assert isinstance(told, dict)
    assert told["symbols"] == ["XAUUSD", "EURUSD"]


def test_a_scenario_that_changes_is_a_new_revision(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yml"
    settings = WorkerSettings(simulated(scenario), lambda: NOON)
    first, _ = settings.current()
    again, _ = settings.current()
    scenario.write_text("faults: [{fault: hang}]\n")

    changed, told = settings.current()

    world = told["simulation"]
    assert isinstance(world, dict)
    assert [found["fault"] for found in world["faults"]] == ["hang"]
    assert (first, again) == (0, 0)
    assert changed == 1
