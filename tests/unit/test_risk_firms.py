"""The rules that prop firms publish, each with a life of an account that was worked by hand.

The wordings were looked up in copies of the pages named; firms change their rules, the arithmetic stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from mt5_exporter.risk.standing import Reason, Standing, Unavailable
from tests.unit.risking import Account, Watching, rules, utc

DAY = 86400.0

Worked = tuple[float, float, float, float]
"""Anchor, loss, allowed, used."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """An account at a time in UTC, since the moment before, and how it stands by hand; None is not asked.

    Attributes:
        flow: How much of the change of the balance was deposited.
        unseen: Whether the exporter is down.
        deals: Whether the deals can be had.
    """

    at: str
    balance: float
    equity: float
    flow: float = 0.0
    unseen: bool = False
    deals: bool = True
    daily: Worked | Reason | None = None
    drawdown: Worked | Reason | None = None


def m(
    at: str,
    balance: float,
    equity: float | None = None,
    *,
    flow: float = 0.0,
    unseen: bool = False,
    deals: bool = True,
    daily: Worked | Reason | None = None,
    drawdown: Worked | Reason | None = None,
) -> Moment:
    """Return a moment; without open positions the equity is the balance."""
    return Moment(
        at=at,
        balance=balance,
        equity=balance if equity is None else equity,
        flow=flow,
        unseen=unseen,
        deals=deals,
        daily=daily,
        drawdown=drawdown,
    )


# academy.ftmo.com/lesson/maximum-daily-loss: "Account balance at midnight CE(S)T of the previous day - 5% of
# the Initial Simulated Capital"; the older wording has the position of -$13,000 that is fine until midnight,
# and breaks the rule at midnight. academy.ftmo.com/?p=47: "if your balance would be $92,000, but you had a
# floating loss of $2,001, the limit would be exceeded".
FTMO_TWO_STEP = """
initial_balance: 200000
daily_loss: {limit: 5%, of: initial, basis: balance}
drawdown: {kind: static, limit: 10%}
day: {reset: 00:00, timezone: Europe/Prague}
"""
FTMO_TWO_STEP_LIFE = [
    # Midnight is 23:00 UTC in winter.
    m("2026-03-22 23:00:05", 200_000, daily=(200_000, 0, 10_000, 0), drawdown=(200_000, 0, 20_000, 0)),
    # Monday's closed profit of 4,000 makes the loss permitted 14,000 ...
    m("2026-03-23 12:00", 204_000, daily=(200_000, 0, 10_000, 0)),
    # ... so that 13,000 floating are 9,000 below Monday's anchor, at 22:59 UTC still Monday.
    m("2026-03-23 22:59", 204_000, 191_000, daily=(200_000, 9_000, 10_000, 0.9)),
    # At midnight the anchor is Tuesday's balance: broken.
    m("2026-03-23 23:00:05", 204_000, 191_000, daily=(204_000, 13_000, 10_000, 1.3)),
    m("2026-03-24 09:00", 205_500.55, 205_500.55, daily=(204_000, 0, 10_000, 0)),
    # The night to Sunday 29 March has an hour less: Saturday begins at 23:00 UTC, Monday at 22:00 UTC.
    m("2026-03-28 23:00:05", 205_500.55, daily=(205_500.55, 0, 10_000, 0)),
    m("2026-03-29 12:00", 203_000.50, daily=(205_500.55, 2_500.05, 10_000, 0.250005)),
    m("2026-03-29 21:59:30", 203_000.50, daily=(205_500.55, 2_500.05, 10_000, 0.250005)),
    m("2026-03-29 22:00:05", 203_000.50, daily=(203_000.50, 0, 10_000, 0)),
    # Down over two midnights: balance and equity at the last one follow from the deals. 3,000.50 lost on
    # Tuesday before it, 1,000 after it (22:00 UTC on the 31st).
    m("2026-03-31 22:10", 200_000, unseen=True),
    m(
        "2026-03-31 23:30",
        199_000,
        daily=(200_000, 1_000, 10_000, 0.1),
        drawdown=(200_000, 1_000, 20_000, 0.05),
    ),
    # 184,000 with 4,002 floating: below 90 %.
    m("2026-04-01 09:00", 184_000, 179_998, drawdown=(200_000, 20_002, 20_000, 1.0001)),
]

# ftmo.com/au/?p=1671 (1-Step): "the highest account balance achieved at the end of any preceding trading day
# or, if higher, the Initial Simulated Capital", less 10 % of it; $104,000 then $103,000 leave the limit at
# $94,000.
FTMO_ONE_STEP = """
initial_balance: 100000
drawdown: {kind: end_of_day, basis: balance, limit: 10%}
day: {reset: 00:00, timezone: Europe/Prague}
"""
FTMO_ONE_STEP_LIFE = [
    m("2026-01-12 09:00", 100_000, drawdown=(100_000, 0, 10_000, 0)),
    # Neither a balance nor an equity within the day moves the mark.
    m("2026-01-12 15:00", 106_000, 108_000, drawdown=(100_000, 0, 10_000, 0)),
    m("2026-01-12 22:59:50", 104_000, drawdown=(100_000, 0, 10_000, 0)),
    m("2026-01-12 23:00:05", 104_000, drawdown=(104_000, 0, 10_000, 0)),
    m("2026-01-13 23:00:05", 103_000, drawdown=(104_000, 1_000, 10_000, 0.1)),
    # Down over two midnights, at the first of which the balance was higher than it is now: both are rebuilt.
    m("2026-01-14 23:30", 107_500.25, unseen=True),
    m("2026-01-15 23:30", 101_000, unseen=True),
    m("2026-01-16 12:00", 101_000, drawdown=(107_500.25, 6_500.25, 10_000, 0.650025)),
    m("2026-01-16 13:00", 101_000, 97_500.25, drawdown=(107_500.25, 10_000, 10_000, 1)),
]

# help.fundednext.com/en/articles/9941519: 5% "of your initial balance each day", "if you start with $100,000
# and make a $2,000 profit by noon, your new loss limit for that day becomes $7,000"; the balance may not fall
# below $90,000. 8394309: the reset is 00:00 at GMT+3 in the summer, at GMT+2 in the winter: New York's close.
FUNDED_NEXT = """
initial_balance: 100000
daily_loss: {limit: 5%, of: initial, basis: balance}
drawdown: {kind: static, limit: 10%, compare: lower}
day: {reset: '17:00', timezone: America/New_York}
"""
FUNDED_NEXT_LIFE = [
    m("2026-03-05 22:00:05", 100_000, daily=(100_000, 0, 5_000, 0)),
    m("2026-03-06 12:00", 102_000, daily=(100_000, 0, 5_000, 0)),
    # 7,000 below noon's 102,000.
    m("2026-03-06 14:00", 102_000, 95_000, daily=(100_000, 5_000, 5_000, 1)),
    m("2026-03-06 21:59:50", 98_000, daily=(100_000, 2_000, 5_000, 0.4)),
    m("2026-03-06 22:00:05", 98_000, daily=(98_000, 0, 5_000, 0)),
    # New York's clocks change on Sunday 8 March; Europe's do not yet.
    m("2026-03-07 22:00:05", 98_000, daily=(98_000, 0, 5_000, 0)),
    m("2026-03-08 20:59:50", 97_000, daily=(98_000, 1_000, 5_000, 0.2)),
    m("2026-03-08 21:00:05", 97_000, daily=(97_000, 0, 5_000, 0)),
    m(
        "2026-03-09 12:00",
        91_000,
        89_500,
        daily=(97_000, 7_500, 5_000, 1.5),
        drawdown=(100_000, 10_500, 10_000, 1.05),
    ),
]

# help.the5ers.com, High Stakes: "Daily loss is 5% of the starting equity of the day OR the starting balance
# of the day (the highest between them) at 5PM EST or 00:00 UTC+3 (Server time)"; 10 % of the initial balance.
THE_FIVE_ERS = """
initial_balance: 20000
daily_loss: {limit: 5%, basis: higher}
drawdown: {kind: static, limit: 10%}
day: {reset: 00:00, timezone: Etc/GMT-3}
"""
THE_FIVE_ERS_LIFE = [
    # The equity is higher: 5 % of 20,400.
    m("2026-02-02 21:00:10", 20_000, 20_400, daily=(20_400, 0, 1_020, 0)),
    m("2026-02-03 08:00", 20_100, 19_890, daily=(20_400, 510, 1_020, 0.5)),
    # The balance is higher: 5 % of 20,100.
    m("2026-02-03 21:00:10", 20_100, 19_500, daily=(20_100, 600, 1_005, 600 / 1_005)),
    # Down over the reset with a position open: nobody knows its equity, so there is no value all day.
    m("2026-02-04 21:05", 20_100, 19_600, daily=Reason.MISSED, drawdown=(20_000, 400, 2_000, 0.2)),
    m("2026-02-05 20:59", 20_050, daily=Reason.MISSED),
    m("2026-02-05 21:00:10", 20_050, daily=(20_050, 0, 1_002.5, 0)),
]

# FundingPips, 2-Step (fundedwiki.com/fundingpips/daily-drawdown, after the firm's terms): 5 % "off the HIGHER
# of your starting balance or starting equity for the day", reset at "00:00 platform time (UTC+3)"; 10 %
# static.
FUNDING_PIPS = """
initial_balance: 100000
daily_loss: {limit: 5%, basis: higher}
drawdown: {kind: static, limit: 10%}
day: {reset: 00:00, timezone: Etc/GMT-3}
"""
FUNDING_PIPS_LIFE = [
    m("2026-05-04 21:00:01", 100_000, 102_000, daily=(102_000, 0, 5_100, 0)),
    # The floor is 96,900, still above the initial balance less 5 %.
    m("2026-05-05 02:00", 96_900, daily=(102_000, 5_100, 5_100, 1), drawdown=(100_000, 3_100, 10_000, 0.31)),
    m("2026-05-05 21:00:01", 96_900, daily=(96_900, 0, 4_845, 0)),
    # Down over the reset, flat at it: the equity was the balance. A position opened since does not matter.
    m("2026-05-06 21:30", 97_400, unseen=True),
    m("2026-05-07 03:00", 97_400, 96_426, daily=(97_400, 974, 4_870, 0.2)),
]

# myforexfunds.com/faq/how-is-the-daily-drawdown-calculated: "5% of the starting equity or balance of the day
# (whichever is higher) based on the broker's timezone (00:00 UTC+3 or 5:00pm EST)"; 5% x $105,000 = $5,250.
MY_FOREX_FUNDS = """
daily_loss: {limit: 5%, basis: higher}
day: {reset: '17:00', timezone: America/New_York}
"""
MY_FOREX_FUNDS_LIFE = [
    m("2022-09-06 21:00:20", 102_000, 105_000, daily=(105_000, 0, 5_250, 0)),
    m("2022-09-07 09:00", 102_000, 99_750, daily=(105_000, 5_250, 5_250, 1)),
    m("2022-09-07 21:00:20", 120_000, daily=(120_000, 0, 6_000, 0)),
    # A deposit in the day is no profit, and what is withdrawn is not lost; the share follows the money.
    m("2022-09-08 10:00", 170_000, flow=50_000, daily=(170_000, 0, 8_500, 0)),
    m("2022-09-08 11:00", 169_150, daily=(170_000, 850, 8_500, 0.1)),
    m("2022-09-08 12:00", 129_150, flow=-40_000, daily=(130_000, 850, 6_500, 850 / 6_500)),
    # The last day of summer time has its reset at 21:00 UTC on 5 November, the next at 22:00 UTC.
    m("2022-11-05 21:00:20", 129_150, daily=(129_150, 0, 6_457.5, 0)),
    m("2022-11-06 21:59:59", 128_150, daily=(129_150, 1_000, 6_457.5, 1_000 / 6_457.5)),
    m("2022-11-06 22:00:05", 128_150, daily=(128_150, 0, 6_407.5, 0)),
]

# support.fintokei.com/en/articles/6538826, ProTrader: "at midnight (UTC +0), we take a snapshot of your EOD
# equity"; 103,000 makes the floor 97,850, 101,000 makes it 95,950.
FINTOKEI = """
initial_balance: 100000
daily_loss: {limit: 5%, basis: equity}
drawdown: {kind: static, limit: 10%}
day: {reset: 00:00, timezone: UTC}
"""
FINTOKEI_LIFE = [
    m("2026-06-02 00:00:03", 101_000, 103_000, daily=(103_000, 0, 5_150, 0)),
    m("2026-06-02 15:00", 101_000, 97_850, daily=(103_000, 5_150, 5_150, 1)),
    m("2026-06-03 00:00:03", 101_500, 101_000, daily=(101_000, 0, 5_050, 0)),
    m("2026-06-03 15:00", 101_500, 95_950, daily=(101_000, 5_050, 5_050, 1)),
    # An exporter that starts again 24 s after midnight has seen it, one that starts a second later has not.
    m("2026-06-04 00:00:24", 101_500, 98_000, daily=(98_000, 0, 4_900, 0)),
    m("2026-06-05 00:00:25", 101_500, 98_000, daily=Reason.MISSED, drawdown=(100_000, 2_000, 10_000, 0.2)),
]

# help.e8markets.com/en/articles/9122280, E8 One: 6 %, "based on the last High Water-Mark balance"; $101,000
# makes it $95,000, at $106,000 it "will lock to the initial balance". 9323884: earning $3,000 moves the level
# to $97,000; "after withdrawing the $3000, you would continue ... at $100,000 and a Trailing Drawdown level
# at $97,000".
E8_ONE = """
initial_balance: 100000
drawdown: {kind: trailing, basis: balance, limit: 6%, lock: 0, flows: counted}
"""
E8_ONE_LIFE = [
    m("2026-04-01 08:00", 100_000, drawdown=(100_000, 0, 6_000, 0)),
    # Floating profit moves nothing.
    m("2026-04-01 09:00", 100_000, 103_000, drawdown=(100_000, 0, 6_000, 0)),
    m("2026-04-01 10:00", 101_000, drawdown=(101_000, 0, 6_000, 0)),
    m("2026-04-01 11:00", 103_000, drawdown=(103_000, 0, 6_000, 0)),
    m("2026-04-02 11:00", 100_000, flow=-3_000, drawdown=(103_000, 3_000, 6_000, 0.5)),
    # Down while the balance peaks: the deals tell.
    m("2026-04-03 11:00", 105_000, unseen=True),
    m("2026-04-03 12:00", 101_000, drawdown=(105_000, 4_000, 6_000, 4_000 / 6_000)),
    m("2026-04-04 12:00", 110_000, drawdown=(106_000, 0, 6_000, 0)),
    m("2026-04-05 12:00", 110_000, 100_000, drawdown=(106_000, 6_000, 6_000, 1)),
]

# intercom.help/e8/en/articles/11864638, E8 Signature, Daily Pause: 2 % of the initial balance, from the
# "starting balance of each new day" at 00:00 server time; $102,435 makes the level $100,435, "if equity or
# balance drops below". Article 9271612 gives the server's midnight as UTC+2.
E8_SIGNATURE = """
initial_balance: 100000
daily_loss: {limit: 2%, of: initial, basis: balance, compare: lower}
day: {reset: 00:00, timezone: Etc/GMT-2}
"""
E8_SIGNATURE_LIFE = [
    m("2026-07-06 22:00:02", 100_000, daily=(100_000, 0, 2_000, 0)),
    m("2026-07-07 12:00", 98_500, 99_100, daily=(100_000, 1_500, 2_000, 0.75)),
    m("2026-07-07 22:00:02", 102_435, daily=(102_435, 0, 2_000, 0)),
    m("2026-07-08 09:00", 102_435, 100_435, daily=(102_435, 2_000, 2_000, 1)),
    m("2026-07-08 10:00", 100_400, 102_000, daily=(102_435, 2_035, 2_000, 1.0175)),
]

# help.topstep.com/en/articles/8284204, $50K: $500 on the first day makes the Maximum Loss Limit $48,500,
# $2,000 "from the account balance high"; losing it again leaves the limit; $2,500 more make it $50,000, where
# it stays. It is "calculated and set at the end of the trading day"; the page does not name the hour, 17:00
# in Chicago here.
TOPSTEP = """
initial_balance: 50000
drawdown: {kind: end_of_day, basis: balance, limit: 2000, lock: 0}
day: {reset: '17:00', timezone: America/Chicago}
"""
TOPSTEP_LIFE = [
    m("2026-01-05 23:00:09", 50_000, drawdown=(50_000, 0, 2_000, 0)),
    m("2026-01-06 20:00", 50_500, drawdown=(50_000, 0, 2_000, 0)),
    m("2026-01-06 23:00:09", 50_500, drawdown=(50_500, 0, 2_000, 0)),
    m("2026-01-07 23:00:09", 50_000, drawdown=(50_500, 500, 2_000, 0.25)),
    m("2026-01-08 20:00", 52_500, drawdown=(50_500, 0, 2_000, 0)),
    m("2026-01-08 23:00:09", 52_500, drawdown=(52_000, 0, 2_000, 0)),
    # Locked: the floor stays 50,000.
    m("2026-01-09 23:00:09", 60_000, drawdown=(52_000, 0, 2_000, 0)),
    m("2026-01-12 15:00", 51_250.5, drawdown=(52_000, 749.5, 2_000, 0.37475)),
    m("2026-01-12 16:00", 51_250.5, 50_000, drawdown=(52_000, 2_000, 2_000, 1)),
]

# Apex, $50K (winenfood.com/tips-for-the-apex-trading-trailing-threshold and its like, after the firm): $2,500
# below the peak, "including both realized (closed) and unrealized (open) profits"; 50,000 makes it 47,500,
# 51,000 makes it 48,500; it stops at the initial balance and 100.
APEX = """
initial_balance: 50000
drawdown: {kind: trailing, basis: equity, limit: 2500, lock: 100}
"""
APEX_LIFE = [
    m("2026-02-10 15:00", 50_000, drawdown=(50_000, 0, 2_500, 0)),
    m("2026-02-10 15:01", 50_000, 51_000, drawdown=(51_000, 0, 2_500, 0)),
    # The open profit is given back, the floor stays 48,500.
    m("2026-02-10 15:02", 50_250, drawdown=(51_000, 750, 2_500, 0.3)),
    # What the exporter sleeps through moves nothing, that is the limit of sampling.
    m("2026-02-10 18:00", 50_250, 52_000, unseen=True),
    m("2026-02-10 19:00", 50_250, 50_000, drawdown=(51_000, 1_000, 2_500, 0.4)),
    # 52,600 locks the floor at 50,100.
    m("2026-02-11 15:00", 50_250, 52_599, drawdown=(52_599, 0, 2_500, 0)),
    m("2026-02-11 15:01", 50_250, 55_000, drawdown=(52_600, 0, 2_500, 0)),
    m("2026-02-11 15:02", 50_250, 50_100, drawdown=(52_600, 2_500, 2_500, 1)),
]

# help.alphacapitalgroup.uk/en/articles/10097421, Alpha One: 6 % "trailing per high water-mark", the "maximum
# account balance achieved"; $102,000 makes it $96,000, at $106,000 it "will remain fixed at the initial
# balance"; 4 % a day "calculated over the highest end-of-day balance or equity"; midnight at GMT+2 (6934210).
ALPHA_ONE = """
initial_balance: 100000
daily_loss: {limit: 4%, basis: higher}
drawdown: {kind: trailing, basis: balance, limit: 6%, lock: 0}
day: {reset: 00:00, timezone: Etc/GMT-2}
"""
ALPHA_ONE_LIFE = [
    m("2026-03-10 22:00:01", 100_000, daily=(100_000, 0, 4_000, 0), drawdown=(100_000, 0, 6_000, 0)),
    m("2026-03-11 12:00", 102_000, daily=(100_000, 0, 4_000, 0), drawdown=(102_000, 0, 6_000, 0)),
    m("2026-03-11 22:00:01", 102_000, 103_000, daily=(103_000, 0, 4_120, 0), drawdown=(102_000, 0, 6_000, 0)),
    m(
        "2026-03-12 10:00",
        102_000,
        98_880,
        daily=(103_000, 4_120, 4_120, 1),
        drawdown=(102_000, 3_120, 6_000, 0.52),
    ),
    # A deposit is no profit: mark and floor rise with it, and fall with a withdrawal.
    m("2026-03-12 11:00", 112_000, flow=10_000, drawdown=(112_000, 0, 6_000, 0)),
    m("2026-03-12 12:00", 111_000, drawdown=(112_000, 1_000, 6_000, 1_000 / 6_000)),
    m("2026-03-12 13:00", 101_000, flow=-10_000, drawdown=(102_000, 1_000, 6_000, 1_000 / 6_000)),
    m("2026-03-13 13:00", 107_000, drawdown=(106_000, 0, 6_000, 0)),
    # The lock, too, is 100,000 plus what was deposited since.
    m("2026-03-13 14:00", 112_000, flow=5_000, drawdown=(111_000, 0, 6_000, 0)),
]

# help.alphacapitalgroup.uk/en/articles/6934210, Alpha Pro: "5% of your starting balance for each trading
# day", at "00:00 GMT+2"; with $100,000 and an equity of $101,000, or of $99,000, "the minimum equity
# requirement remains $95,000".
ALPHA_PRO = """
daily_loss: {limit: 5%, basis: balance}
day: {reset: 00:00, timezone: Etc/GMT-2}
"""
ALPHA_PRO_LIFE = [
    m("2026-08-03 22:00:01", 100_000, 101_000, daily=(100_000, 0, 5_000, 0)),
    m("2026-08-04 09:00", 100_000, 95_000, daily=(100_000, 5_000, 5_000, 1)),
    m("2026-08-04 22:00:01", 100_000, 99_000, daily=(100_000, 1_000, 5_000, 0.2)),
    # The balance is rebuilt over a night in which the exporter was down, whatever the positions were.
    m("2026-08-05 23:00", 98_200, 97_000, unseen=True),
    m("2026-08-06 06:00", 97_000, daily=(98_200, 1_200, 4_910, 1_200 / 4_910)),
]

# proptrader-help.oanda.com/what-is-maximum-drawdown-and-how-is-it-calculated: "End of Day Equity $102,000 -
# $5,000 (5% fixed from the Initial balance)" = 97,000; then 98,500; 90 % of the initial balance, static.
OANDA = """
initial_balance: 100000
daily_loss: {limit: 5%, of: initial, basis: equity}
drawdown: {kind: static, limit: 10%}
day: {reset: 00:00, timezone: UTC}
"""
OANDA_LIFE = [
    m("2026-09-02 00:00:10", 100_000, 102_000, daily=(102_000, 0, 5_000, 0)),
    m("2026-09-02 10:00", 100_000, 97_000, daily=(102_000, 5_000, 5_000, 1)),
    m("2026-09-03 00:00:10", 103_500, daily=(103_500, 0, 5_000, 0)),
    m(
        "2026-09-03 11:00",
        103_500,
        98_500,
        daily=(103_500, 5_000, 5_000, 1),
        drawdown=(100_000, 1_500, 10_000, 0.15),
    ),
]

# bemfunding.com/en/faq/bem-classic-normal-what-is-the-maximum-simulated-daily-loss: "Higher of (Equity or
# Balance at 22:00 UTC) - (4.5% of Initial Balance)"; $10,356 makes it $9,906, for "your equity or balance".
BEM = """
initial_balance: 10000
daily_loss: {limit: 4.5%, of: initial, basis: higher, compare: lower}
day: {reset: '22:00', timezone: UTC}
"""
BEM_LIFE = [
    m("2026-10-01 22:00:04", 10_100, 10_356, daily=(10_356, 256, 450, 256 / 450)),
    m("2026-10-02 07:00", 9_906, 10_400, daily=(10_356, 450, 450, 1)),
]

# intercom.help/breakoutprop/en/articles/11647189, 1-Step: 4 % of "your funded account balance at 00:30 UTC";
# $105,000 makes the limit $100,800.
BREAKOUT = """
daily_loss: {limit: 4%, basis: balance}
day: {reset: 00:30, timezone: UTC}
"""
BREAKOUT_LIFE = [
    m("2026-10-05 00:30:00", 105_000, 107_000, daily=(105_000, 0, 4_200, 0)),
    m("2026-10-05 20:00", 105_000, 100_800, daily=(105_000, 4_200, 4_200, 1)),
    m("2026-10-06 00:29:59", 104_000, daily=(105_000, 1_000, 4_200, 1_000 / 4_200)),
    # The first look after the reset comes without deals, and soon enough to count as the reset.
    m("2026-10-06 00:30:20", 104_000, deals=False, daily=(104_000, 0, 4_160, 0)),
]

# support.myfundedcapital.com/en/articles/9083313: 6 % of the mark, "using CLOSED BALANCE"; 102,000 makes it
# 95,880, 106,383 locks it "at your starting balance of $100,000".
MY_FUNDED_CAPITAL = """
initial_balance: 100000
drawdown: {kind: trailing, basis: balance, limit: 6%, of: anchor, lock: 0}
"""
LOCKED = round(100_000 / 0.94, 8)
MY_FUNDED_CAPITAL_LIFE = [
    m("2026-11-02 08:00", 100_000, drawdown=(100_000, 0, 6_000, 0)),
    m("2026-11-02 09:00", 102_000, drawdown=(102_000, 0, 6_120, 0)),
    m("2026-11-03 09:00", 106_383, drawdown=(LOCKED, 0, round(LOCKED * 0.06, 8), 0)),
    m(
        "2026-11-04 09:00",
        170_000,
        100_000,
        drawdown=(LOCKED, round(LOCKED - 100_000, 8), round(LOCKED * 0.06, 8), 1),
    ),
]

# theupsidefunding.com/docs: 4 % "of the highest equity point in your account"; 103k makes the limit 98.88k.
UPSIDE = """
initial_balance: 100000
drawdown: {kind: trailing, basis: equity, limit: 4%, of: anchor}
"""
UPSIDE_LIFE = [
    m("2026-12-01 08:00", 100_000, drawdown=(100_000, 0, 4_000, 0)),
    m("2026-12-01 09:00", 100_000, 103_000, drawdown=(103_000, 0, 4_120, 0)),
    m("2026-12-01 10:00", 100_000, 98_880, drawdown=(103_000, 4_120, 4_120, 1)),
    # Nothing locks it.
    m("2026-12-02 09:00", 100_000, 120_000, drawdown=(120_000, 0, 4_800, 0)),
]

FIRMS = {
    "ftmo_two_step": (FTMO_TWO_STEP, FTMO_TWO_STEP_LIFE),
    "ftmo_one_step": (FTMO_ONE_STEP, FTMO_ONE_STEP_LIFE),
    "funded_next_stellar": (FUNDED_NEXT, FUNDED_NEXT_LIFE),
    "the_five_ers_high_stakes": (THE_FIVE_ERS, THE_FIVE_ERS_LIFE),
    "funding_pips_two_step": (FUNDING_PIPS, FUNDING_PIPS_LIFE),
    "my_forex_funds": (MY_FOREX_FUNDS, MY_FOREX_FUNDS_LIFE),
    "fintokei_pro_trader": (FINTOKEI, FINTOKEI_LIFE),
    "e8_one": (E8_ONE, E8_ONE_LIFE),
    "e8_signature": (E8_SIGNATURE, E8_SIGNATURE_LIFE),
    "topstep": (TOPSTEP, TOPSTEP_LIFE),
    "apex": (APEX, APEX_LIFE),
    "alpha_one": (ALPHA_ONE, ALPHA_ONE_LIFE),
    "alpha_pro": (ALPHA_PRO, ALPHA_PRO_LIFE),
    "oanda": (OANDA, OANDA_LIFE),
    "bem_classic": (BEM, BEM_LIFE),
    "breakout_one_step": (BREAKOUT, BREAKOUT_LIFE),
    "my_funded_capital": (MY_FUNDED_CAPITAL, MY_FUNDED_CAPITAL_LIFE),
    "upside": (UPSIDE, UPSIDE_LIFE),
}


@pytest.mark.parametrize(("content", "life"), FIRMS.values(), ids=FIRMS)
def test_an_account_stands_to_a_firms_rules_as_worked_by_hand(content: str, life: Sequence[Moment]) -> None:
    account = Account(balance=life[0].balance)
    watch = Watching(rules(content), account)
    before = utc(life[0].at) - DAY

    for moment in life:
        at = utc(moment.at)
        account.become(before + 1, moment.balance, moment.equity, moment.flow)
        before = at
        if moment.unseen:
            continue
        watch.deals = None if moment.deals else Unavailable(Reason.SERVER_CLOCK_UNKNOWN)
        # Both are looked at each time, as a reading does; what is seen on the way is part of the state.
        daily = watch.daily_loss(at) if watch.config.daily_loss else None
        drawdown = watch.drawdown(at) if watch.config.drawdown else None
        for worked, found in ((moment.daily, daily), (moment.drawdown, drawdown)):
            if worked is not None:
                assert _worked(found) == _close(worked), moment.at


def _worked(found: Standing | Unavailable | None) -> Worked | Reason | None:
    if isinstance(found, Standing):
        return found.anchor, found.loss, found.allowed, found.used
    return found.reason if found else None


def _close(worked: Worked | Reason) -> object:
    # Money to the last digit, the ratio as far as floats go.
    if isinstance(worked, Reason):
        return worked
    return (*worked[:3], pytest.approx(worked[3], rel=1e-12))
