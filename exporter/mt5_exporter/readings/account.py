"""The account's money, in its deposit currency."""

from collections.abc import Iterator

from mt5_exporter import catalogue
from mt5_exporter.catalogue import Sample
from mt5_exporter.readings.base import OUR_ACCOUNT
from mt5_exporter.round import Round

TRADE_MODES = {0: "demo", 1: "contest", 2: "real"}
MARGIN_MODES = {0: "netting", 1: "exchange", 2: "hedging"}


class AccountReading:
    """`mt5_account_equity{terminal="desk-1"} 10023.4`."""

    name = "account"
    requires = OUR_ACCOUNT
    metrics = (
        catalogue.ACCOUNT_INFO,
        catalogue.ACCOUNT_BALANCE,
        catalogue.ACCOUNT_EQUITY,
        catalogue.ACCOUNT_CREDIT,
        catalogue.ACCOUNT_PROFIT,
        catalogue.ACCOUNT_MARGIN,
        catalogue.ACCOUNT_MARGIN_FREE,
        catalogue.ACCOUNT_MARGIN_LEVEL,
        catalogue.ACCOUNT_TRADE_ALLOWED,
    )

    async def read(self, asked: Round) -> Iterator[Sample]:
        """Read `account_info`; without margin in use its level says nothing and is left out."""
        account = (await asked.account_info()).value
        name = asked.terminal.name

        def samples() -> Iterator[Sample]:
            trade_mode = TRADE_MODES.get(account.trade_mode, "other")
            margin_mode = MARGIN_MODES.get(account.margin_mode, "other")
            described = (name, account.server, account.currency, trade_mode, margin_mode)
            yield Sample(catalogue.ACCOUNT_INFO, described, 1)
            yield Sample(catalogue.ACCOUNT_BALANCE, (name,), account.balance)
            yield Sample(catalogue.ACCOUNT_EQUITY, (name,), account.equity)
            yield Sample(catalogue.ACCOUNT_CREDIT, (name,), account.credit)
            yield Sample(catalogue.ACCOUNT_PROFIT, (name,), account.profit)
            yield Sample(catalogue.ACCOUNT_MARGIN, (name,), account.margin)
            yield Sample(catalogue.ACCOUNT_MARGIN_FREE, (name,), account.margin_free)
            if account.margin > 0:
                yield Sample(catalogue.ACCOUNT_MARGIN_LEVEL, (name,), account.margin_level / 100)
            yield Sample(catalogue.ACCOUNT_TRADE_ALLOWED, (name,), account.trade_allowed)

        return samples()
