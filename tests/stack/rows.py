"""The faults of the matrix: of simulated and scripted terminals, and of whole exporters."""

import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from mt5_exporter.server_clock import WINDOW
from tests.stack.fleet import POSITION, Exporter, Scripted, Simulated, Terminal, real, spelled
from tests.stack.matrix import Act, Page, Row
from tests.stack.program import free_ports
from tests.stack.stack import Stack

OURS = "account: {login: 5000001, server: Simulated-Demo}"
LOST = f"fault: no_ipc, for: {spelled(5)}"
"""Ends the session: some faults meet only a new one."""

AGE = real(120)
"""Seconds after which the fleet's limit calls a price too old."""


def every(period: float, fault: str, *, lasts: float) -> list[str]:
    """Return a fault that lasts so many seconds of every period, for two hours, all at full scale."""
    return [f"{fault}, at: {spelled(n * period)}, for: {spelled(lasts)}" for n in range(round(7200 / period))]


DOWN = (Page(alert="MT5TerminalDown"),)
NOT_AUTHORISED = (Page(alert="MT5TerminalNotAuthorised"),)
DATA_STALE = (Page(alert="MT5ExporterDataStale", after=real(45)),)

SIMULATED: Sequence[tuple[str, str, Sequence[str], Sequence[Page]]] = (
    ("terminal closed", "not-running", ["fault: not_running"], DOWN),
    ("terminal's pipe gone", "no-ipc", ["fault: no_ipc"], DOWN),
    ("terminal starts and opens no pipe", "no-pipe", [LOST, "fault: no_pipe"], DOWN),
    ("terminal's pipe busy", "busy", [LOST, "fault: busy"], DOWN),
    ("every call hangs", "hang", ["fault: hang"], DOWN),
    ("every call hangs and holds the GIL", "hang-gil", ["fault: hang_gil"], DOWN),
    ("every call ends the worker", "crash", ["fault: crash"], DOWN),
    ("every call is a segmentation fault", "segfault", ["fault: segfault"], DOWN),
    ("garbage instead of a reply", "garbage", ["fault: garbage"], DOWN),
    ("half a reply", "half-frame", ["fault: half_frame"], DOWN),
    ("a reply of a gigabyte", "huge-frame", ["fault: huge_frame"], DOWN),
    ("a reply to another request", "wrong-id", ["fault: wrong_id"], DOWN),
    ("calls slower than their deadline", "slow", ["fault: slow, seconds: 3s"], DOWN),
    ("12 % availability", "mostly-down", every(150, "fault: not_running", lasts=132), DOWN),
    ("terminal not authorised in time", "not-authorised", [LOST, "fault: not_authorised"], NOT_AUTHORISED),
    ("login rejected", "auth-failed", [LOST, "fault: auth_failed"], NOT_AUTHORISED),
    ("account switched", "switched", ["fault: account_switch"], [Page(alert="MT5WrongAccount")]),
    ("Algo Trading off", "algo-off", ["fault: algo_off"], [Page(alert="MT5TradingDisabled")]),
    (
        "trade server lost, and with it prices, ping and orders",
        "disconnected",
        ["fault: disconnected"],
        [Page(alert="MT5BrokerDisconnected")],
    ),
    (
        "trade server lost and found, again and again",
        "flapping",
        every(60, "fault: disconnected", lasts=22),
        [Page(alert="MT5BrokerConnectionFlapping")],
    ),
    (
        "every symbol's prices stand still",
        "feeds",
        ["fault: stale_ticks"],
        [Page(alert="MT5AllFeedsStale", after=AGE)],
    ),
    (
        "one symbol's prices stand still",
        "feed",
        ["fault: stale_ticks, symbols: [ETHUSD]"],
        [Page(alert="MT5SymbolFeedStale", after=AGE)],
    ),
    ("one reading refused", "refused", ["fault: call_failed, calls: [orders_get]"], DATA_STALE),
    ("one reading answers None", "none", ["fault: none, calls: [orders_get]"], DATA_STALE),
    (
        "one reading fails two times of three",
        "flaky",
        every(45, "fault: call_failed, calls: [orders_get]", lasts=30),
        [Page(alert="MT5ReadingFailing")],
    ),
    (
        "worker leaks memory",
        "leak",
        ["fault: memory_growth, bytes: 1MiB"],
        [Page(alert="MT5WorkerRestarting")],
    ),
    ("nothing at all", "calm", (), ()),
    ("calls somewhat slow", "slowish", ["fault: slow, seconds: 20ms"], ()),
    ("worker writes much to stderr", "stderr", ["fault: stderr_flood, bytes: 4KiB"], ()),
    ("one lost poll", "blip", [f"fault: call_failed, for: {spelled(14)}"], ()),
    ("one crash of the worker", "one-crash", [f"fault: crash, for: {spelled(5)}"], ()),
    ("trade server lost for a minute", "short", [f"fault: disconnected, for: {spelled(60)}"], ()),
)
"""What, the terminal's name, what it plays, and what must be told."""

