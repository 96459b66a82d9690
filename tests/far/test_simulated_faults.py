"""Each fault by name: what it does, to which calls, and that it ends."""

from collections.abc import Callable

import pytest

from mt5_exporter.far import wire
from mt5_exporter.far.drivers.simulated.acts import IN_THE_WORLD, ON_CALL, ON_INITIALIZE
from mt5_exporter.far.drivers.simulated.faults import FAULTS
from mt5_exporter.far.drivers.simulated.terminal import Terminal
from tests.far.simulation import (
    DAY,
    HOUR,
    PATH,
    THURSDAY,
    Ended,
    Hung,
    HungWithGil,
    Segfaulted,
    Stage,
    fault,
)

NO_IPC = (-10004, "No IPC connection")


def refused(api: Terminal) -> tuple[int, str]:
    """Return the error of an account_info that gives nothing."""
    assert api.account_info() is None
    return api.last_error()


def hang_never_returns() -> None:
    stage = Stage(fault("hang", start=1.0, calls=["account_info"]))
    api = stage.attach()
    stage.now += 1.0

    answered = api.terminal_info()

    assert answered is not None
    with pytest.raises(Hung):
        api.account_info()


def hang_gil_never_returns_and_holds_the_gil() -> None:
    stage = Stage(fault("hang_gil", calls=["initialize"]))

    api = stage.api

    with pytest.raises(HungWithGil):
        api.initialize(PATH, timeout=1000, portable=False)


def slow_delays_by_its_seconds() -> None:
    stage = Stage(fault("slow", seconds=1.5, calls=["symbol_info_tick"], symbols=["EURUSD"]))
    api = stage.attach()

    ticks = [api.symbol_info_tick(name) for name in ("GBPUSD", "EURUSD")]

    assert all(ticks)
    assert stage.slept == [1.5]


def crash_ends_the_process_with_status_one() -> None:
    stage = Stage(fault("crash", calls=["account_info"]))
    api = stage.attach()

    with pytest.raises(Ended) as ended:
        api.account_info()

    assert ended.value.args == (1,)


def segfault_reads_from_nowhere() -> None:
    stage = Stage(fault("segfault", calls=["account_info"]))

    api = stage.attach()

    with pytest.raises(Segfaulted):
        api.account_info()


def garbage_precedes_the_reply() -> None:
    stage = Stage(fault("garbage", calls=["account_info"], bytes=100))
    api = stage.attach()

    info = api.account_info()

    assert info is not None
    assert len(stage.frames.getvalue()) == 100


def half_frame_is_cut_and_then_nothing_comes() -> None:
    stage = Stage(fault("half_frame", calls=["account_info"]))
    api = stage.attach()

    with pytest.raises(Hung):
        api.account_info()

    stage.frames.seek(0)
    with pytest.raises(wire.WireError, match="inside a frame"):
        wire.read(stage.frames)


def huge_frame_announces_a_gibibyte() -> None:
    stage = Stage(fault("huge_frame", calls=["account_info"]))
    api = stage.attach()

    api.account_info()

    assert int.from_bytes(stage.frames.getvalue(), "big") == 1 << 30


def stderr_flood_writes_lines() -> None:
    stage = Stage(fault("stderr_flood", calls=["account_info"], bytes=1000))
    api = stage.attach()

    info = api.account_info()

    lines = stage.stderr.getvalue().splitlines()
    assert info is not None
    assert 1000 <= len(stage.stderr.getvalue()) < 1100
    assert all(len(line) < 120 for line in lines)


def wrong_id_sends_a_stranger_before_the_reply() -> None:
    stage = Stage(fault("wrong_id", calls=["account_info"]))
    api = stage.attach()

    info = api.account_info()

    stage.frames.seek(0)
    assert info is not None
    assert wire.read(stage.frames) == {"id": -1, "rss": None, "results": []}


def no_ipc_lasts_until_it_ends_and_initialize_is_called_again() -> None:
    stage = Stage(fault("no_ipc", start=10.0, end=20.0))
    api = stage.attach()
    stage.now += 25.0

    errors = [refused(api), refused(api)]
    stage.now = THURSDAY + 15.0
    early = api.initialize(PATH, timeout=1000, portable=False)
    stage.now = THURSDAY + 30.0
    again = api.initialize(PATH, timeout=1000, portable=False)

    assert errors == [NO_IPC, NO_IPC]
    assert (early, again) == (False, True)
    assert api.account_info() is not None


