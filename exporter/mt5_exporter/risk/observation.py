"""What is seen of an account in one round, as far as a rule looks at it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """An account at one moment, money in its deposit currency.

    Attributes:
        at: Unix time.
        balance: `account_info().balance`.
        equity: `account_info().equity`, less the credit, which the broker lends and takes back.
        flows: Deposits less withdrawals that have been counted so far; only differences mean anything.
        spacing: Seconds from one observation to the next at most, while all is well: one that comes so soon
            after a reset is as good as one at the reset.
    """

    at: float
    balance: float
    equity: float
    flows: float
    spacing: float
