"""The readings against strategytester5, a MetaTrader 5 that others wrote: what it says is what we serve.

What it cannot do, and is not asked here: leave a symbol out of Market Watch, lose its trade server, charge
swap or a commission on opening, net, close by an opposite position, credit, or refuse by a `last_error`. It
books a partial close's profit for the whole position, reports nearly every deal as one by take-profit,
stops nobody out but only says that it would, and gives a pending order of its history a number that another
one may have. So its deals are compared as it reports them, and of its finished orders those that were filled.
With stop-out levels in money it looks at free margin, as MetaTrader 4 did: that mode is not compared.
"""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.process.running import Scrape
from tests.scripted.desk import Desk, configuration, desk, failures
from tests.session.polling import WEDNESDAY
from tests.session.stage import FakeClock, in_loop

SHIM = Path(__file__).with_name("shim.py")
SERVER_AHEAD = 2 * 3600
"""Seconds of the broker's clock before UTC."""

BUY, SELL, BUY_LIMIT, SELL_LIMIT = range(4)
DEAL, SLTP, PENDING, REMOVE = 1, 6, 5, 8
"""Actions of a trade request."""

SIDES = {BUY: "buy", SELL: "sell"}
ORDER_TYPES = {BUY_LIMIT: "buy_limit", SELL_LIMIT: "sell_limit"}
STRATEGIES = {0: "manual", 1001: "trend", 1002: "grid"}

Row = Mapping[str, object]


class Peer:
    """The peer's world as the test drives it, and what the peer says of it."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self._clock = clock
        self._acts = folder / "acts.jsonl"
        self._says = folder / "says.json"
        self._acts.touch()

    def act(self, name: str, **arguments: object) -> None:
        """Let something happen before the next question."""
        with self._acts.open("a") as file:
            file.write(json.dumps([name, arguments]) + "\n")

    def tick(self, symbol: str, bid: float, ask: float) -> None:
        self._clock.advance(15)
        self.act("tick", symbol=symbol, bid=bid, ask=ask, time=int(self._clock.wall()) + SERVER_AHEAD)

    def deal(self, symbol: str, side: int, volume: float, price: float, **more: object) -> None:
        """Open a position, or close one that is named by `position`."""
        self.act("send", action=DEAL, symbol=symbol, type=side, volume=volume, price=price, **more)

    def says(self) -> "Says":
        """Return what the peer says, after the last question."""
        says = Says(json.loads(self._says.read_text()))
        assert set(says.whole["results"]) <= {10009}, says.whole["results"]
        return says


class Says:
    """The peer's own account of itself."""

    def __init__(self, whole: Mapping[str, "list[object]"]) -> None:
        self.whole = whole

    def rows(self, name: str) -> Sequence[Row]:
        return [row for row in self.whole[name] if isinstance(row, dict)]

    @property
    def account(self) -> Row:
        account: object = self.whole["account"]
        assert isinstance(account, dict)
        return account

    def sums(
        self, name: str, key: Callable[[Row], tuple[str, ...]], amount: Callable[[Row], float]
    ) -> dict[tuple[str, ...], float]:
        """Return an amount of the peer's rows, summed by labels."""
        found: dict[tuple[str, ...], float] = defaultdict(float)
        for row in self.rows(name):
            found[key(row)] += amount(row)
        return dict(found)


def number(row: Row, field: str) -> float:
    value = row[field]
    assert isinstance(value, (int, float))
    return float(value)


def one(_: Row) -> float:
    return 1.0


def text(row: Row, field: str) -> str:
    return str(row[field])


def strategy(row: Row) -> str:
    return STRATEGIES.get(int(number(row, "magic")), "other")


def of_position(row: Row) -> tuple[str, ...]:
    return text(row, "symbol"), SIDES[int(number(row, "type"))], strategy(row)


def of_order(row: Row) -> tuple[str, ...]:
    return text(row, "symbol"), ORDER_TYPES[int(number(row, "type"))], strategy(row)


def served(now: Scrape, name: str, *labels: str) -> dict[tuple[str, ...], float]:
    """Return our series of one metric by the values of these labels; those at 0 say nothing more."""
    return {
        tuple(dict(found)[label] for label in labels): value
        for (metric, found), value in now.samples.items()
        if metric == name and value
    }


def agree(ours: Mapping[tuple[str, ...], float], theirs: Mapping[tuple[str, ...], float]) -> None:
    assert ours == pytest.approx({key: value for key, value in theirs.items() if value}, abs=1e-6)