KEYS = {
    "feeds": "symbols: [BTCUSD, ETHUSD]",
    "feed": "symbols: [BTCUSD, ETHUSD]",
    "flaky": f"stale_after: {spelled(90)}",
    "leak": "max_worker_memory: 64MiB",
}
"""What a terminal needs in its configuration, by its name."""


def simulated(instance: str, folder: Path) -> Iterator[tuple[Terminal, Row]]:
    """Yield the terminals that play a fault, with their rows."""
    for fault, name, plays, pages in SIMULATED:
        terminal = Simulated(name, folder, config=f"{OURS}\n{KEYS.get(name, '')}")
        strike = partial(terminal.play, *plays)
        yield (
            terminal,
            Row(
                fault=fault,
                instance=instance,
                terminal=name,
                steps=[(0.0, strike)],
                heal=[terminal.play],
                pages=pages,
            ),
        )


def scripted(instance: str, folder: Path) -> Iterator[tuple[Terminal, Row]]:
    """Yield the terminals whose account is written by hand, with their rows."""
    for rows in (of_money, of_outages, of_trading, of_the_terminal):
        for fault, terminal, steps, heal, pages in rows(folder):
            yield (
                terminal,
                Row(
                    fault=fault,
                    instance=instance,
                    terminal=terminal.name,
                    steps=steps,
                    heal=[heal],
                    pages=pages,
                ),
            )


Script = tuple[str, Scripted, Sequence[tuple[float, Act]], Act, Sequence[Page]]
"""What, to whom, the steps, how it is put right, and what must be told."""


def of_money(folder: Path) -> Iterator[Script]:
    """Yield what margin and losses bring."""
    # No day of an account begins while this runs.
    reset = time.strftime("%H:%M", time.gmtime(time.time() + 43_200))
    daily, drawdown = (
        f"risk: {{initial_balance: 10000, {rule}, day: {{reset: '{reset}', timezone: UTC}}}}"
        for rule in ("daily_loss: {limit: 5%, of: initial}", "drawdown: {kind: static, limit: 10%}")
    )
    terminal = Scripted("margin-low", folder)
    # A deep fall at once would let it be foreseen that the margin is soon gone, and that is another alert.
    terminal.has(margin=4_762.0)
    yield (
        "margin level 195 % after 210 %",
        terminal,
        [(0.0, partial(terminal.has, margin=5_128.0))],
        partial(terminal.has, margin=4_762.0),
        [Page(alert="MT5MarginLevelLow")],
    )
    for fault, name, risk, equity, margin, alert in (
        ("margin level 110 %", "margin-call-near", "", 10_000.0, 9_090.0, "MT5NearMarginCall"),
        ("margin level 90 %, cause of three alerts", "margin-call", "", 9_000.0, 10_000.0, "MT5NearStopOut"),
        ("75 % of the daily loss used", "loss-high", daily, 9_625.0, 1_000.0, "MT5DailyLossHigh"),
        ("95 % of the daily loss used", "loss-critical", daily, 9_525.0, 1_000.0, "MT5DailyLossCritical"),
        ("75 % of the drawdown used", "drawdown-high", drawdown, 9_250.0, 1_000.0, "MT5DrawdownHigh"),
        ("95 % of the drawdown used", "drawdown-critical", drawdown, 9_050.0, 1_000.0, "MT5DrawdownCritical"),
    ):
        terminal = Scripted(name, folder, config=risk)
        strike = partial(terminal.has, equity=equity, margin=margin)
        yield fault, terminal, [(0.0, strike)], terminal.has, [Page(alert=alert)]

    terminal = Scripted("margin-falls", folder)
    falls: list[tuple[float, Act]] = [
        (real(15 * n), partial(terminal.has, equity=9_900.0 - 56.0 * n, margin=5_000.0)) for n in range(67)
    ]
    low, exhausted = Page(alert="MT5MarginLevelLow"), Page(alert="MT5MarginExhaustionPredicted")
    yield (
        "margin level falls from 198 % by 7.5 % in a quarter of an hour",
        terminal,
        falls,
        terminal.has,
        [low, exhausted],
    )


