"""What a settings frame decides, and what it may not say."""

import pytest

from mt5_exporter.far.drivers.simulated.account import SYMBOLS
from tests.far.simulation import DAY, HOUR, SUNDAY, THURSDAY, Stage, fault


def test_the_account_is_as_the_settings_say() -> None:
    api = Stage(login=42, server="Desk-Live", currency="EUR", deposit=500.0).attach()

    info = api.account_info()

    assert info is not None
    assert (info.login, info.server, info.currency) == (42, "Desk-Live", "EUR")
    assert (api.history_deals_get(0, 4e9) or ())[0].profit == 500.0


def test_all_but_the_seed_may_be_left_out() -> None:
    stage = Stage()
    stage.simulation = {"seed": 3, "login": None, "opened": None}
    stage.play()

    info = stage.attach().account_info()

    assert info is not None
    assert (info.login, info.server, info.currency) == (5_000_003, "Simulated-Demo", "USD")
    assert all(stage.api.symbol_info_tick(name) for name in SYMBOLS)


def test_without_an_opening_date_the_account_is_one_to_two_weeks_old_and_the_same_all_week() -> None:
    openings = []
    for now in (THURSDAY - 3 * DAY, THURSDAY, SUNDAY):
        stage = Stage(now=now)
        del stage.simulation["opened"]
        stage.play()
        openings.append((stage.attach().history_deals_get(0, 4e9) or ())[0].time)

    ages = [(now - opened) / DAY for now, opened in zip((THURSDAY, SUNDAY), openings, strict=False)]

    assert len(set(openings)) == 1
    assert all(7 <= age <= 14 for age in ages)


def test_the_symbols_asked_for_are_in_market_watch_and_traded() -> None:
    api = Stage(symbols=["ETHUSD", "US500"]).attach()

    shown = {symbol.name for symbol in api.symbols_get() or () if symbol.select}

    assert shown == {"ETHUSD", "US500"}
    assert {deal.symbol for deal in (api.history_deals_get(0, 4e9) or ())[1:]} == shown


def test_a_symbol_that_the_broker_does_not_have_stays_unknown() -> None:
    api = Stage(symbols=["EURUSD.m"]).attach()

    tick = api.symbol_info_tick("EURUSD.m")

    assert tick is None
    assert api.last_error() == (-4, "Terminal: Not found")
    assert api.account_info() is not None


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("seed", "x", "seed must be a whole number, was str"),
        ("seed", True, "seed must be a whole number, was bool"),
        ("login", 1.5, "login must be a whole number, was float"),
        ("server", 5, "server must be text, was int"),
        ("deposit", "x", "deposit must be a number, was str"),
        ("opened", True, "opened must be a number, was bool"),
        ("currency", "XXX", "currency 'XXX' is none of AUD, CHF, EUR, GBP, JPY, USD"),
        ("symbols", "EURUSD", "symbols must be a list of names"),
        ("symbols", [5], "symbols must be a list of names"),
    ],
)
def test_a_wrong_value_is_refused_by_name(key: str, value: object, words: str) -> None:
    stage = Stage()
    stage.simulation[key] = value

    with pytest.raises(ValueError, match=words):
        stage.play()


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"fault": "slowly"}, "unknown fault 'slowly'; known are account_switch, algo_off, .*, wrong_id"),
        ({}, "unknown fault None"),
        ({"fault": "slow", "seconds": "1"}, "fault slow: seconds must be a number, was str"),
        ({"fault": "slow", "calls": "version"}, "fault slow: calls must be a list of names"),
        ({"fault": "slow", "symbols": [1]}, "fault slow: symbols must be a list of names"),
    ],
)
def test_a_wrong_fault_is_refused_by_name(entry: dict[str, object], words: str) -> None:
    stage = Stage()

    with pytest.raises(ValueError, match=words):
        stage.play(entry)


@pytest.mark.parametrize(
    ("simulation", "words"),
    [
        (None, "simulation must be an object, was NoneType"),
        ({"seed": 1, "faults": {"slow": 1}}, "faults must be a list, was dict"),
        ({"seed": 1, "faults": ["slow"]}, "a fault must be an object, was str"),
        ({}, "seed must be a whole number, was NoneType"),
    ],
)
def test_settings_of_another_shape_are_refused(simulation: object, words: str) -> None:
    stage = Stage()

    with pytest.raises(ValueError, match=words):
        stage.driver.configure({"simulation": simulation})


def test_new_faults_leave_session_market_watch_and_account_alone() -> None:
    stage = Stage()
    api = stage.attach()
    api.symbol_select("ETHUSD")
    before = api.account_info()

    stage.play(fault("algo_off"))

    assert stage.api.account_info() == before
    assert stage.api.symbol_info_tick("ETHUSD") is not None


def test_a_new_scenario_changes_the_account_of_a_running_session() -> None:
    stage = Stage()
    stage.attach()

    stage.simulation["login"] = 77
    stage.play()

    info = stage.api.account_info()
    assert info is not None
    assert info.login == 77


@pytest.mark.parametrize(
    ("name", "presence"), [("not_running", "absent"), ("busy", "busy"), ("no_pipe", "no_pipe")]
)
def test_a_look_at_the_terminal_shows_what_keeps_it_away(name: str, presence: str) -> None:
    stage = Stage(fault(name, start=10.0, end=20.0))

    shown = []
    for second in (0, 10, 19, 20):
        stage.now = THURSDAY + second
        shown.append(stage.driver.presence())

    assert shown == ["served", presence, presence, "served"]


def test_launching_ends_not_running_until_it_begins_again() -> None:
    stage = Stage(fault("not_running", end=HOUR), fault("not_running", start=2 * HOUR))
    stage.driver.launch()
    stage.play(fault("not_running", end=HOUR), fault("not_running", start=2 * HOUR))

    shown = [stage.driver.presence()]
    stage.now += 2 * HOUR
    shown.append(stage.driver.presence())

    assert shown == ["served", "absent"]