def not_authorised_waits_then_times_out() -> None:
    stage = Stage(fault("not_authorised", start=10.0, end=20.0))
    api = stage.attach()
    stage.now += 10.0

    error = refused(api)
    attached = api.initialize(PATH, timeout=2000, portable=False)

    assert error == (-10005, "IPC timeout")
    assert not attached
    assert api.last_error() == (-10005, "IPC timeout")
    assert stage.slept == [2.0]
    assert refused(api) == NO_IPC


def call_failed_refuses_reads_and_lets_initialize_pass() -> None:
    stage = Stage(fault("call_failed"))
    api = stage.attach()

    error = refused(api)

    assert error == (-1, "Terminal: Call failed")
    assert api.login(123)
    stage.play(fault("call_failed", calls=["initialize"]))
    assert not api.initialize(PATH)


def auth_failed_refuses_initialize_login_and_reads() -> None:
    stage = Stage(fault("auth_failed", start=1.0))
    api = stage.attach()
    stage.now += 1.0

    answers = [api.login(123), refused(api), api.initialize(PATH), api.last_error()]

    error = (-6, "Terminal: Authorization failed")
    assert answers == [False, error, False, error]


def none_comes_with_success() -> None:
    stage = Stage(fault("none", calls=["account_info"]))
    api = stage.attach()

    error = refused(api)

    assert error == (1, "Success")
    assert api.terminal_info() is not None


def not_running_breaks_the_session_and_refuses_another() -> None:
    stage = Stage(fault("not_running", start=10.0, end=20.0))
    api = stage.attach()
    stage.now += 10.0

    errors = [refused(api), refused(api)]
    attached = api.initialize(PATH, timeout=1000, portable=False)

    assert stage.driver.presence() == "absent"
    assert errors == [(-10002, "IPC recv failed"), NO_IPC]
    assert not attached
    assert api.last_error() == (-10003, f"IPC initialize failed, Process create failed '{PATH}'")
    stage.driver.launch()
    assert api.initialize(PATH, timeout=1000, portable=False)


def busy_hangs_initialize_and_spares_a_session() -> None:
    stage = Stage(fault("busy", start=10.0))
    api = stage.attach()
    stage.now += 10.0

    info = api.account_info()

    assert info is not None
    assert stage.driver.presence() == "busy"
    with pytest.raises(Hung):
        api.initialize(PATH, timeout=1000, portable=False)


def no_pipe_makes_initialize_wait_in_vain() -> None:
    stage = Stage(fault("no_pipe", start=10.0))
    api = stage.attach()
    stage.now += 10.0

    error = refused(api)
    attached = api.initialize(PATH, timeout=1000, portable=False)

    assert error == (-10002, "IPC recv failed")
    assert not attached
    assert stage.slept == [100.0]
    assert api.last_error() == (-10003, "IPC initialize failed, Pipe server didn't answer in 60 sec")


def disconnected_shows_the_last_known_values() -> None:
    stage = Stage(fault("disconnected", start=0.0, end=HOUR))
    api = stage.attach()
    first = api.account_info(), api.symbol_info_tick("BTCUSD"), api.positions_get()
    stage.now += HOUR - 1.0

    info = api.terminal_info()
    last = api.account_info(), api.symbol_info_tick("BTCUSD"), api.positions_get()
    stage.now += 1.0

    again = api.terminal_info()
    assert info is not None
    assert again is not None
    assert (info.connected, again.connected) == (False, True)
    assert first == last
    assert api.symbol_info_tick("BTCUSD") != last[1]
    assert info.ping_last == getattr(Stage().attach().terminal_info(), "ping_last", None)


def stale_ticks_stand_still_for_their_symbols() -> None:
    stage = Stage(fault("stale_ticks", symbols=["BTCUSD"]))
    api = stage.attach()
    before = [api.symbol_info_tick(name) for name in ("BTCUSD", "EURUSD")]
    stage.now += 60.0

    after = [api.symbol_info_tick(name) for name in ("BTCUSD", "EURUSD")]

    assert after[0] == before[0]
    assert after[1] != before[1]


