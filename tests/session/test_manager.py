"""The keyed pool: who gets which session when, what a caller who leaves costs, and that nothing is left."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Coroutine
from pathlib import Path

import psutil
import pytest

import mt5_exporter
from mt5_exporter import MT5SessionManager, errors, manager
from mt5_exporter.clock import SystemClock
from mt5_exporter.errors import (
    MT5DataError,
    MT5Error,
    MT5InvalidRequestError,
    MT5TimeoutError,
    MT5UnavailableError,
)
from mt5_exporter.events import AttemptFinished, Events
from mt5_exporter.lease import Lease
from mt5_exporter.link import Call
from mt5_exporter.model import Account, Position, Symbol, Terminal, Tick
from tests.session.stage import (
    LOGIN,
    Behind,
    FakeClock,
    alive,
    children,
    config,
    in_loop,
    simulated,
    until,
)
from tests.session.terminals import POSITION, Answers
from tests.session.test_launcher import played


def one(scenario: Path | None = None) -> MT5SessionManager:
    """Return a manager of one terminal."""
    return MT5SessionManager(config(simulated(scenario)), clock=Behind())


async def up(pool: MT5SessionManager) -> MT5SessionManager:
    assert await pool.wait_ready(timeout=20)
    return pool


async def refusal(awaited: Coroutine[object, object, object]) -> MT5Error:
    with pytest.raises(MT5Error) as caught:
        await awaited
    return caught.value


async def borrow(pool: MT5SessionManager, terminal: str | None = None, *, timeout: float = 5.0) -> None:
    async with pool.session(terminal, timeout=timeout):
        pass


def pid_of(pool: MT5SessionManager, terminal: str = "desk") -> int:
    worker = pool.sessions()[terminal].worker
    assert worker is not None
    return worker.pid


# One lease at a time


@in_loop
async def test_leases_are_exclusive_and_go_to_those_who_came_first() -> None:
    async with one() as pool:
        await up(pool)
        order: list[int] = []
        holders = 0

        async def caller(number: int) -> None:
            nonlocal holders
            async with pool.session() as lease:
                holders += 1
                assert holders == 1
                await lease.symbol_info_tick("BTCUSD")
                order.append(number)
                holders -= 1

        await asyncio.gather(*(caller(number) for number in range(20)))

        assert order == list(range(20))
        stats = pool.get_stats()["desk"]
        assert (stats.leases, stats.waiting, stats.lease_timeouts) == (20, 0, 0)
        assert (stats.state, stats.breaker, stats.attempt) == ("ready", "closed", 0)
        assert stats.waited > 0
        assert stats.used > 0


@in_loop
async def test_terminals_are_lent_independently() -> None:
    async with MT5SessionManager(config(simulated(name="a"), simulated(name="b"))) as pool:
        await up(pool)

        async with pool.session("a") as first, pool.session("b", timeout=0) as second:
            answers = [await lease.terminal_info() for lease in (first, second)]

        assert all(answer.connected for answer in answers)
        assert list(pool.sessions()) == list(pool.get_stats()) == ["a", "b"]


@in_loop
async def test_waiting_for_a_lease_ends_with_its_timeout() -> None:
    async with one() as pool:
        async with pool.session():
            failure = await refusal(borrow(pool, timeout=0.05))
            at_once = await refusal(borrow(pool, timeout=0))
        await borrow(pool, timeout=0)

        assert isinstance(failure, MT5UnavailableError)
        assert (failure.reason, failure.message) == ("no_lease", "no lease within 0.05 s")
        assert (at_once.reason, at_once.message) == ("no_lease", "the session is in use")
        stats = pool.get_stats()["desk"]
        assert (stats.lease_timeouts, stats.leases, stats.waiting) == (2, 2, 0)


@in_loop
async def test_one_more_than_the_longest_queue_is_refused_at_once() -> None:
    async with one() as pool:
        async with pool.session():
            queue = [asyncio.ensure_future(borrow(pool, timeout=20)) for _ in range(manager.MAX_WAITING)]
            await until(lambda: pool.get_stats()["desk"].waiting == manager.MAX_WAITING)

            failure = await refusal(borrow(pool, timeout=20))

        await asyncio.gather(*queue)
        assert (failure.reason, failure.message) == ("no_lease", "the session is in use")
        assert pool.get_stats()["desk"].leases == 1 + manager.MAX_WAITING


@in_loop
async def test_a_released_lease_says_so() -> None:
    async with one() as pool:
        await up(pool)
        async with pool.session() as lease:
            pass

        failure = await refusal(lease.terminal_info())

        assert (failure.reason, str(failure)) == ("no_lease", "terminal 'desk': the lease has been released")
        lease.release()


@in_loop
async def test_a_lease_returns_although_its_holder_raises() -> None:
    async with one() as pool:
        with pytest.raises(ZeroDivisionError):
            async with pool.session():
                raise ZeroDivisionError

        await borrow(pool, timeout=0)


# What a lease reads


@in_loop
async def test_every_read_of_a_lease_is_typed() -> None:
    async with one() as pool:
        await up(pool)
        async with pool.session() as lease:
            terminal = await lease.terminal_info()
            account = await lease.account_info()
            symbol = await lease.symbol_info("BTCUSD")
            tick = await lease.symbol_info_tick("BTCUSD")
            positions = await lease.positions_get()
            of_one = await lease.positions_get(symbol="BTCUSD")
            orders = [*await lease.orders_get(), *await lease.orders_get(symbol="BTCUSD")]
            deals = await lease.history_deals_get(1, int(time.time()) + 86_400)
            totals = (await lease.positions_total(), await lease.orders_total())
            plain = await lease.call("symbols_total")

    assert isinstance(terminal, Terminal)
    assert isinstance(account, Account)
    assert account.login == LOGIN
    assert isinstance(symbol, Symbol)
    assert (symbol.name, symbol.select) == ("BTCUSD", True)
    assert isinstance(tick, Tick)
    assert tick.bid < tick.ask
    assert len(positions) == totals[0]
    assert len(of_one) <= len(positions)
    assert len(orders) <= 2 * totals[1]
    assert deals[0].profit == 10_000.0
    assert isinstance(plain, int)


@in_loop
async def test_a_list_of_structs_is_read_whole(tmp_path: Path) -> None:
    answers = Answers(tmp_path)
    answers.give("positions_get", [dict(POSITION), {**POSITION, "ticket": 2}])
    async with MT5SessionManager(config(answers.config())) as pool:
        await up(pool)
        async with pool.session() as lease:
            positions = await lease.positions_get()
            answers.give("positions_get", [])
            none = await lease.positions_get()

    assert [position.ticket for position in positions] == [1, 2]
    assert isinstance(positions[0], Position)
    assert none == []


@pytest.mark.parametrize(
    ("question", "value", "text"),
    [
        ("positions_get", 7, "expected a list, was int"),
        ("positions_get", [{"ticket": 1}], "Position.time is missing"),
        ("positions_total", "three", "expected a number, was str"),
        ("account_info", {"login": 1}, "Account.server is missing"),
    ],
)
@in_loop
async def test_an_answer_of_another_shape_is_an_error_of_its_data(
    tmp_path: Path, question: str, value: object, text: str
) -> None:
    answers = Answers(tmp_path)
    async with MT5SessionManager(config(answers.config())) as pool:
        await up(pool)
        answers.give(question, value)
        async with pool.session() as lease:
            failure = await refusal(getattr(lease, question)())

        assert isinstance(failure, MT5DataError)
        assert (failure.reason, failure.operation) == ("schema", question)
        assert str(failure) == f"terminal 'desk': {question}: {text}"
        assert pool.sessions()["desk"].attached


@in_loop
async def test_a_price_is_one_call() -> None:
    async with one() as pool:
        await up(pool)

        tick = await pool.get_price("BTCUSD")
        unknown = await refusal(pool.get_price("NOPE", terminal="desk"))

        assert 0 < tick.bid < tick.ask
        assert isinstance(unknown, MT5DataError)


@in_loop
async def test_several_reads_in_one_frame_have_an_answer_each() -> None:
    async with one() as pool:
        await up(pool)
        async with pool.session() as lease:
            good, bad = await lease.ask([Call(function="symbols_total"), Call(function="order_send")])

    assert isinstance(good.value, int)
    assert bad.error is not None
    assert bad.error.reason == "not_allowed"


# Which terminal


@in_loop
async def test_an_unknown_terminal_and_a_missing_name_say_what_there_is() -> None:
    async with MT5SessionManager(config(simulated(name="a"), simulated(name="b"))) as pool:
        unknown = await refusal(borrow(pool, "c"))
        ambiguous = await refusal(pool.get_price("BTCUSD"))

        assert isinstance(unknown, MT5InvalidRequestError)
        assert str(unknown) == "terminal 'c': no such terminal; configured are a, b"
        assert str(ambiguous) == "say which terminal: a, b"
        assert pool.terminal("b").name == "b"


@in_loop
async def test_a_manager_that_is_not_open_refuses() -> None:
    pool = one()

    failure = await refusal(borrow(pool))

    assert (failure.reason, failure.message) == ("draining", "the manager is not open")
    with pytest.raises(RuntimeError, match="the manager is not open"):
        pool.threadsafe.get_price("BTCUSD")


# Other threads and loops


@in_loop
async def test_another_thread_asks_through_threadsafe() -> None:
    async with one() as pool:
        await up(pool)

        tick = await asyncio.to_thread(pool.threadsafe.get_price, "BTCUSD")
        account = await asyncio.to_thread(pool.threadsafe.account_info, terminal="desk")

        assert tick.bid > 0
        assert account.login == LOGIN


@in_loop
async def test_another_thread_waits_no_longer_than_it_says() -> None:
    async with one() as pool:
        cancelled = asyncio.Event()

        async def never() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        with pytest.raises(TimeoutError):
            await asyncio.to_thread(pool.threadsafe.run, never(), timeout=0.1)

        await asyncio.wait_for(cancelled.wait(), 5)


@in_loop
async def test_threadsafe_on_the_managers_own_loop_would_wait_for_ever_and_refuses() -> None:
    async with one() as pool:
        with pytest.raises(RuntimeError, match="own event loop; use await"):
            pool.threadsafe.get_price("BTCUSD")


def test_threadsafe_after_the_loop_has_ended_says_so() -> None:
    async def open_and_close() -> manager.ThreadsafeManager:
        async with one() as pool:
            return pool.threadsafe

    after = asyncio.run(open_and_close())

    with pytest.raises(RuntimeError, match="the manager's event loop has ended"):
        after.get_price("BTCUSD")


@in_loop
async def test_a_foreign_loop_gets_a_clear_error() -> None:
    async with one() as pool:
        await up(pool)

        failure = await asyncio.to_thread(asyncio.run, refusal(pool.get_price("BTCUSD", terminal="desk")))
        without_loop: list[Exception] = []

        def ask() -> None:
            try:
                pool.terminal("desk")
            except MT5InvalidRequestError as refused:
                without_loop.append(refused)

        thread = threading.Thread(target=ask)
        thread.start()
        await asyncio.to_thread(thread.join)

        assert (failure.kind, failure.reason) == ("invalid_request", "foreign_loop")
        text = "terminal 'desk': called from another event loop; use manager.threadsafe"
        assert [str(failure), *map(str, without_loop)] == [text, text]


# Callers who leave


@in_loop
async def test_a_hundred_cancelled_callers_kill_no_worker_and_lose_no_frame(tmp_path: Path) -> None:
    answers = Answers(tmp_path)
    async with MT5SessionManager(config(answers.config())) as pool:
        await up(pool)
        pid = pid_of(pool)
        answers.give("positions_total", 41, seconds=0.01)

        for _ in range(100):
            caller = asyncio.ensure_future(ask_positions(pool))
            await until(lambda: busy(pool))
            caller.cancel()
            await asyncio.wait({caller})
            assert caller.cancelled()

        async with pool.session() as lease:
            assert await lease.orders_total() == 2
        assert await ask_positions(pool) == 41
        assert pid_of(pool) == pid
        assert pool.get_stats()["desk"].breaker == "closed"


def busy(pool: MT5SessionManager) -> bool:
    worker = pool.sessions()["desk"].worker
    return worker is not None and worker.busy


async def ask_positions(pool: MT5SessionManager) -> int:
    async with pool.session() as lease:
        return await lease.positions_total()


@in_loop
async def test_a_hundred_callers_cancelled_at_once_leave_the_queue_as_it_was() -> None:
    async with one() as pool:
        await up(pool)
        pid = pid_of(pool)
        callers = [asyncio.ensure_future(ask_positions(pool)) for _ in range(100)]
        while not busy(pool):  # noqa: ASYNC110 - it is over within a turn of the loop
            await asyncio.sleep(0)

        for caller in callers:
            caller.cancel()
        await asyncio.wait(callers)

        assert pool.get_stats()["desk"].waiting == 0
        assert isinstance(await ask_positions(pool), int)
        assert pid_of(pool) == pid


@in_loop
async def test_the_next_lease_begins_when_the_answer_to_a_caller_who_left_is_read(tmp_path: Path) -> None:
    answers = Answers(tmp_path)
    async with MT5SessionManager(config(answers.config())) as pool:
        await up(pool)
        answers.give("positions_total", 3, seconds=0.5)
        caller = asyncio.ensure_future(ask_positions(pool))
        await until(lambda: busy(pool))
        caller.cancel()
        await asyncio.wait({caller})

        too_early = await refusal(borrow(pool, timeout=0.05))
        async with pool.session(timeout=5):
            assert not busy(pool)

        assert (too_early.reason, too_early.message) == ("no_lease", "no lease within 0.05 s")
        assert pool.get_stats()["desk"].lease_timeouts == 1


@in_loop
async def test_a_caller_cancelled_while_it_waits_for_a_late_answer_gives_the_lease_back(
    tmp_path: Path,
) -> None:
    answers = Answers(tmp_path)
    async with MT5SessionManager(config(answers.config())) as pool:
        await up(pool)
        answers.give("positions_total", 3, seconds=0.3)
        first = asyncio.ensure_future(ask_positions(pool))
        await until(lambda: busy(pool))
        first.cancel()
        second = asyncio.ensure_future(borrow(pool))
        await until(lambda: pool.get_stats()["desk"].waiting == 1)

        second.cancel()
        await asyncio.wait({first, second})

        await borrow(pool)
        assert pool.get_stats()["desk"].leases == 2


# The fleet


@in_loop
async def test_attempts_of_a_fleet_are_spaced_by_its_token_bucket() -> None:
    clock, events = FakeClock(), Events()
    finished: list[float] = []
    events.subscribe(lambda event: finished.append(clock.now) if isinstance(event, AttemptFinished) else None)
    terminals = [simulated(name=f"t{number}") for number in range(5)]
    pool = MT5SessionManager(config(*terminals, rate=0.5, burst=2), events=events, clock=clock)

    async with pool:
        await until(lambda: len(finished) == 2)
        at_first = sum(session.attached for session in pool.sessions().values())
        for number in (3, 4, 5):
            clock.advance(2.0)
            await until(lambda: len(finished) == number)  # noqa: B023 - awaited here

    assert at_first == 2
    assert finished == [1000.0, 1000.0, 1002.0, 1004.0, 1006.0]
    assert sorted(wait for wait in clock.slept if wait) == [2.0, 4.0, 6.0]


@in_loop
async def test_twenty_terminals_come_up_and_answer_at_once() -> None:
    terminals = [simulated(name=f"t{number}") for number in range(20)]
    async with MT5SessionManager(config(*terminals)) as pool:
        await up(pool)

        ticks = await asyncio.gather(
            *(pool.get_price("BTCUSD", terminal=terminal.name) for terminal in terminals)
        )

        pids = {pid_of(pool, terminal.name) for terminal in terminals}
        assert len(pids) == 20
        assert all(tick.bid > 0 for tick in ticks)
    assert not any(alive(pid) for pid in pids)


@in_loop
async def test_waiting_for_readiness_gives_up_and_settling_takes_a_failure_for_an_answer() -> None:
    missing = simulated(name="missing", command=("/no/such/python",))
    async with MT5SessionManager(config(simulated(), missing)) as pool:
        settled = await pool.wait_settled(timeout=20)
        ready = await pool.wait_ready(timeout=0.05)

        assert settled
        assert not ready


# The end


@in_loop
async def test_closing_leaves_no_process_whatever_the_terminals_do(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yml"
    scenario.write_text("faults: [{fault: not_running, terminal: away}]\n")
    terminals = [
        simulated(name="ready"),
        simulated(scenario, name="away"),
        simulated(name="starting", command=tuple(played("silent"))),
        simulated(name="missing", command=("/no/such/python",)),
    ]
    pool = MT5SessionManager(config(*terminals), clock=Behind())
    pool.open()
    await until(lambda: pool.sessions()["ready"].attached and pool.sessions()["away"].last_error)
    before = children()

    await pool.close()

    assert len(before) >= 3
    assert not any(alive(child.pid) for child in before)
    assert {stats.state for stats in pool.get_stats().values()} == {"stopped"}


@in_loop
async def test_closing_tells_those_who_wait_and_those_who_come() -> None:
    pool = one()
    pool.open()
    await up(pool)
    release = asyncio.Event()

    async def hold() -> MT5Error:
        async with pool.session() as lease:
            await release.wait()
            return await refusal(lease.terminal_info())

    holder = asyncio.ensure_future(hold())
    await until(lambda: pool.get_stats()["desk"].leases == 1)
    waiting = asyncio.ensure_future(refusal(borrow(pool)))
    await until(lambda: pool.get_stats()["desk"].waiting == 1)

    await pool.close()
    late = await refusal(borrow(pool))
    release.set()

    held, waited = await holder, await waiting
    assert [held.reason, waited.reason, late.reason] == ["draining"] * 3
    assert late.message == waited.message == "the manager is closing"
    assert held.message == "the session is stopped"


@in_loop
async def test_an_exception_in_the_context_closes_all_the_same() -> None:
    pids: list[int] = []

    async def fail() -> None:
        async with one() as pool:
            await up(pool)
            pids.append(pid_of(pool))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert not alive(pids[0])


@in_loop
async def test_a_context_that_is_cancelled_closes_all_the_same() -> None:
    pids: list[int] = []

    async def run() -> None:
        async with one() as pool:
            await up(pool)
            pids.append(pid_of(pool))
            await asyncio.Event().wait()

    task = asyncio.ensure_future(run())
    await until(lambda: pids)
    task.cancel()
    await asyncio.wait({task})

    assert task.cancelled()
    assert not alive(pids[0])


@in_loop
async def test_a_scenario_that_changes_reaches_a_worker_that_runs(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yml"
    async with one(scenario) as pool:
        await up(pool)
        pid = pid_of(pool)
        scenario.write_text("faults: [{fault: none, calls: [positions_total]}]\n")

        failure = await refusal(ask_positions(pool))
        scenario.unlink()
        answered = await ask_positions(pool)

        assert (failure.kind, failure.reason) == ("data", "no_data")
        assert isinstance(answered, int)
        assert pid_of(pool) == pid


@in_loop
async def test_a_call_past_its_deadline_costs_the_worker_and_the_pool_goes_on(tmp_path: Path) -> None:
    answers = Answers(tmp_path)
    async with MT5SessionManager(config(answers.config()), fraction=lambda: 0.0) as pool:
        await up(pool)
        pid = pid_of(pool)
        answers.give("orders_total", 2, seconds=30.0)

        async with pool.session() as lease:
            failure = await refusal(lease.orders_total(timeout=0.2))
        answers.give("orders_total", 2)
        await up(pool)

        assert isinstance(failure, MT5TimeoutError)
        assert not psutil.pid_exists(pid) or not alive(pid)
        assert pid_of(pool) != pid
        assert isinstance(pool.clock, SystemClock)


# The public names

PUBLIC = [
    "AccountConfig",
    "BridgeConfig",
    "Config",
    "ConfigError",
    "Lease",
    "MT5AuthenticationError",
    "MT5BrokerError",
    "MT5ConnectionError",
    "MT5DataError",
    "MT5Error",
    "MT5InvalidRequestError",
    "MT5PermissionError",
    "MT5SessionManager",
    "MT5TimeoutError",
    "MT5UnavailableError",
    "Report",
    "SessionStats",
    "SimulationConfig",
    "TerminalConfig",
    "TlsConfig",
    "__version__",
    "load_config",
    "probe",
]


def test_the_public_names_are_these_and_each_one_is_there() -> None:
    found = {name: getattr(mt5_exporter, name) for name in mt5_exporter.__all__}

    assert sorted(mt5_exporter.__all__) == PUBLIC
    assert dir(mt5_exporter) == PUBLIC
    assert found["MT5SessionManager"] is MT5SessionManager
    assert found["Lease"] is Lease
    assert found["MT5Error"] is errors.MT5Error


def test_a_star_import_gives_every_public_name() -> None:
    names: dict[str, object] = {}

    exec("from mt5_exporter import *", names)  # noqa: S102 - the only way to write it in a function

    assert set(PUBLIC) <= set(names)


def test_a_name_that_is_not_public_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="module 'mt5_exporter' has no attribute 'nothing'"):
        mt5_exporter.nothing  # noqa: B018 - it raises


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import sys, mt5_exporter; print(*{m.partition('.')[0] for m in sys.modules} & {*sys.argv})"
    heavy = ["yaml", "starlette", "uvicorn", "apscheduler", "prometheus_client", "mt5_exporter", "asyncio"]

    done = subprocess.run(
        [sys.executable, "-c", code, *heavy], capture_output=True, text=True, timeout=30, check=True
    )

    assert done.stdout.split() == ["mt5_exporter"]


def test_using_the_library_needs_neither_the_web_nor_the_scheduler() -> None:
    code = (
        "import sys; from mt5_exporter import *; print(*(name for name in sys.modules if name in sys.argv))"
    )
    heavy = ["starlette", "uvicorn", "apscheduler", "prometheus_client"]

    done = subprocess.run(
        [sys.executable, "-c", code, *heavy], capture_output=True, text=True, timeout=30, check=True
    )

    assert done.stdout.split() == []