def of_outages(folder: Path) -> Iterator[Script]:
    """Yield what the end of a terminal brings that has something at risk."""
    blind = Page(alert="MT5BlindWhileAtRisk")
    terminal = Scripted("blind", folder)
    yield (
        "terminal with open positions killed",
        terminal,
        [(0.0, terminal.vanish)],
        terminal.come_back,
        [blind],
    )

    terminal = Scripted("margin-then-gone", folder)

    def mend(desk: Scripted) -> None:
        desk.has()
        desk.come_back()

    yield (
        "margin level 90 %, then the terminal killed",
        terminal,
        [(0.0, partial(terminal.has, equity=9_000.0, margin=10_000.0)), (real(240), terminal.vanish)],
        partial(mend, terminal),
        [Page(alert="MT5NearStopOut"), replace(blind, after=real(240))],
    )

    # It fires for an hour, by the times of this machine: no recovery is told.
    stopped = Page(alert="MT5StopOutHappened", resolved=False)
    terminal = Scripted("stop-out", folder)
    yield "stop-out", terminal, [(0.0, terminal.stop_out)], terminal.has, [stopped]

    terminal = Scripted("stop-out-unseen", folder)
    yield (
        "stop-out during an outage",
        terminal,
        [(0.0, terminal.vanish), (real(120), terminal.stop_out), (real(480), terminal.come_back)],
        terminal.has,
        [replace(blind, healed=real(480)), replace(stopped, after=real(480))],
    )


def of_trading(folder: Path) -> Iterator[Script]:
    """Yield what happens to positions, orders and those who look after them."""
    terminal = Scripted("rejections", folder)
    yield (
        "eight orders rejected",
        terminal,
        [(0.0, terminal.reject)],
        terminal.has,
        # They are past at once.
        [Page(alert="MT5OrdersRejected", healed=0.0)],
    )

    terminal = Scripted("orders", folder)
    terminal.world.order(3, symbol="BTCUSD")
    yield (
        "all of the allowed orders pending",
        terminal,
        [(0.0, partial(terminal.has, limit_orders=1))],
        terminal.has,
        [Page(alert="MT5OrdersNearLimit")],
    )

    terminal = Scripted("no-stop-loss", folder, limits={"positions_without_stop_loss": 0})
    naked = partial(terminal.world.position, 8, time=int(time.time()), **{**POSITION, "sl": 0.0})
    yield (
        "position without a stop loss",
        terminal,
        [(0.0, naked)],
        partial(terminal.world.close_position, 8),
        [Page(alert="MT5PositionWithoutStopLoss")],
    )

    terminal = Scripted(
        "expert",
        folder,
        config=f"heartbeat_files: {{trend: {folder / 'expert.heartbeat'}}}",
        limits={"expert_heartbeat_age_seconds": real(60)},
    )

    yield (
        "expert advisor without a sign of life",
        terminal,
        [(0.0, partial(setattr, terminal, "beating", False))],
        partial(setattr, terminal, "beating", True),
        [Page(alert="MT5ExpertHeartbeatOld", after=real(60))],
    )

    terminal = Scripted("forbidden", folder)
    yield (
        "broker forbids trading",
        terminal,
        [(0.0, partial(terminal.has, trade_allowed=False))],
        terminal.has,
        [Page(alert="MT5TradingDisabled")],
    )