def account_switch_shows_another_account_until_somebody_logs_in() -> None:
    stage = Stage(fault("account_switch", start=10.0))
    api = stage.attach()
    seen = [api.account_info()]
    stage.now += 10.0

    seen.append(api.account_info())
    api.login(123)
    seen.append(api.account_info())

    names = [(info.login, info.server) for info in seen if info]
    assert names == [(123, "Simulated-Demo"), (1234, "Simulated-Demo-2"), (123, "Simulated-Demo")]


def algo_off_shows_in_the_terminal_alone() -> None:
    stage = Stage(fault("algo_off", end=10.0))
    api = stage.attach()
    terminal, account = api.terminal_info(), api.account_info()
    stage.now += 10.0

    later = api.terminal_info()

    assert terminal is not None
    assert account is not None
    assert later is not None
    assert (terminal.trade_allowed, account.trade_allowed, later.trade_allowed) == (False, True, True)


def memory_growth_keeps_its_bytes() -> None:
    stage = Stage(fault("memory_growth", bytes=5000))
    api = stage.attach()

    api.account_info()

    assert [len(kept) for kept in api._leak] == [5000, 5000]


def clock_shift_moves_the_servers_clock() -> None:
    stage = Stage(fault("clock_shift", seconds=-90.0, end=10.0))
    api = stage.attach()
    shifted, honest = api.symbol_info_tick("BTCUSD"), Stage().attach().symbol_info_tick("BTCUSD")
    stage.now += 60.0

    later = api.symbol_info_tick("BTCUSD")

    assert shifted is not None
    assert honest is not None
    assert later is not None
    assert later.time_msc - honest.time_msc > 50_000
    assert stage_tick(THURSDAY + 5.0, shifted=True) - stage_tick(THURSDAY + 5.0, shifted=False) == -90_000


def stage_tick(now: float, *, shifted: bool) -> int:
    faults = [fault("clock_shift", seconds=-90.0)] if shifted else []
    tick = Stage(*faults, now=now).attach().symbol_info_tick("BTCUSD")
    assert tick is not None
    return tick.time_msc


PROMISES: dict[str, Callable[[], None]] = {
    "account_switch": account_switch_shows_another_account_until_somebody_logs_in,
    "algo_off": algo_off_shows_in_the_terminal_alone,
    "auth_failed": auth_failed_refuses_initialize_login_and_reads,
    "busy": busy_hangs_initialize_and_spares_a_session,
    "call_failed": call_failed_refuses_reads_and_lets_initialize_pass,
    "clock_shift": clock_shift_moves_the_servers_clock,
    "crash": crash_ends_the_process_with_status_one,
    "disconnected": disconnected_shows_the_last_known_values,
    "garbage": garbage_precedes_the_reply,
    "half_frame": half_frame_is_cut_and_then_nothing_comes,
    "hang": hang_never_returns,
    "hang_gil": hang_gil_never_returns_and_holds_the_gil,
    "huge_frame": huge_frame_announces_a_gibibyte,
    "memory_growth": memory_growth_keeps_its_bytes,
    "no_ipc": no_ipc_lasts_until_it_ends_and_initialize_is_called_again,
    "no_pipe": no_pipe_makes_initialize_wait_in_vain,
    "none": none_comes_with_success,
    "not_authorised": not_authorised_waits_then_times_out,
    "not_running": not_running_breaks_the_session_and_refuses_another,
    "segfault": segfault_reads_from_nowhere,
    "slow": slow_delays_by_its_seconds,
    "stale_ticks": stale_ticks_stand_still_for_their_symbols,
    "stderr_flood": stderr_flood_writes_lines,
    "wrong_id": wrong_id_sends_a_stranger_before_the_reply,
}


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_does_what_its_name_says(name: str) -> None:
    assert name in PROMISES, f"no test shows what {name} does"
    promise = PROMISES[name]

    promise()


def test_every_fault_acts_on_a_call_or_in_the_world() -> None:
    acting = set(ON_CALL) | set(ON_INITIALIZE)

    idle = FAULTS - acting - IN_THE_WORLD

    assert idle == set()
    assert acting | IN_THE_WORLD == FAULTS
    assert not acting & IN_THE_WORLD


