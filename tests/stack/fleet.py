"""An exporter with many terminals, each with a fault of its own to play, its time scaled like the rules'."""

import itertools
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mt5_exporter.far.drivers.simulated import noise
from mt5_exporter.far.drivers.simulated.account import parse_scenario
from mt5_exporter.far.drivers.simulated.ledger import Ledger
from mt5_exporter.far.drivers.simulated.market import Market
from tests.scripted.desk import command
from tests.scripted.world import World
from tests.stack.program import Program

FACTOR = 12
"""By what every duration is divided; the exporter's shortest interval, a second, would allow 15."""


def real(seconds: float) -> float:
    """Return how long something takes here that takes so many seconds at full scale."""
    return seconds / FACTOR


def spelled(seconds: float) -> str:
    """Return the same as a configuration writes it."""
    return f"{round(real(seconds) * 1000)}ms"


DEFAULTS = f"""\
connect_rate: 1000
connect_burst: 1000
defaults:
  driver: simulated
  interval: {spelled(15)}
  timeout: 1s
  poll_timeout: {spelled(13)}
  connect_timeout: {spelled(20)}
  start_timeout: 30s
  stale_after: {spelled(45)}
  breaker: {{consecutive_failures: 3, failure_ratio: 0.5, slow_call: 500ms, minimum_calls: 5, window: 10}}
  backoff: {{initial: {spelled(1)}, maximum: {spelled(60)}}}
  market: crypto
  symbols: [BTCUSD]
"""
"""The built-in defaults, scaled; a call's deadline is longer, since this machine is not faster."""

LIMITS: Mapping[str, float] = {
    "positions_without_stop_loss": 1000,
    "symbol_spread_points": 200_000,
    "symbol_tick_age_seconds": real(120),
}
"""A simulated desk trades as it likes: what a row does not ask about does not count."""

LOGINS = itertools.count(4200)
SELL, OUT, STOP_OUT, REJECTED = 1, 1, 6, 5
"""MT5's words for a deal's type, entry and reason, and for an order's state."""

OPENED = float(int(time.time()))
POSITION: Mapping[str, object] = {"symbol": "BTCUSD", "type": 0, "volume": 0.1, "sl": 50_000.0, "magic": 1001}


class Terminal:
    """One terminal of a fleet.

    Args:
        name: Its label.
        config: Keys of its configuration, YAML in one line each.
        limits: Beside `LIMITS`.
    """

    def __init__(self, name: str, *, config: str = "", limits: Mapping[str, float] | None = None) -> None:
        self.name = name
        self._config = config
        self.limits = {**LIMITS, **(limits or {})}

    def lines(self) -> list[str]:
        """Return its entry in the configuration file."""
        limits = ", ".join(f"{name}: {value}" for name, value in self.limits.items())
        keys = ["limits: {" + limits + "}", *self.own(), *self._config.strip().splitlines()]
        return [f"- name: {self.name}", *(f"  {key}" for key in keys)]

    def own(self) -> list[str]:
        """Return the keys that its kind asks for."""
        return []


def idle_seed(opened: float) -> int:
    """Return a seed whose account trades nothing within 20 minutes of its opening: it has nothing at risk."""
    for seed in range(1, 1000):
        account = parse_scenario({"seed": seed, "symbols": ["BTCUSD"], "opened": opened}, opened).account
        ledger = Ledger(account, Market(noise.derive_key(seed, "market")))
        if not ledger.started_trades(round(opened + 1200) * 1000):
            return seed
    raise AssertionError("every simulated account trades at once")


SEED = idle_seed(OPENED)


class Simulated(Terminal):
    """A simulated terminal without any position; what it plays is a scenario file of its own."""

    def __init__(
        self, name: str, folder: Path, *, config: str = "", limits: Mapping[str, float] | None = None
    ) -> None:
        super().__init__(name, config=config, limits=limits)
        self._scenario = folder / f"{name}.scenario.yml"
        self.play()

    def own(self) -> list[str]:
        """Return its simulation."""
        opened = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(OPENED))
        return [f"simulation: {{seed: {SEED}, scenario: {self._scenario}, opened: {opened}}}"]

    def play(self, *faults: str) -> None:
        """Play these from now on, each the inside of a YAML mapping, and no other."""
        entries = "".join(f"\n  - {{{fault}}}" for fault in faults)
        # A whole file at once: half of one is a mistake that the exporter tells.
        fresh = self._scenario.with_suffix(".new")
        fresh.write_text(f"faults:{entries or ' []'}\n")
        fresh.rename(self._scenario)


