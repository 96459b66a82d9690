"""The account's money and its levels, in its deposit currency."""

import math
from collections.abc import Iterator

from mt5_exporter import catalogue
from mt5_exporter.catalogue import Metric, Sample
from mt5_exporter.model import Account
from mt5_exporter.readings.base import OUR_ACCOUNT
from mt5_exporter.round import Round

TRADE_MODES = {0: "demo", 1: "contest", 2: "real"}
MARGIN_MODES = {0: "netting", 1: "exchange", 2: "hedging"}
PERCENT, MONEY = 0, 1
"""Units of the two levels, `margin_so_mode`."""


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
        catalogue.ACCOUNT_TRADE_EXPERT,
        catalogue.ACCOUNT_LEVERAGE,
        catalogue.MARGIN_CALL_LEVEL,
        catalogue.STOP_OUT_LEVEL,
        catalogue.MARGIN_CALL_MONEY,
        catalogue.STOP_OUT_MONEY,
        catalogue.MARGIN_CALL_DISTANCE,
        catalogue.STOP_OUT_DISTANCE,
        catalogue.ACCOUNT_ORDERS_LIMIT,
    )

    async def read(self, asked: Round) -> Iterator[Sample]:
        """Read `account_info`; what follows from several of its fields is left out where they contradict."""
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
            yield Sample(catalogue.ACCOUNT_TRADE_ALLOWED, (name,), account.trade_allowed)
            yield Sample(catalogue.ACCOUNT_TRADE_EXPERT, (name,), account.trade_expert)
            if account.leverage > 0:
                yield Sample(catalogue.ACCOUNT_LEVERAGE, (name,), account.leverage)
            if account.limit_orders > 0:
                yield Sample(catalogue.ACCOUNT_ORDERS_LIMIT, (name,), account.limit_orders)
            for metric, value in levels(account):
                yield Sample(metric, (name,), value)

        return samples()


def levels(account: Account) -> Iterator[tuple[Metric, float]]:
    """Return the margin level, the two levels that it must not reach, and the money in between.

    A level of 0 is none, and a mode that is neither percent nor money tells nothing. In percent, equity is
    compared with that share of the margin, in money with the level itself: so MetaQuotes' own report for the
    trade server reckons a margin call's shortage (Trades.Standard.Reports, MarginCall.cpp:
    `MarginCall() - Equity()` for STOPOUT_MONEY, else `MarginCall() * Margin() / 100 - Equity()`).
    MetaTrader 4 compared free margin there. Without margin in use there is no distance; the option of some
    brokers to stop out a fully hedged account, which uses none, cannot be seen from here.
    """
    in_use = account.margin > 0
    # A level of 0 beside equity and margin has not been computed yet.
    if in_use and (account.margin_level or account.equity <= 0):
        yield catalogue.ACCOUNT_MARGIN_LEVEL, account.margin_level / 100
    for level, ratio, money, distance in (
        (
            account.margin_so_call,
            catalogue.MARGIN_CALL_LEVEL,
            catalogue.MARGIN_CALL_MONEY,
            catalogue.MARGIN_CALL_DISTANCE,
        ),
        (
            account.margin_so_so,
            catalogue.STOP_OUT_LEVEL,
            catalogue.STOP_OUT_MONEY,
            catalogue.STOP_OUT_DISTANCE,
        ),
    ):
        if not level > 0 or account.margin_so_mode not in {PERCENT, MONEY}:
            continue
        if account.margin_so_mode == PERCENT:
            yield ratio, level / 100
            left = account.equity - account.margin * level / 100
        else:
            yield money, level
            left = account.equity - level
        if in_use and math.isfinite(left):
            yield distance, left