@pytest.mark.parametrize("name", sorted(FAULTS - IN_THE_WORLD))
def test_a_fault_that_is_over_or_still_to_come_does_nothing(name: str) -> None:
    stage = Stage(fault(name, start=-20.0, end=0.0), fault(name, start=1.0))

    api = stage.attach()

    assert api.account_info() is not None
    assert (stage.slept, stage.frames.getvalue(), stage.stderr.getvalue()) == ([], b"", "")


@pytest.mark.parametrize("name", ["last_error", "shutdown"])
def test_no_fault_meets_what_needs_no_terminal(name: str) -> None:
    stage = Stage(*(fault(each) for each in sorted(FAULTS)))

    answer = getattr(stage.api, name)()

    assert answer in {True, (0, "")}
    assert stage.slept == []


def test_usual_seconds_hold_where_none_are_given() -> None:
    stage = Stage(fault("slow", seconds=None), fault("clock_shift"))

    api = stage.attach()

    tick = api.symbol_info_tick("BTCUSD")
    assert tick is not None
    assert stage.slept == [3.0, 3.0]
    assert tick.time_msc == stage_tick(stage.now, shifted=False) + 3_600_000


def test_usual_sizes_hold_where_none_is_given() -> None:
    stage = Stage(
        *(fault(name, calls=["account_info"]) for name in ("garbage", "stderr_flood", "memory_growth"))
    )
    api = stage.attach()

    api.account_info()

    assert len(stage.frames.getvalue()) == 64
    assert 10_000_000 <= len(stage.stderr.getvalue()) < 10_000_200
    assert [len(kept) for kept in api._leak] == [1 << 20]


def test_faults_strike_in_their_order_until_one_ends_the_call() -> None:
    stage = Stage(
        fault("slow", seconds=1.0, calls=["account_info"]),
        fault("none", calls=["account_info"]),
        fault("slow", seconds=2.0, calls=["account_info"]),
    )
    api = stage.attach()

    error = refused(api)

    assert error == (1, "Success")
    assert stage.slept == [1.0]


def test_a_fault_of_one_symbol_leaves_calls_without_a_symbol_alone() -> None:
    stage = Stage(fault("call_failed", symbols=["EURUSD"]))
    api = stage.attach()

    answers = [
        api.account_info(),
        api.symbol_info("GBPUSD"),
        api.symbol_info("EURUSD"),
        api.positions_get(symbol="EURUSD"),
    ]

    assert [answer is None for answer in answers] == [False, False, True, True]


def test_a_broken_session_forgets_nothing_but_itself() -> None:
    stage = Stage(fault("no_ipc", start=1.0, end=2.0))
    before = stage.attach().account_info()
    stage.now += 1.0
    refused(stage.api)

    stage.now = THURSDAY + 2.0
    stage.attach()

    after = stage.api.account_info()
    assert before is not None
    assert after is not None
    assert after.balance == before.balance


def test_time_stops_where_the_first_of_two_overlapping_outages_began() -> None:
    stage = Stage(fault("disconnected", end=20.0), fault("disconnected", start=10.0, end=30.0))
    api = stage.attach()
    first = api.symbol_info_tick("BTCUSD")
    stage.now += 25.0

    tick = api.symbol_info_tick("BTCUSD")

    assert tick == first


def test_an_outage_without_a_beginning_shows_the_account_as_it_was_opened() -> None:
    stage = Stage({"fault": "disconnected"}, {"fault": "stale_ticks"}, now=THURSDAY + DAY)

    info = stage.attach().account_info()

    assert info is not None
    assert info.balance == 10_000.0
    assert stage.api.symbol_info_tick("BTCUSD") is not None


def test_a_deal_keeps_the_shifted_time_at_which_it_was_booked() -> None:
    stage = Stage(fault("clock_shift", seconds=3600.0, start=-DAY, end=-DAY / 2))
    honest = Stage().attach().history_deals_get(0, 4e9) or ()

    shifted = stage.attach().history_deals_get(0, 4e9) or ()

    moved = {late.time_msc - deal.time_msc for deal, late in zip(honest, shifted, strict=True)}
    assert moved == {0, 3_600_000}