CALLS = (
    "initialize",
    "terminal_info",
    "account_info",
    "symbol_info",
    "symbol_info_tick",
    "positions_get",
    "orders_get",
    "history_deals_get",
    "history_orders_get",
)


class Scripted(Terminal):
    """A terminal that answers what its world says, by a worker that is otherwise genuine.

    Its account has an open position and ten times the margin in use; ten thousand to begin with.

    Attributes:
        running: Whether its prices move.
        beating: Whether its expert advisor lives.
        ahead: Seconds by which its trade server's clock is ahead of UTC.
    """

    def __init__(
        self, name: str, folder: Path, *, config: str = "", limits: Mapping[str, float] | None = None
    ) -> None:
        self.beat = folder / f"{name}.heartbeat"
        # What happens on an account is told of every terminal that is logged in to it.
        self.login = next(LOGINS)
        super().__init__(name, config=config, limits=limits)
        self.world = World(folder / f"{name}.sqlite")
        self.running = self.beating = True
        self.ahead = 0.0
        self.tick()
        with self.world.change():
            self.world.symbol("BTCUSD")
            self.world.position(7, time=int(time.time()), **POSITION)
            self.has()

    def own(self) -> list[str]:
        """Return what reaches its worker."""
        return [
            "driver: metatrader5",
            f"path: 'C:\\{self.name}\\terminal64.exe'",
            f"command: {list(command(self.world))}",
            f"account: {{login: {self.login}, server: Broker-Live}}",
        ]

    def has(self, *, equity: float = 10_000.0, margin: float = 1000.0, **fields: object) -> None:
        """Let the account have this money, and whatever other fields."""
        self.world.account(
            login=self.login,
            equity=equity,
            margin=margin,
            profit=equity - 10_000.0,
            margin_free=equity - margin,
            margin_level=equity / margin * 100.0,
            **fields,
        )

    def tick(self) -> None:
        """Give its symbol a new price, and let its expert advisor show that it lives."""
        if self.beating:
            self.beat.touch()
        if self.running:
            now = time.time() + self.ahead
            price = 60_000.0 + now % 7
            self.world.tick("BTCUSD", time_msc=int(now * 1000), bid=price, ask=price + 1.0)

    def stop_out(self) -> None:
        """Let the broker close a position for want of margin, now."""
        self.world.deal(
            900,
            time=int(time.time()),
            symbol="BTCUSD",
            type=SELL,
            entry=OUT,
            reason=STOP_OUT,
            volume=0.1,
            position_id=7,
        )

    def reject(self) -> None:
        """Let the broker reject eight orders, now."""
        now = int(time.time())
        with self.world.change():
            for ticket in range(500, 508):
                self.world.past_order(ticket, time_done=now, symbol="BTCUSD", state=REJECTED, magic=1001)

    def vanish(self) -> None:
        """End the terminal's program."""
        self.running = False
        with self.world.change():
            for function in CALLS:
                self.world.fail(function, -10004, "No IPC connection")

    def come_back(self) -> None:
        """Start the terminal's program again."""
        self.running = True
        with self.world.change():
            for function in CALLS:
                self.world.mend(function)


class Exporter:
    """One exporter and its terminals.

    Args:
        name: For its files.
        port: Where it serves.
        folder: Where its files go.
        terminals: What it polls.
        environment: Variables beside ours.
    """

    def __init__(
        self,
        name: str,
        *,
        port: int,
        folder: Path,
        terminals: Sequence[Terminal],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.instance = f"127.0.0.1:{port}"
        self.terminals = {terminal.name: terminal for terminal in terminals}
        entries = "\n".join(line for terminal in terminals for line in terminal.lines())
        path = folder / f"{name}.yml"
        path.write_text(f"{DEFAULTS}terminals:\n{entries}\n")
        arguments = [f"--config.file={path}", f"--web.listen-address={self.instance}", "--log.level=debug"]
        self.desks = [terminal for terminal in terminals if isinstance(terminal, Scripted)]
        self.program = Program(
            name,
            [sys.executable, "-m", "mt5_exporter", *arguments],
            folder=folder,
            ready=f"http://{self.instance}/-/ready",
            environment=environment,
        )

    def tick(self) -> None:
        """Let the prices of its scripted terminals move."""
        for desk in self.desks:
            desk.tick()
