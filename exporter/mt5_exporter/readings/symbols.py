"""What the market says of every watched symbol, and the trade server's clock by their ticks."""

import functools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mt5_exporter import catalogue
from mt5_exporter.catalogue import Metric, Sample
from mt5_exporter.errors import MT5Error
from mt5_exporter.feed import Change
from mt5_exporter.model import Symbol, Tick
from mt5_exporter.readings.base import TERMINAL_ANSWERS
from mt5_exporter.round import Round, Ticks
from mt5_exporter.symbol_table import Watched
from mt5_exporter.threads import off_loop

MODES = {0: "disabled", 1: "long_only", 2: "short_only", 3: "close_only", 4: "full"}
"""SYMBOL_TRADE_MODE_*."""

NO_SYMBOL = frozenset({"not_found", "no_data", "invalid_params"})
"""Why `symbol_info` has no answer for a name that the broker does not know, or cannot even have."""

NO_TICK = NO_SYMBOL | {"call_failed"}
"""Why `symbol_info_tick` has none: that one, one outside of Market Watch, or one before its first tick."""

DECIMALS = 3
"""Of a spread in points; what comes after them is what is left of a float's price."""


class SymbolsReading:
    """`mt5_symbol_bid{terminal="desk-1",symbol="EURUSD"} 1.08512`."""

    name = "symbols"
    requires = TERMINAL_ANSWERS
    metrics = (
        catalogue.SYMBOL_BID,
        catalogue.SYMBOL_ASK,
        catalogue.SYMBOL_SPREAD,
        catalogue.SYMBOL_TICK_CHANGED,
        catalogue.SYMBOL_TICK_SERVER_TIME,
        catalogue.SYMBOL_STATE,
        catalogue.SYMBOL_TRADE_MODE,
        catalogue.SYMBOLS_WATCHED,
        catalogue.SYMBOLS_LEFT_OUT,
        catalogue.SERVER_CLOCK_OFFSET,
        catalogue.SERVER_CLOCK_SKEW,
    )

    async def read(self, asked: Round) -> Sequence[Sample]:
        """Read the ticks and the specifications; a symbol that lacks one has a state that says why.

        Raises:
            MT5Error: The terminal told nothing of any symbol, not even that it does not know it.
        """
        ticks = (await asked.ticks()).value
        if not ticks.by_symbol:
            _require(NO_TICK, list(ticks.failed.values()))
        resolution, clock = asked.memory.symbols.resolution, asked.memory.server_clock
        watched = resolution.watched
        specifications = await asked.specifications([symbol.name for symbol in watched])
        if not ticks.by_symbol:
            _require(NO_SYMBOL, list(specifications.values()))
        name = asked.terminal.name
        changes = asked.memory.feed.changes
        samples = await off_loop(len(watched), _samples, name, watched, ticks, specifications, changes)
        samples.append(Sample(catalogue.SYMBOLS_WATCHED, (name,), len(watched)))
        samples.append(Sample(catalogue.SYMBOLS_LEFT_OUT, (name,), resolution.left_out))
        if clock.offset is not None:
            samples.append(Sample(catalogue.SERVER_CLOCK_OFFSET, (name,), clock.offset))
        if clock.skew is not None:
            samples.append(Sample(catalogue.SERVER_CLOCK_SKEW, (name,), clock.skew))
        return samples


def state(tick: Tick | MT5Error, symbol: Symbol | MT5Error) -> str | None:
    """Return what Market Watch does with a symbol, None where the terminal did not tell."""
    if isinstance(symbol, MT5Error):
        return "unknown" if symbol.reason in NO_SYMBOL else None
    if not symbol.select:
        return "unselected"
    if isinstance(tick, MT5Error):
        return "no_tick" if tick.reason in NO_TICK else None
    return "ticking"


def spread(tick: Tick, point: float) -> float | None:
    """Return ask less bid in points, None where a price or the point is missing; negative if they cross."""
    if not (_is_price(tick.bid) and _is_price(tick.ask) and _is_price(point)):
        return None
    return round((tick.ask - tick.bid) / point, DECIMALS)


def _samples(
    terminal: str,
    watched: Iterable[Watched],
    ticks: Ticks,
    specifications: Mapping[str, Symbol | MT5Error],
    changes: Mapping[str, Change],
) -> list[Sample]:
    found: list[Sample] = []
    for symbol in watched:
        labels = (terminal, symbol.label)
        tick = ticks.by_symbol.get(symbol.label) or ticks.failed[symbol.label]
        specification = specifications[symbol.name]
        now = state(tick, specification)
        if now is not None:
            found.extend(_states(catalogue.SYMBOL_STATE, labels, now))
        if isinstance(specification, Symbol):
            mode = MODES.get(specification.trade_mode, "other")
            found.extend(_states(catalogue.SYMBOL_TRADE_MODE, labels, mode))
        # Of one outside of Market Watch the terminal may still show the last tick; it no longer moves.
        if isinstance(tick, Tick) and now != "unselected":
            found.extend(_prices(labels, tick, specification))
            found.append(Sample(catalogue.SYMBOL_TICK_CHANGED, labels, changes[symbol.label].at))
            found.append(Sample(catalogue.SYMBOL_TICK_SERVER_TIME, labels, tick.time_msc / 1000))
    return found


@functools.lru_cache(maxsize=20_000)
def _states(metric: Metric, labels: tuple[str, str], now: str) -> tuple[Sample, ...]:
    """Return a state set. It is two thirds of a symbol's samples and hardly ever changes, so it is kept."""
    return tuple(Sample(metric, (*labels, state), state == now) for state in metric.states)


def _prices(labels: tuple[str, str], tick: Tick, symbol: Symbol | MT5Error) -> Iterator[Sample]:
    if _is_price(tick.bid):
        yield Sample(catalogue.SYMBOL_BID, labels, tick.bid)
    if _is_price(tick.ask):
        yield Sample(catalogue.SYMBOL_ASK, labels, tick.ask)
    points = None if isinstance(symbol, MT5Error) else spread(tick, symbol.point)
    if points is not None:
        yield Sample(catalogue.SYMBOL_SPREAD, labels, points)


def _is_price(value: float) -> bool:
    """Return whether a number says anything: 0 is the API's word for none, and a price may be negative."""
    return value != 0 and math.isfinite(value)


def _require(known: frozenset[str], answers: Sequence[Symbol | MT5Error]) -> None:
    """Raise the first error if there are only errors, and not one of them says something of its symbol."""
    failures = [answer for answer in answers if isinstance(answer, MT5Error) and answer.reason not in known]
    if failures and len(failures) == len(answers):
        raise failures[0]
