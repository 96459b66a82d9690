"""What deals leave behind: totals that outlive the exporter, and what the day has earned."""

from collections.abc import Iterator

from mt5_exporter import catalogue
from mt5_exporter.catalogue import Sample
from mt5_exporter.readings.base import OUR_ACCOUNT
from mt5_exporter.risk.rules import Kind, RiskConfig
from mt5_exporter.round import Round

DAY = 86400

TOTALS = (
    catalogue.DEALS,
    catalogue.DEALS_VOLUME,
    catalogue.DEALS_PROFIT,
    catalogue.DEALS_LOSS,
    catalogue.DEALS_COMMISSION_PAID,
    catalogue.DEALS_COMMISSION_RECEIVED,
    catalogue.DEALS_SWAP_PAID,
    catalogue.DEALS_SWAP_RECEIVED,
    catalogue.DEALS_FEE_PAID,
    catalogue.DEALS_FEE_RECEIVED,
    catalogue.OPERATIONS,
    catalogue.OPERATIONS_RECEIVED,
    catalogue.OPERATIONS_PAID,
)


class DealsReading:
    """`mt5_deals_total{terminal="desk-1",symbol="EURUSD",side="buy",entry="out",reason="sl",...} 3`."""

    name = "deals"
    requires = OUR_ACCOUNT
    metrics = (
        *TOTALS,
        catalogue.STOP_OUTS,
        catalogue.LAST_STOP_OUT,
        catalogue.PROFIT_TODAY,
        catalogue.HISTORY_SINCE,
        catalogue.HISTORY_LEFT_OUT,
    )

    async def read(self, asked: Round) -> Iterator[Sample]:
        """Read the deals that are new; there is nothing to tell before the baseline."""
        account = (await asked.account_info()).value
        book = await asked.books.of(account.server, account.login)
        await book.follow_deals(asked)
        terminal = asked.terminal.name
        name, since, start = (terminal,), book.since, day_start(asked)

        def samples(since: float) -> Iterator[Sample]:
            yield from book.samples(terminal, TOTALS)
            yield Sample(catalogue.STOP_OUTS, name, book.total(catalogue.STOP_OUTS))
            yield Sample(catalogue.LAST_STOP_OUT, name, book.last_stop_out)
            yield Sample(catalogue.HISTORY_SINCE, name, since)
            yield Sample(catalogue.HISTORY_LEFT_OUT, name, book.left_out)
            today = None if start is None else book.earned_since(start)
            if today is not None:
                yield Sample(catalogue.PROFIT_TODAY, name, today)

        return iter(()) if since is None else samples(since)


def day_start(asked: Round) -> float | None:
    """Return the server's time at which the trading day began; None while the server's clock is unknown.

    It is the day of the rules of risk, where one of them has a day, or else the trade server's.
    """
    offset = asked.memory.server_clock.offset
    if offset is None:
        return None
    now, risk = asked.clock.wall(), asked.terminal.risk
    if risk is not None and has_day(risk):
        return risk.day.begun(now) + offset
    return (now + offset) // DAY * DAY


def has_day(risk: RiskConfig) -> bool:
    """Tell whether a rule looks at the reset of a day."""
    ends_daily = risk.drawdown is not None and risk.drawdown.kind is Kind.END_OF_DAY
    return risk.daily_loss is not None or ends_daily