def of_the_terminal(folder: Path) -> Iterator[Script]:
    """Yield what a terminal says of its line and of its symbols."""
    for fault, name, fields, alert in (
        ("ping of 900 ms", "ping", {"ping_last": 900_000}, "MT5BrokerPingHigh"),
        ("20 % of the packets sent again", "packets", {"retransmission": 20.0}, "MT5BrokerPacketLoss"),
    ):
        terminal = Scripted(name, folder)
        strike = partial(terminal.world.terminal, **fields)
        yield fault, terminal, [(0.0, strike)], terminal.world.terminal, [Page(alert=alert)]

    terminal = Scripted("clock", folder)
    yield (
        "trade server's clock 400 s ahead",
        terminal,
        [(0.0, partial(setattr, terminal, "ahead", 400.0))],
        partial(setattr, terminal, "ahead", 0.0),
        [Page(alert="MT5ServerClockSkew", heals_in=WINDOW * real(15))],
    )

    terminal = Scripted("unknown", folder)
    yield (
        "symbol no more known to the broker",
        terminal,
        [(0.0, partial(terminal.world.drop_symbol, "BTCUSD"))],
        partial(terminal.world.symbol, "BTCUSD"),
        [Page(alert="MT5SymbolNotQuoted")],
    )

    terminal = Scripted("spread", folder, limits={"symbol_spread_points": 200_000})
    yield (
        "wide spread (of severity info, which nobody is told)",
        terminal,
        [(0.0, partial(terminal.world.symbol, "BTCUSD", point=0.000001))],
        partial(terminal.world.symbol, "BTCUSD"),
        (),
    )


def exporters(folder: Path) -> Iterator[tuple[Exporter, Row]]:
    """Yield the exporters that are struck as a whole, with their rows."""

    def one(name: str, *terminals: Terminal) -> Exporter:
        return Exporter(name, port=free_ports(1)[0], folder=folder, terminals=terminals)

    def start(exporter: Exporter) -> None:
        exporter.program.start()

    down = Page(alert="MT5ExporterDown")
    pair = [Simulated(f"killed-{number}", folder) for number in (1, 2)]
    exporter = one("killed", *pair)
    yield (
        exporter,
        Row(
            fault="exporter killed",
            instance=exporter.instance,
            steps=[(0.0, exporter.program.kill)],
            heal=[partial(start, exporter)],
            pages=[down],
        ),
    )
    exporter = one("still", Simulated("still-1", folder), Scripted("still-2", folder))
    yield (
        exporter,
        Row(
            fault="exporter stands still",
            instance=exporter.instance,
            steps=[(0.0, partial(exporter.program.signal, signal.SIGSTOP))],
            heal=[partial(exporter.program.signal, signal.SIGCONT)],
            pages=[down],
        ),
    )
    desk = Scripted("desk", folder)
    exporter = one("at-risk", desk)

    def again(exporter: Exporter, desk: Scripted) -> None:
        desk.has()
        exporter.program.start()

    yield (
        exporter,
        Row(
            fault="margin level 90 %, then the exporter killed",
            instance=exporter.instance,
            steps=[
                (0.0, partial(desk.has, equity=9_000.0, margin=10_000.0)),
                (real(240), exporter.program.kill),
            ],
            heal=[partial(again, exporter, desk)],
            pages=[Page(alert="MT5NearStopOut"), Page(alert="MT5ExporterDown", after=real(240))],
        ),
    )
    exporter = one("restarted", Simulated("restarted-1", folder), Scripted("restarted-2", folder))

    def restart(exporter: Exporter) -> None:
        exporter.program.kill()
        exporter.program.start()

    yield (
        exporter,
        Row(
            fault="exporter killed and started at once",
            instance=exporter.instance,
            steps=[(0.0, partial(restart, exporter))],
        ),
    )


def stacks(refused: Stack, lonely: Stack, desk: Scripted) -> Iterator[Row]:
    """Yield what befalls the stack itself, with what must be told by the way that is left.

    Args:
        refused: One whose webhook refuses warnings.
        lonely: One that loses its only exporter.
        desk: A terminal that `refused` watches.
    """

    def configure(stack: Stack, targets: Sequence[str]) -> None:
        stack.write(targets=targets)
        stack.prometheus.signal(signal.SIGHUP)

    yield Row(
        fault="notifications of one receiver refused",
        stack=refused.name,
        steps=[
            (0.0, partial(refused.receiver.refuse, "notice")),
            (0.0, partial(desk.has, margin=5_128.0)),
            (real(900), refused.receiver.refuse),
        ],
        heal=[partial(desk.has, margin=4_762.0)],
        pages=[
            # Refused over and over until Alertmanager gives up, after a group interval.
            Page(alert="AlertmanagerFailedToSendAlerts", after=real(180 + 300), healed=real(900)),
            Page(alert="MT5MarginLevelLow", after=real(900)),
        ],
    )
    targets = list(lonely.targets)
    yield Row(
        fault="Prometheus has lost every exporter",
        stack=lonely.name,
        steps=[(0.0, partial(configure, lonely, []))],
        heal=[partial(configure, lonely, targets)],
        pages=[Page(alert="MT5ExporterAbsent")],
    )
