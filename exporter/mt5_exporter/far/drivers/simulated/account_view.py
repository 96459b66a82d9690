"""The structs of the terminal and of its account, at one moment."""

import ntpath

from mt5_exporter.far.drivers.simulated import noise
from mt5_exporter.far.drivers.simulated.account import COMPANY, LEVERAGE
from mt5_exporter.far.drivers.simulated.constants import Constants
from mt5_exporter.far.drivers.simulated.moment import Moment
from mt5_exporter.far.drivers.simulated.structs import AccountInfo, TerminalInfo
from mt5_exporter.far.drivers.simulated.trade_view import floating
from mt5_exporter.far.drivers.simulated.trades import margin_of

BUILD = 5430
RELEASED = "14 Nov 2025"
FOLDER = "C:\\Program Files\\Simulated MetaTrader 5"
PING = 28_000.0
"""Microseconds to the trade server on an ordinary day."""


def account_info(moment: Moment) -> AccountInfo:
    """Return the account; its profit is that of all open positions, their swaps included."""
    account = moment.account
    profit = margin = 0.0
    for trade in moment.book.ledger.open_trades(moment.instant):
        earned, swap = floating(moment, trade)
        profit += earned + swap
        margin += margin_of(trade.symbol, trade.volume, trade.price_open, moment.worth(trade.symbol.profit))
    balance = moment.book.ledger.balance(moment.instant)
    profit, margin = account.money(profit), account.money(margin)
    equity = account.money(balance + profit)
    return AccountInfo(
        login=account.login,
        trade_mode=Constants.ACCOUNT_TRADE_MODE_DEMO,
        leverage=LEVERAGE,
        limit_orders=200,
        margin_so_mode=Constants.ACCOUNT_STOPOUT_MODE_PERCENT,
        trade_allowed=True,
        trade_expert=True,
        margin_mode=Constants.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING,
        currency_digits=account.digits,
        fifo_close=False,
        balance=balance,
        credit=0.0,
        profit=profit,
        equity=equity,
        margin=margin,
        margin_free=account.money(equity - margin),
        margin_level=equity / margin * 100.0 if margin else 0.0,
        margin_so_call=100.0,
        margin_so_so=50.0,
        margin_initial=0.0,
        margin_maintenance=0.0,
        assets=0.0,
        liabilities=0.0,
        commission_blocked=0.0,
        name="Simulated Trader",
        server=account.server,
        currency=account.currency,
        company=COMPANY,
    )


def terminal_info(moment: Moment, path: str) -> TerminalInfo:
    """Return the terminal; `path` is that of its program, as it was attached to."""
    folder = ntpath.dirname(path) or FOLDER
    seconds = moment.instant / 1000.0
    key = noise.derive_key(moment.seed, "line")
    jitter = 0.25 * noise.smooth(key, 7.0, seconds) + 0.25 * noise.smooth(key + 1, 600.0, seconds)
    return TerminalInfo(
        community_account=False,
        community_connection=False,
        connected=moment.connected,
        dlls_allowed=True,
        trade_allowed=moment.algo_trading,
        tradeapi_disabled=False,
        email_enabled=False,
        ftp_enabled=False,
        notifications_enabled=False,
        mqid=False,
        build=BUILD,
        maxbars=100_000,
        codepage=1252,
        ping_last=round(PING * (1.0 + jitter)),
        community_balance=0.0,
        retransmission=round(max(0.0, noise.smooth(key + 2, 900.0, seconds)) ** 2 * 0.4, 4),
        company=COMPANY,
        name="Simulated MetaTrader 5",
        language="English",
        path=folder,
        data_path=folder,
        commondata_path="C:\\ProgramData\\Simulated MetaQuotes\\Terminal\\Common",
    )
