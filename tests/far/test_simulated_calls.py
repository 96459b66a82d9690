"""How the simulated functions answer: before initialize, to bad arguments, and to filters."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from mt5_exporter.far.drivers.simulated.catalogue import CATALOGUE
from mt5_exporter.far.drivers.simulated.terminal import Terminal
from tests.far.simulation import DAY, PATH, THURSDAY, Stage
from tests.real_mt5 import battery

NO_IPC = (-10004, "No IPC connection")
OLD = (-5, "Terminal: Incompatible versions, please install the latest version of Terminal and Python module")
OK = (1, "Success")
COUNT = (-2, "Invalid number of arguments")
BAD = (-2, "Invalid arguments")
UNNAMED = (-2, "Unnamed arguments not allowed")

Call = Callable[[Terminal], object]


def bad(name: str) -> tuple[int, str]:
    return (-2, f'Invalid "{name}" argument')


def unnamed(place: str) -> tuple[int, str]:
    return (-2, f"Invalid {place} unnamed argument")


def test_there_is_no_error_before_the_first_call() -> None:
    api = Stage().api

    error = api.last_error()

    assert error == (0, "")


@pytest.mark.parametrize(
    ("call", "value", "error"),
    [
        (lambda api: api.account_info(), None, NO_IPC),
        (lambda api: api.terminal_info(), None, NO_IPC),
        (lambda api: api.positions_get(), None, NO_IPC),
        (lambda api: api.positions_total(), None, NO_IPC),
        (lambda api: api.orders_get(), None, NO_IPC),
        (lambda api: api.orders_total(), None, NO_IPC),
        (lambda api: api.symbol_info("EURUSD"), None, NO_IPC),
        (lambda api: api.symbol_info_tick("EURUSD"), None, NO_IPC),
        (lambda api: api.history_deals_get(0, 1), None, NO_IPC),
        (lambda api: api.history_deals_total(0, 1), None, NO_IPC),
        (lambda api: api.history_orders_get(0, 1), None, NO_IPC),
        (lambda api: api.history_orders_total(0, 1), None, NO_IPC),
        (lambda api: api.version(), (0, 0, ""), NO_IPC),
        (lambda api: api.symbol_select("EURUSD"), False, NO_IPC),
        (lambda api: api.login(123, password="p", server="s", timeout=1), False, NO_IPC),
        (lambda api: api.symbols_total(), None, OLD),
        (lambda api: api.symbols_get(), None, OLD),
        (lambda api: api.shutdown(), True, OK),
    ],
)
def test_a_call_before_initialize_answers_as_the_genuine_one(
    call: Call, value: object, error: tuple[int, str]
) -> None:
    api = Stage().api

    answer = call(api)

    assert answer == value
    assert api.last_error() == error


@pytest.mark.parametrize(
    ("call", "value", "error"),
    [
        (lambda api: api.initialize(5), False, unnamed("1st")),
        (lambda api: api.initialize(PATH, PATH), False, COUNT),
        (lambda api: api.initialize(path="x" * 258), False, bad("path")),
        (lambda api: api.initialize(timeout="1"), False, bad("timeout")),
        (lambda api: api.initialize(login="1"), False, bad("login")),
        (lambda api: api.initialize(login=None), False, bad("login")),
        (lambda api: api.initialize(password=1), False, bad("password")),
        (lambda api: api.initialize(password="x" * 254), False, bad("password")),
        (lambda api: api.initialize(server=1, password=1), False, bad("server")),
        (lambda api: api.initialize(5, login="1"), False, unnamed("1st")),
        (lambda api: api.initialize(login="1", timeout="1", path=5), False, bad("login")),
        (lambda api: api.login(), False, bad("login")),
        (lambda api: api.login(0), False, bad("login")),
        (lambda api: api.login("123"), False, unnamed("1st")),
        (lambda api: api.login(123, 5), False, unnamed("2nd")),
        (lambda api: api.login(123, "any", 5), False, unnamed("3rd")),
        (lambda api: api.login(123, "any", "any", 5), False, COUNT),
        (lambda api: api.login(123, password=5, server=5), False, bad("server")),
        (lambda api: api.login(0, timeout=None), False, bad("timeout")),
        (lambda api: api.positions_get("EURUSD"), None, UNNAMED),
        (lambda api: api.positions_get(symbol=5), None, bad("symbol")),
        (lambda api: api.positions_get(symbol=None), None, bad("symbol")),
        (lambda api: api.positions_get(symbol="x" * 30), None, bad("symbol")),
        (lambda api: api.positions_get(group=5), None, bad("group")),
        (lambda api: api.positions_get(group="x" * 1998), None, bad("group")),
        (lambda api: api.positions_get(symbol=5, ticket="5"), None, bad("ticket")),
        (lambda api: api.orders_get("EURUSD"), None, UNNAMED),
        (lambda api: api.symbol_info(), None, BAD),
        (lambda api: api.symbol_info("EURUSD", 1), None, BAD),
        (lambda api: api.symbol_info(5), None, BAD),
        (lambda api: api.symbol_info("x" * 30), None, BAD),
        (lambda api: api.symbol_info_tick(5), None, BAD),
        (lambda api: api.symbol_select(), False, BAD),
        (lambda api: api.symbol_select(5), False, BAD),
        (lambda api: api.symbol_select("EURUSD", True, 1), False, BAD),
        (lambda api: api.symbols_get("a", "b"), False, COUNT),
        (lambda api: api.symbols_get(5), False, unnamed("1st")),
        (lambda api: api.symbols_get("a", group=5), False, bad("group")),
        (lambda api: api.history_deals_get(), None, BAD),
        (lambda api: api.history_deals_get(0), None, BAD),
        (lambda api: api.history_deals_get(0, 1, 2), None, BAD),
        (lambda api: api.history_deals_get("0", 1), None, BAD),
        (lambda api: api.history_deals_get(0, "1"), None, BAD),
        (lambda api: api.history_deals_get(date_from=0, date_to=1), None, BAD),
        (lambda api: api.history_deals_get(0, 1, group=5), None, bad("group")),
        (lambda api: api.history_deals_get(0, position=1), None, UNNAMED),
        (lambda api: api.history_deals_get(position="1"), None, bad("position")),
        (lambda api: api.history_deals_get(position="1", ticket="1"), None, bad("ticket")),
        (lambda api: api.history_orders_total(0), None, BAD),
    ],
)
@pytest.mark.parametrize("attached", [False, True])
def test_a_bad_argument_is_refused_in_words_with_or_without_a_session(
    call: Call, value: object, error: tuple[int, str], *, attached: bool
) -> None:
    api = Stage().attach() if attached else Stage().api

    answer = call(api)

    assert answer == value
    assert api.last_error() == error


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda api: api.initialize(login=-1), bad("login")),
        (lambda api: api.initialize(timeout=2**32), bad("timeout")),
        (lambda api: api.login(2**64), unnamed("1st")),
        (lambda api: api.positions_get(ticket=-1), bad("ticket")),
        (lambda api: api.history_orders_get(position=-1), bad("position")),
        (lambda api: api.history_deals_total(0, datetime(1969, 1, 1)), BAD),  # noqa: DTZ001
        (lambda api: api.history_deals_total(2**31, datetime.now(UTC)), BAD),
        (lambda api: api.history_deals_get(2**31, 1, group=5), bad("group")),
        (lambda api: api.history_deals_get(0, 2**31), OK),
    ],
)
def test_a_number_too_large_for_c_raises_beside_its_error(call: Call, error: tuple[int, str]) -> None:
    api = Stage().attach()

    with pytest.raises(SystemError, match="returned a result with an exception set"):
        call(api)

    assert api.last_error() == error


@pytest.mark.parametrize(
    ("call", "value", "error"),
    [
        (lambda api: api.initialize(bogus=1, portable="yes"), True, OK),
        (lambda api: api.initialize("elsewhere", path=PATH, login=0), True, OK),
        (lambda api: api.login(login=123), True, OK),
        (lambda api: api.login(123, "any", "Elsewhere", server="Simulated-Demo"), True, OK),
        (lambda api: api.positions_get(bogus=5, symbol="none", group=5), (), OK),
        (lambda api: api.history_deals_get(0, 1, ticket="bogus"), (), OK),
        (lambda api: api.symbol_select("EURUSD\0never read", "yes"), True, OK),
        (lambda api: api.symbol_info("NOPE"), None, (-4, "Terminal: Not found")),
        (lambda api: api.symbol_info_tick("NOPE"), None, (-4, "Terminal: Not found")),
        (lambda api: api.symbol_select("NOPE"), False, (-4, "Terminal: Not found")),
        (lambda api: api.symbol_info_tick("EURGBP"), None, (-1, "Terminal: Call failed")),
    ],
)
def test_a_call_with_good_arguments_is_answered_by_the_terminal(
    call: Call, value: object, error: tuple[int, str]
) -> None:
    api = Stage().attach()

    answer = call(api)

    assert answer == value
    assert api.last_error() == error


@pytest.mark.parametrize("function", ["account_info", "terminal_info", "symbols_total", "positions_total"])
def test_an_argument_where_there_is_none_raises(function: str) -> None:
    call = getattr(Stage().attach(), function)

    with pytest.raises(TypeError):
        call(1)


@pytest.mark.parametrize(
    "function",
    ["history_deals_total", "history_orders_total", "symbol_info", "symbol_info_tick", "symbol_select"],
)
def test_what_takes_its_arguments_by_place_raises_at_a_name(function: str) -> None:
    call = getattr(Stage().attach(), function)

    with pytest.raises(TypeError):
        call(symbol="EURUSD")


def test_bad_arguments_are_told_before_the_lack_of_a_session() -> None:
    attached, unattached = Stage().attach(), Stage().api
    calls = (case for case in battery.cases() if case[0] not in {"initialize", "shutdown"})
    answers = ((case, battery.answer(unattached, case)) for case in calls)

    refused = {battery.name_of(case): (case, answer) for case, answer in answers if answer[1] == BAD[0]}

    assert len(refused) > 10_000
    assert all(battery.answer(attached, case) == answer for case, answer in refused.values())


def test_every_call_overwrites_the_last_error() -> None:
    api = Stage().attach()
    api.symbol_info("NOPE")

    api.account_info()

    assert api.last_error() == OK


def test_the_version_is_that_of_the_terminal() -> None:
    api = Stage().attach()
    info = api.terminal_info()
    assert info is not None

    version = api.version()

    assert version == (500, info.build, "14 Nov 2025")


def test_the_terminal_lies_where_it_was_attached_to() -> None:
    info = Stage().attach().terminal_info()

    path = info.path if info else ""

    assert path == "C:\\MT5\\desk"


def test_after_shutdown_there_is_no_session() -> None:
    api = Stage().attach()
    api.shutdown()

    info = api.account_info()

    assert info is None
    assert api.last_error() == NO_IPC


def test_a_failed_initialize_leaves_no_session() -> None:
    api = Stage().attach()
    api.initialize(5)

    info = api.account_info()

    assert info is None


@pytest.mark.parametrize(
    ("login", "server", "value", "code"),
    [
        (123, "Simulated-Demo", True, 1),
        (123, "", True, 1),
        (123, "Elsewhere", False, -6),
        (124, "Simulated-Demo", False, -6),
    ],
)
def test_a_login_needs_the_scenarios_account(login: int, server: str, value: bool, code: int) -> None:
    api = Stage().attach()

    answer = api.login(login, password="any", server=server, timeout=1000)

    assert (answer, api.last_error()[0]) == (value, code)


@pytest.mark.parametrize(("login", "value"), [(123, True), (999, False)])
def test_initialize_logs_in_where_it_is_given_an_account(login: int, value: bool) -> None:
    api = Stage().api

    answer = api.initialize(PATH, login=login, password="any")

    assert answer is value
    assert (api.account_info() is not None) is value


@pytest.mark.parametrize(
    ("group", "names"),
    [
        ("*USD*,!EUR*", {"GBPUSD", "USDJPY", "USDCHF", "AUDUSD", "XAUUSD", "BTCUSD", "ETHUSD"}),
        ("*,!*USD*,!US5*", {"EURGBP"}),
        ("EURUSD, ETH*", {"EURUSD", "ETHUSD"}),
        ("!EUR*,*JPY", {"USDJPY"}),
        ("eurusd", set()),
        ("*", set(CATALOGUE)),
    ],
)
def test_a_group_keeps_and_drops_in_order(group: str, names: set[str]) -> None:
    api = Stage().attach()

    by_name, by_place = api.symbols_get(group=group), api.symbols_get(group)

    assert {symbol.name for symbol in by_name or ()} == names
    assert by_place == by_name


def test_symbols_total_counts_what_symbols_get_lists() -> None:
    api = Stage().attach()

    listed = api.symbols_get() or ()

    assert api.symbols_total() == len(listed) == len(CATALOGUE)


def test_positions_are_found_by_symbol_group_and_ticket() -> None:
    api = Stage().attach()
    everything = api.positions_get() or ()
    one = everything[0]

    found = [
        api.positions_get(symbol=one.symbol),
        api.positions_get(group=f"*,!{one.symbol}"),
        api.positions_get(ticket=one.ticket),
    ]

    assert found[0] == tuple(row for row in everything if row.symbol == one.symbol)
    assert found[1] == tuple(row for row in everything if row.symbol != one.symbol)
    assert found[2] == (one,)


def test_orders_are_found_by_symbol_and_ticket() -> None:
    api = Stage().attach()
    everything = api.orders_get() or ()
    one = everything[0]

    found = [api.orders_get(ticket=one.ticket), api.orders_get(symbol=one.symbol)]

    assert found[0] == (one,)
    assert one in (found[1] or ())
    assert api.orders_total() == len(everything)


def test_history_is_found_by_a_span_of_server_time_with_both_ends() -> None:
    api = Stage().attach()
    everything = api.history_deals_get(0, 4e9) or ()
    first, last = everything[3], everything[9]

    between = api.history_deals_get(first.time, last.time)

    assert between == everything[3:10]
    assert api.history_deals_total(first.time, last.time) == 7


def test_a_span_may_be_given_as_datetimes() -> None:
    api = Stage().attach()
    start, end = THURSDAY - DAY, THURSDAY + DAY

    counts = [
        api.history_orders_total(start, end),
        api.history_orders_total(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)),
    ]

    assert counts[0] == counts[1] == len(api.history_orders_get(start, end) or ())
    assert counts[0]


def test_history_of_a_position_is_its_two_orders_and_its_two_deals() -> None:
    api = Stage().attach()
    opening = (api.history_deals_get(0, 4e9) or ())[1]

    deals = api.history_deals_get(position=opening.position_id) or ()
    orders = api.history_orders_get(position=opening.position_id) or ()

    assert [deal.entry for deal in deals] == [0, 1]
    assert [order.ticket for order in orders] == [deal.order for deal in deals]


def test_a_ticket_in_the_history_is_an_orders() -> None:
    api = Stage().attach()
    opening = (api.history_deals_get(0, 4e9) or ())[1]

    deals = api.history_deals_get(ticket=opening.order) or ()
    orders = api.history_orders_get(ticket=opening.order) or ()

    assert deals == (opening,)
    assert [order.ticket for order in orders] == [opening.order]


def test_a_group_filters_history_and_a_star_keeps_the_deposit() -> None:
    api = Stage().attach()

    everything = api.history_deals_get(0, 4e9, group="*") or ()
    bitcoin = api.history_deals_get(0, 4e9, group="BTC*") or ()

    assert everything == api.history_deals_get(0, 4e9)
    assert {deal.symbol for deal in bitcoin} == {"BTCUSD"}


def test_a_symbol_outside_market_watch_shows_no_prices_until_it_is_selected() -> None:
    api = Stage().attach()
    before = api.symbol_info("EURGBP")
    assert before is not None

    selected = api.symbol_select("EURGBP", True)

    after = api.symbol_info("EURGBP")
    assert selected
    assert after is not None
    assert (before.select, before.visible, before.bid, before.time) == (False, False, 0.0, 0)
    assert after.select
    assert after.spread == round((after.ask - after.bid) / after.point)
    assert api.symbol_info_tick("EURGBP") is not None


def test_a_symbol_leaves_market_watch_unless_a_position_holds_it() -> None:
    api = Stage().attach()
    held = (api.positions_get() or ())[0].symbol
    free = next(name for name in ("EURUSD", "ETHUSD") if not api.positions_get(symbol=name))
    api.symbol_select(free)

    left = api.symbol_select(free, False), api.symbol_select(held, False)

    assert left == (True, False)
    assert api.last_error() == (-1, "Terminal: Call failed")
    assert api.symbol_info_tick(free) is None
    assert api.symbol_info_tick(held) is not None