@asynccontextmanager
async def trading(python: Path, folder: Path) -> AsyncIterator[tuple[Desk, Peer]]:
    """Run our worker on the peer, whose market has a price for both symbols."""
    clock = FakeClock(wall=WEDNESDAY)
    peer = Peer(folder, clock)
    peer.tick("EURUSD", 1.08500, 1.08510)
    peer.tick("GBPUSD", 1.27000, 1.27015)
    config = configuration(
        {"peer": (str(python), str(SHIM), str(folder))},
        "symbols: [EURUSD, GBPUSD]",
        "account: {login: 11223344, server: Peer-Demo}",
        "strategies: {trend: [1001], grid: [1002]}",
        "start_timeout: 20s",
    )
    async with desk(config, clock=clock, folder=folder) as ours:
        yield ours, peer


async def ask(ours: Desk) -> Scrape:
    result = await ours.poll()
    assert failures(result) == []
    return await ours.scrape()


pytestmark = pytest.mark.timeout(300)


def test_the_account_and_what_is_open_are_what_the_peer_says(peer_python: Path, tmp_path: Path) -> None:
    @in_loop
    async def run() -> None:
        async with trading(peer_python, tmp_path) as (ours, peer):
            peer.deal("EURUSD", BUY, 0.30, 1.08510, magic=1001, sl=1.08000, tp=1.09500)
            peer.deal("EURUSD", BUY, 0.20, 1.08510, magic=1001)
            peer.deal("EURUSD", SELL, 0.10, 1.08500, magic=1002, sl=1.09000)
            peer.deal("GBPUSD", SELL, 0.25, 1.27000, tp=1.26000)
            peer.deal("GBPUSD", BUY, 0.05, 1.27015, magic=77)
            peer.act(
                "send", action=PENDING, symbol="EURUSD", type=BUY_LIMIT, volume=0.4, price=1.07, magic=1001
            )
            peer.act(
                "send", action=PENDING, symbol="EURUSD", type=BUY_LIMIT, volume=0.1, price=1.06, magic=1001
            )
            peer.act("send", action=PENDING, symbol="GBPUSD", type=SELL_LIMIT, volume=0.2, price=1.28)
            peer.tick("EURUSD", 1.08620, 1.08635)
            peer.tick("GBPUSD", 1.27110, 1.27120)

            now = await ask(ours)

            says = peer.says()
            assert len(says.rows("positions")) == 5
            labels = ("symbol", "side", "strategy")
            for metric, amount in {
                "mt5_positions": one,
                "mt5_positions_volume_lots": lambda row: number(row, "volume"),
                "mt5_positions_profit": lambda row: number(row, "profit"),
                "mt5_positions_swap": lambda row: number(row, "swap"),
                "mt5_positions_without_stop_loss": lambda row: float(not row["sl"]),
                "mt5_positions_without_take_profit": lambda row: float(not row["tp"]),
            }.items():
                agree(served(now, metric, *labels), says.sums("positions", of_position, amount))
            worth = iter(says.whole["values"])
            values = says.sums("positions", of_position, lambda _: number({"": next(worth)}, ""))
            assert served(now, "mt5_positions_exposure", *labels) == pytest.approx(values, rel=1e-4)
            labels = ("symbol", "kind", "strategy")
            agree(served(now, "mt5_orders", *labels), says.sums("orders", of_order, one))
            volumes = says.sums("orders", of_order, lambda row: number(row, "volume_current"))
            agree(served(now, "mt5_orders_volume_lots", *labels), volumes)
            account_agrees(now, says)
            assert now.get("mt5_account_positions", terminal="peer") == 5
            assert now.get("mt5_account_orders", terminal="peer") == 3
            assert now.get("mt5_symbol_bid", terminal="peer", symbol="EURUSD") == 1.0862
            assert now.get("mt5_symbol_ask", terminal="peer", symbol="GBPUSD") == 1.2712
            assert now.get("mt5_symbol_spread_points", terminal="peer", symbol="EURUSD") == pytest.approx(15)

    run()


def account_agrees(now: Scrape, says: Says) -> None:
    for field in ("balance", "equity", "profit", "margin", "margin_free", "leverage"):
        assert now.get(f"mt5_account_{field}", terminal="peer") == pytest.approx(number(says.account, field))
    level = now.get("mt5_account_margin_level_ratio", terminal="peer")
    if number(says.account, "margin"):
        assert level == pytest.approx(number(says.account, "margin_level") / 100)
    else:
        assert level is None


def test_the_distances_to_margin_call_and_stop_out_are_where_the_peer_calls_and_stops_out(
    peer_python: Path, tmp_path: Path
) -> None:
    @in_loop
    async def run() -> None:
        async with trading(peer_python, tmp_path) as (ours, peer):
            peer.deal("EURUSD", BUY, 2.0, 1.08510)
            peer.tick("EURUSD", 1.06, 1.06010)
            now = await ask(ours)
            equity = number(peer.says().account, "equity")
            call = now.get("mt5_account_margin_call_distance", terminal="peer")
            stop = now.get("mt5_account_stop_out_distance", terminal="peer")
            assert call is not None
            assert stop is not None
            for less in (call - 0.01, call + 0.01, stop - 0.01, stop + 0.01):
                peer.act("judge", equity=equity - less)

            await ask(ours)

            assert peer.says().whole["judged"] == ["OK", "MARGIN_CALL", "MARGIN_CALL", "STOP_OUT"]

    run()


