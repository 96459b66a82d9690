"""An account in the broker's month, and how what is served is held against its ledger."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from tests.process.running import Scrape
from tests.scripted import month
from tests.scripted.ledger import STOP_OUT, Ledger, Row, Rules, open_sums
from tests.scripted.month import INSTRUMENTS, NEW_YORK, Broker
from tests.scripted.world import World

LABELS = {
    "mt5_deals": ("symbol", "side", "entry", "reason", "strategy"),
    "mt5_account_operations": ("kind",),
    "mt5_account_stop_outs": (),
    "mt5_history_orders": ("symbol", "state", "strategy"),
    "mt5_positions": ("symbol", "side", "strategy"),
}
"""What tells the series of a metric apart, by the beginning of its name."""

COUNTED = ("mt5_deals", "mt5_account_operations", "mt5_account_stop_outs", "mt5_history_orders_total")
OPEN = (
    "mt5_positions",
    "mt5_positions_volume_lots",
    "mt5_positions_profit",
    "mt5_positions_swap",
    "mt5_positions_exposure",
    "mt5_positions_without_stop_loss",
    "mt5_positions_without_take_profit",
)
TICKS = {instrument.name: (instrument.tick, instrument.value) for instrument in INSTRUMENTS}


@dataclass(slots=True, kw_only=True)
class Account:
    """One account: its broker, its terminal's world, and what the ledger makes of it."""

    broker: Broker
    world: World
    terminals: tuple[str, ...]
    ledger: Ledger = field(default_factory=Ledger)
    rules: Rules = field(
        default_factory=lambda: Rules(
            zone=NEW_YORK, reset=17, daily_share=Decimal("0.05"), drawdown_share=Decimal("0.08")
        )
    )
    last_stop_out: float = 0.0
    """When the exporter first had a chance to see the last one."""
    stopped_out: bool = False
    entered: int = 0
    orders_entered: int = 0

    def live(self, at: float) -> None:
        """Let an hour go by, and enter what it brought into the ledger."""
        self.broker.step(at)
        self.broker.publish(self.world)
        for shown in self.broker.shown[self.entered :]:
            self.ledger.deal(shown.happened, shown.row)
            self.stopped_out |= shown.row.get("reason") == STOP_OUT
        for order in self.broker.shown_orders[self.orders_entered :]:
            self.ledger.order(order.row)
        self.take_over()

    def begin(self) -> None:
        """Open the account, and let the ledger know what was there before anybody looked."""
        self.broker.open_account(50_000)
        month.symbols(self.world)
        self.broker.publish(self.world)
        deals = [(shown.happened, shown.row) for shown in self.broker.shown]
        self.ledger.know(deals, [order.row for order in self.broker.shown_orders])
        self.take_over()

    def take_over(self) -> None:
        self.entered, self.orders_entered = len(self.broker.shown), len(self.broker.shown_orders)

    def look(self, at: float) -> None:
        """Let the rules see the account as the exporter does now."""
        if self.stopped_out:
            self.last_stop_out, self.stopped_out = at, False
        broker = self.broker
        self.rules.look(at, broker.balance, broker.equity - broker.credit, self.ledger)


Served = Mapping[tuple[str, str], Mapping[tuple[str, ...], float]]
"""By terminal and metric: the series by the labels that tell them apart, but for those at 0."""


def served(now: Scrape) -> Served:
    """Return what was scraped of the metrics that a ledger has sums of."""
    found: dict[tuple[str, str], dict[tuple[str, ...], float]] = defaultdict(dict)
    for (name, pairs), value in now.samples.items():
        if value and (name.startswith(COUNTED) or name in OPEN):
            values = dict(pairs)
            found[values["terminal"], name][tuple(values[label] for label in labels_of(name))] = value
    return found


def same(ours: Mapping[tuple[str, ...], float], theirs: Mapping[tuple[str, ...], Decimal], what: str) -> None:
    """Hold our series against the ledger's: the same ones, the same money to a millionth."""
    expected = {labels: float(amount) for labels, amount in theirs.items() if amount}
    wrong = {
        labels: f"{ours.get(labels, 0)}, not {expected.get(labels, 0)}"
        for labels in ours.keys() | expected.keys()
        if differ(ours.get(labels, 0), expected.get(labels, 0))
    }
    assert not wrong, f"{what}: {wrong}"


def differ(one: float, other: float) -> bool:
    return abs(one - other) > 1e-6


def labels_of(name: str) -> tuple[str, ...]:
    return next(labels for beginning, labels in LABELS.items() if name.startswith(beginning))


def check_counters(now: Scrape, account: Account, when: str) -> None:
    """Hold every counter of an account against its ledger, at each of its terminals."""
    ours, theirs = served(now), account.ledger.sums
    counters = {name for _, name in ours if name.startswith(COUNTED)} | theirs.keys()
    for terminal in account.terminals:
        for name in sorted(counters):
            same(ours.get((terminal, name), {}), theirs.get(name, {}), f"{when} {terminal} {name}")


def check_values(now: Scrape, account: Account, when: str) -> None:
    """Hold what is open, what may be lost, and the day's profit against the ledger, at each terminal."""
    rows: list[Row] = list(account.broker.position_rows())
    ours, theirs = served(now), open_sums(rows, TICKS)
    day = account.rules.day
    for terminal in account.terminals:
        for name in OPEN:
            same(ours.get((terminal, name), {}), theirs.get(name, {}), f"{when} {terminal} {name}")
        expected = account.rules.values
        if not day < month.MOVE < day + 86400:
            # The API's times do not say by which clock: on the day on which the server's is set back, what
            # was earned in as many hours before the reset looks like today's.
            expected["mt5_account_profit_today"] = account.ledger.profit_since(day)
        for name, amount in expected.items():
            value = now.get(name, terminal=terminal)
            assert value is not None, f"{when} {terminal} {name}"
            assert not differ(value, float(amount)), f"{when} {terminal} {name}: {value}, not {amount}"
        assert now.get("mt5_account_daily_loss_anchor_timestamp_seconds", terminal=terminal) == day
        seen = now.get("mt5_account_last_stop_out_timestamp_seconds", terminal=terminal)
        assert seen == account.last_stop_out, f"{when} {terminal}"


class Keeper:
    """Sees that no counter ever goes back, over restarts, too."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}

    def look(self, now: Scrape, *, polled: bool = True) -> None:
        """Take a scrape; before an exporter's first poll there are no counters, then all that ever were."""
        counters = {series: value for series, value in now.samples.items() if series[0].startswith(COUNTED)}
        back = {
            series: (self._last[series], value)
            for series, value in counters.items()
            if value < self._last.get(series, 0)
        }
        assert not back
        assert self._last.keys() <= counters.keys() or not polled
        self._last |= counters
