"""The daily loss, as a state machine: its state is the account at the last reset."""

from mt5_exporter.risk.days import Day
from mt5_exporter.risk.observation import Observation
from mt5_exporter.risk.opening import Opening, opening
from mt5_exporter.risk.past import Past
from mt5_exporter.risk.rules import DailyLossRule
from mt5_exporter.risk.standing import Standing, Unavailable, stand


def fact_name(day: Day) -> str:
    """Return what the state is kept under: what two rules must share to share it."""
    return f"risk.daily_loss {day.reset} {day.timezone}"


def wants(day: Day, state: Opening | None, seen: Observation) -> float | None:
    """Return the Unix time from which on deals would tell more than the state does, None for nothing."""
    reset = _reset(day, state, seen)
    return None if state is not None and state.reset == reset and state.settled else reset


def step(
    rule: DailyLossRule,
    day: Day,
    state: Opening | None,
    seen: Observation,
    past: Past | Unavailable,
) -> tuple[Opening, Standing | Unavailable]:
    """Return the next state, and how the account stands.

    Args:
        rule: The rule.
        day: When it resets.
        state: As it was returned last, None at first.
        seen: The account now.
        past: The deals from when `wants` said, or why there are none.
    """
    reset = _reset(day, state, seen)
    if state is None or state.reset != reset or not state.settled:
        state = opening(reset, seen, past)
    anchor = state.value(rule.basis)
    if isinstance(anchor, Unavailable):
        return state, anchor
    return state, stand(
        anchor=anchor + seen.flows - state.flows,
        limit=rule.limit,
        value=rule.compare.of(seen.balance, seen.equity),
        at=state.reset,
        source=state.source,
    )


def _reset(day: Day, state: Opening | None, seen: Observation) -> float:
    """Return the reset that counts; a clock set back by a moment does not begin yesterday anew."""
    reset = day.begun(seen.at)
    return state.reset if state is not None and reset < state.reset <= seen.at + seen.spacing else reset