def test_every_deal_and_finished_order_is_counted_as_the_peer_reports_it(
    peer_python: Path, tmp_path: Path
) -> None:
    @in_loop
    async def run() -> None:
        async with trading(peer_python, tmp_path) as (ours, peer):
            peer.act("deposit", amount=2500.0)
            await baseline(ours, peer)
            before = peer.says()
            peer.act("deposit", amount=1000.0)
            peer.deal("EURUSD", BUY, 0.50, 1.08510, magic=1001)
            peer.deal("EURUSD", BUY, 0.20, 1.08510, magic=1002, tp=1.08700)
            peer.deal("GBPUSD", SELL, 0.50, 1.27000, magic=1002, sl=1.27500)
            await ask(ours)
            peer.tick("EURUSD", 1.08610, 1.08620)
            peer.deal("EURUSD", SELL, 0.25, 1.08610, magic=1001, position=1)
            await ask(ours)
            peer.tick("EURUSD", 1.08710, 1.08720)
            peer.tick("GBPUSD", 1.27600, 1.27610)
            peer.deal("EURUSD", SELL, 0.25, 1.08710, magic=1001, position=1)
            peer.act("deposit", amount=-400.0)

            now = await ask(ours)

            says = peer.says()
            assert says.rows("positions") == []
            deals_agree(now, says, since=len(before.rows("deals")))
            orders = Says({"orders": list(says.whole["history_orders"])})
            ended = orders.sums("orders", lambda row: (text(row, "symbol"), "filled", strategy(row)), one)
            agree(served(now, "mt5_history_orders_total", "symbol", "state", "strategy"), ended)
            account_agrees(now, says)

    run()


async def baseline(ours: Desk, peer: Peer) -> None:
    """Poll until the history has been taken over; the market goes on meanwhile."""
    for _ in range(20):
        now = await ask(ours)
        if now.get("mt5_history_since_timestamp_seconds", terminal="peer"):
            return
        for symbol, bid in {"EURUSD": 1.085, "GBPUSD": 1.27}.items():
            peer.tick(symbol, bid, bid + 0.0001)
    raise AssertionError("no baseline after 20 polls")


def deals_agree(now: Scrape, says: Says, *, since: int) -> None:
    """Compare every counter of deals with the sums of the peer's own deals that came after the baseline."""
    deals = Says({"deals": list(says.whole["deals"][since:])})
    trades = Says({"deals": [row for row in deals.rows("deals") if row["type"] in SIDES]})
    others = Says({"deals": [row for row in deals.rows("deals") if row["type"] not in SIDES]})
    assert trades.rows("deals")
    assert others.rows("deals")
    labels = ("symbol", "side", "entry", "strategy")
    for metric, amount in {
        "mt5_deals_total": one,
        "mt5_deals_volume_lots_total": lambda row: number(row, "volume"),
        "mt5_deals_profit_total": lambda row: max(0.0, number(row, "profit")),
        "mt5_deals_loss_total": lambda row: max(0.0, -number(row, "profit")),
        "mt5_deals_commission_paid_total": lambda row: max(0.0, -number(row, "commission")),
    }.items():
        agree(added(now, metric, *labels), trades.sums("deals", of_deal, amount))
    kind = lambda _: ("balance",)  # noqa: E731 - the peer books no other
    agree(served(now, "mt5_account_operations_total", "kind"), others.sums("deals", kind, one))
    for metric, sign in {"received": 1, "paid": -1}.items():
        amounts = others.sums("deals", kind, partial(of_sign, sign))
        agree(served(now, f"mt5_account_operations_{metric}_total", "kind"), amounts)


def of_sign(sign: int, row: Row) -> float:
    return max(0.0, sign * number(row, "profit"))


def added(now: Scrape, name: str, *labels: str) -> dict[tuple[str, ...], float]:
    """Return our series summed over all other labels."""
    found: dict[tuple[str, ...], float] = defaultdict(float)
    for (metric, pairs), value in now.samples.items():
        if metric == name:
            found[tuple(dict(pairs)[label] for label in labels)] += value
    return {key: value for key, value in found.items() if value}


def of_deal(row: Row) -> tuple[str, ...]:
    """Return the labels of one of the peer's deals; one that closes is on the other side of its position."""
    entry, kind = {0: "in", 1: "out"}[int(number(row, "entry"))], int(number(row, "type"))
    return text(row, "symbol"), SIDES[kind if entry == "in" else 1 - kind], entry, strategy(row)
