"""How the account stands to the rules of a prop firm."""

from collections.abc import Iterator, Mapping, Sequence

from mt5_exporter import catalogue
from mt5_exporter.catalogue import Metric, Sample
from mt5_exporter.errors import MT5DataError
from mt5_exporter.history.books import Observed
from mt5_exporter.history.source import no_data
from mt5_exporter.readings.base import OUR_ACCOUNT
from mt5_exporter.risk.deals import past_of
from mt5_exporter.risk.observation import Observation
from mt5_exporter.risk.past import Past
from mt5_exporter.risk.standing import Reason, Standing, Unavailable
from mt5_exporter.risk.watch import watches
from mt5_exporter.round import Round

TRIES = 3
"""How often an account is looked at again, since a deal came while its past was read."""

VALUES: Mapping[str, Sequence[Metric]] = {
    "daily_loss": (
        catalogue.DAILY_LOSS,
        catalogue.DAILY_LOSS_ALLOWED,
        catalogue.DAILY_LOSS_USED,
        catalogue.DAILY_LOSS_ANCHOR,
        catalogue.DAILY_LOSS_ANCHOR_TIME,
    ),
    "drawdown": (
        catalogue.DRAWDOWN,
        catalogue.DRAWDOWN_ALLOWED,
        catalogue.DRAWDOWN_USED,
        catalogue.DRAWDOWN_ANCHOR,
        catalogue.DRAWDOWN_ANCHOR_TIME,
    ),
}
"""By rule: loss, allowed, used, anchor and the anchor's time."""


class RiskReading:
    """`mt5_account_daily_loss_used_ratio{terminal="desk-1"} 0.31`."""

    name = "risk"
    requires = OUR_ACCOUNT
    metrics = (*VALUES["daily_loss"], *VALUES["drawdown"], catalogue.RISK_ANCHOR, catalogue.RISK_UNAVAILABLE)

    async def read(self, asked: Round) -> Sequence[Sample]:
        """Read the account together with its deals; a terminal without rules has no values.

        Raises:
            MT5DataError: What `observe` raises, or deals come faster than they can be read.
        """
        config = asked.terminal.risk
        if config is None:
            return ()
        rules = watches(config)
        account = (await asked.account_info()).value
        book = await asked.books.of(account.server, account.login)
        for _ in range(TRIES):
            at = asked.clock.wall()
            try:
                observed = await book.observe(asked)
            except MT5DataError:
                if book.since is not None:
                    raise
                # Only from then on it is known what was deposited.
                waiting = Unavailable(Reason.NO_BASELINE)
                return [row for label in rules for row in _samples(asked.terminal.name, label, waiting)]
            seen = _observation(asked, observed, at)
            wanted = [since for rule in rules.values() if (since := rule.wants(book.facts, seen)) is not None]
            past = await _past(asked, observed, seen, min(wanted)) if wanted else NOT_ASKED
            if past is None:
                continue
            facts: dict[str, object] = {}
            samples: list[Sample] = []
            for label, rule in rules.items():
                changed, standing = rule.step(book.facts, seen, past)
                facts.update(changed)
                samples.extend(_samples(asked.terminal.name, label, standing))
            if facts:
                # First, since what has been told must not be forgotten.
                await book.remember(facts)
            return samples
        raise no_data("its deals come faster than they can be read", asked.terminal.name)


NOT_ASKED = Unavailable(Reason.HISTORY_UNAVAILABLE)


def _observation(asked: Round, observed: Observed, at: float) -> Observation:
    account, terminal = observed.account, asked.terminal
    return Observation(
        at=at,
        balance=account.balance,
        equity=account.equity - account.credit,
        flows=observed.book.flows,
        spacing=terminal.account_interval + terminal.poll_timeout,
    )


async def _past(
    asked: Round, observed: Observed, seen: Observation, since: float
) -> Past | Unavailable | None:
    """Return the deals that led to what is seen, None if more came meanwhile.

    Raises:
        MT5Error: They cannot be had.
    """
    offset = asked.memory.server_clock.offset
    if offset is None:
        return Unavailable(Reason.SERVER_CLOCK_UNKNOWN)
    positions = await asked.lease.positions_get()
    rows = await observed.book.deals_since(asked, since + offset)
    again = await observed.book.observe(asked)
    if (again.account.balance, again.book.flows) != (seen.balance, seen.flows):
        return None
    return past_of(rows, positions, since=since, offset=offset, balance=seen.balance, flows=seen.flows)


def _samples(terminal: str, rule: str, standing: Standing | Unavailable) -> Iterator[Sample]:
    if isinstance(standing, Unavailable):
        yield Sample(catalogue.RISK_UNAVAILABLE, (terminal, rule, standing.reason.value), 1)
        return
    values = (standing.loss, standing.allowed, standing.used, standing.anchor, standing.at)
    for metric, value in zip(VALUES[rule], values, strict=True):
        yield Sample(metric, (terminal,), value)
    yield Sample(catalogue.RISK_ANCHOR, (terminal, rule, standing.source.value), 1)
