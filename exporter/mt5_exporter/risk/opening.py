"""What an account was worth at a reset: seen close to it, told by its deals since, or not known."""

from dataclasses import dataclass

from mt5_exporter.risk.observation import Observation
from mt5_exporter.risk.past import Past
from mt5_exporter.risk.rules import Measure
from mt5_exporter.risk.standing import Reason, Source, Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """An account at a reset.

    Attributes:
        reset: Unix time.
        flows: Counted before it.
        source: Observed or rebuilt.
        balance: None where it is unknown, and then the equity is, too.
        equity: None where it is unknown.
        reason: Why something is unknown.
    """

    reset: float
    flows: float
    source: Source
    balance: float | None = None
    equity: float | None = None
    reason: Reason | None = None

    def value(self, basis: Measure) -> float | Unavailable:
        """Return what counts, or why that is unknown."""
        if self.balance is None or (self.equity is None and basis is not Measure.BALANCE):
            return Unavailable(self.reason or Reason.MISSED)
        return basis.of(self.balance, self.balance if self.equity is None else self.equity)

    @property
    def settled(self) -> bool:
        """Whether asking again would tell no more."""
        return self.reason in {None, Reason.MISSED}


def opening(reset: float, seen: Observation, past: Past | Unavailable) -> Opening:
    """Return the account at a reset.

    Args:
        reset: Unix time.
        seen: The account now.
        past: The deals from the reset, or from before it, up to what is seen; or why there are none.
    """
    close = seen.at - reset < seen.spacing
    if isinstance(past, Unavailable) and not close:
        return Opening(reset=reset, flows=seen.flows, source=Source.REBUILT, reason=past.reason)
    if isinstance(past, Unavailable):
        return Opening(
            reset=reset,
            flows=seen.flows,
            source=Source.OBSERVED,
            balance=seen.balance,
            equity=seen.equity,
        )
    level = past.before(reset)
    equity: float | None = None
    if past.was_flat(reset):
        equity = level.balance
    elif close:
        equity = seen.equity - (seen.flows - level.flows)
    return Opening(
        reset=reset,
        flows=level.flows,
        source=Source.OBSERVED if close else Source.REBUILT,
        balance=level.balance,
        equity=equity,
        reason=Reason.MISSED if equity is None else None,
    )
