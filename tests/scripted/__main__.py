"""Prints the broker's month of a seed, day by day, as the ledger enters it: for a person with a pencil.

python -m tests.scripted [SEED [netting]]
"""

import itertools
import sys
from decimal import Decimal

from tests.scripted import month
from tests.scripted.ledger import DEPOSIT, TRADES, exact, whole

COLUMNS = ("deals", "profit", "loss", "commission", "swap", "fee", "paid in/out", "other", "balance")


def main(seed: int, *, netting: bool) -> None:
    broker = month.Broker(seed=seed, login=1, netting=netting)
    broker.open_account(50_000)
    for at in month.hours():
        broker.step(at)
    write("day " + "".join(f"{column:>14}" for column in COLUMNS))
    balance = Decimal(0)
    for day, entries in itertools.groupby(broker.shown, key=lambda shown: month.show(shown.at)[:6]):
        # A deal that is cancelled is no money of the day: what it had earned goes back by another entry.
        rows = [shown.row for shown in entries if whole(shown.row, "type") not in {13, 14}]
        trades = [row for row in rows if whole(row, "type") in TRADES]
        others = [row for row in rows if whole(row, "type") not in {*TRADES, 3}]
        profits = [exact(row, "profit") for row in trades]
        costs = [sum(exact(row, name) for row in trades) for name in ("commission", "swap", "fee")]
        paid = sum(exact(row, "profit") for row in others if whole(row, "type") == DEPOSIT)
        other = sum(exact(row, "profit") for row in others) - paid
        won, lost = (
            sum(max(Decimal(0), each) for each in profits),
            sum(min(Decimal(0), each) for each in profits),
        )
        balance += won + lost + sum(costs) + paid + other
        amounts = (won, lost, *costs, paid, other, balance)
        write(day + f"{len(trades):>12}" + "".join(f"{amount:>14.2f}" for amount in amounts))
    write(f"the broker's own balance, with what its history still lacks: {broker.balance}")


def write(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20250303, netting="netting" in sys.argv)
