"""The configured rules: what may be lost, counted from where, by which measure of an account's money."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mt5_exporter.market import Calendar
from mt5_exporter.risk.days import Day
from mt5_exporter.scalars import number, one_of, text
from mt5_exporter.strict_yaml import Section, Value

UTC_MIDNIGHT = Day()
MONEY = number(above=0, most=1e12)


class Measure(StrEnum):
    """Which money of an account counts."""

    BALANCE = "balance"
    EQUITY = "equity"
    HIGHER = "higher"
    LOWER = "lower"

    def of(self, balance: float, equity: float) -> float:
        """Return what counts of the two."""
        match self:
            case Measure.BALANCE:
                return balance
            case Measure.EQUITY:
                return equity
            case Measure.HIGHER:
                return max(balance, equity)
            case Measure.LOWER:
                return min(balance, equity)


class Kind(StrEnum):
    """What a drawdown counts from."""

    STATIC = "static"
    TRAILING = "trailing"
    END_OF_DAY = "end_of_day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What may be lost: a share of the anchor, or money; the other one is 0."""

    share: float = 0.0
    money: float = 0.0

    def of(self, anchor: float) -> float:
        """Return what may be lost from `anchor`."""
        return self.money + self.share * anchor

    def anchor_above(self, floor: float) -> float:
        """Return the anchor from which `floor` is just what may be lost below it."""
        return (floor + self.money) / (1 - self.share)


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyLossRule:
    """What may be lost in a trading day.

    Attributes:
        basis: What the day's anchor is, of the account's money at the reset.
        compare: What is held against it.
    """

    limit: Limit
    basis: Measure = Measure.BALANCE
    compare: Measure = Measure.EQUITY


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawdownRule:
    """What may be lost from the initial balance, or from a high-water mark.

    Attributes:
        basis: What makes the mark, of the account's money.
        compare: What is held against it.
        initial_balance: Where a static rule counts from; a high-water mark is no lower.
        high_water: A mark that the account had before it was watched; the mark begins no lower.
        lock: The floor stops rising here; None for never.
        flows_count: Whether a withdrawal brings the account nearer to its floor, as a loss would.
    """

    kind: Kind
    limit: Limit
    basis: Measure = Measure.EQUITY
    compare: Measure = Measure.EQUITY
    initial_balance: float | None = None
    high_water: float | None = None
    lock: float | None = None
    flows_count: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskConfig:
    """The rules of one account; `day` says nothing where no rule looks at a reset."""

    daily_loss: DailyLossRule | None = None
    drawdown: DrawdownRule | None = None
    day: Day = UTC_MIDNIGHT


def decode_risk(value: Value) -> RiskConfig:
    """Return the rules that a file sets.

    Raises:
        ConfigError: A key is unknown, missing, or contradicts another one.
    """
    section = value.section(("initial_balance", "daily_loss", "drawdown", "day"))
    initial = section.take("initial_balance", MONEY, None)
    daily_loss = section.take("daily_loss", lambda entry: _daily_loss(entry, initial), None)
    drawdown = section.take("drawdown", lambda entry: _drawdown(entry, initial), None)
    if daily_loss is None and drawdown is None:
        raise value.error("expected daily_loss, drawdown or both")
    if daily_loss is not None or (drawdown is not None and drawdown.kind is Kind.END_OF_DAY):
        # Firms reset at midnights of many zones and at New York's close: a default would be wrong in silence.
        day = section.need("day", _day)
    else:
        day = section.take("day", _day, UTC_MIDNIGHT)
    return RiskConfig(daily_loss=daily_loss, drawdown=drawdown, day=day)


def _daily_loss(value: Value, initial: float | None) -> DailyLossRule:
    section = value.section(("limit", "of", "basis", "compare"))
    return DailyLossRule(
        limit=_limit(section, initial, "anchor"),
        basis=section.take("basis", _BASIS, Measure.BALANCE),
        compare=section.take("compare", _COMPARE, Measure.EQUITY),
    )


def _drawdown(value: Value, initial: float | None) -> DrawdownRule:
    section = value.section(("kind", "limit", "of", "basis", "compare", "high_water", "lock", "flows"))
    kind = section.need("kind", lambda entry: Kind(one_of(list(Kind))(entry)))
    if kind is Kind.STATIC:
        for key in ("basis", "high_water", "lock"):
            if section.has(key):
                raise section.where(key).error(f"belongs to {Kind.TRAILING} and {Kind.END_OF_DAY} only")
        if initial is None:
            raise section.where("kind").error("static counts from initial_balance, which is not set")
    offset = section.take("lock", number(most=1e12), None)
    if offset is not None and initial is None:
        raise section.where("lock").error("is above initial_balance, which is not set")
    default = Measure.BALANCE if kind is Kind.END_OF_DAY else Measure.EQUITY
    return DrawdownRule(
        kind=kind,
        limit=_limit(section, initial, "initial"),
        basis=section.take("basis", _BASIS, default),
        compare=section.take("compare", _COMPARE, Measure.EQUITY),
        initial_balance=initial,
        high_water=section.take("high_water", MONEY, None),
        lock=None if offset is None or initial is None else initial + offset,
        flows_count=section.take("flows", one_of(("excluded", "counted")), "excluded") == "counted",
    )


def _limit(section: Section, initial: float | None, default: str) -> Limit:
    """Return a limit such as `5%` or `2500`; a share of the initial balance is money that is known now."""
    share, money = section.need("limit", _share_or_money)
    if money and section.has("of"):
        raise section.where("of").error("belongs to a limit in percent")
    of = section.take("of", one_of(("anchor", "initial")), default)
    if money or of == "anchor":
        return Limit(share=share, money=money)
    if initial is None:
        raise section.where("of", "limit").error("is a share of initial_balance, which is not set")
    return Limit(money=share * initial)


def _share_or_money(value: Value) -> tuple[float, float]:
    spelled = value.scalar()
    if value.is_plain and re.fullmatch(r"(0|[1-9][0-9]?)(\.[0-9]{1,4})?%", spelled) and float(spelled[:-1]):
        return float(spelled[:-1]) / 100, 0.0
    if value.is_plain and not spelled.endswith("%"):
        return 0.0, MONEY(value)
    raise value.expected("a limit such as 5% or 2500")


def _day(value: Value) -> Day:
    section = value.section(("reset", "timezone"))
    spelled = section.need("reset", text("a time such as '17:00'", pattern="([01][0-9]|2[0-3]):[0-5][0-9]"))
    timezone = section.need("timezone", text("an IANA time zone such as America/New_York"))
    try:
        Calendar(name="day", timezone=timezone).require_zone()
    except ValueError as error:
        raise section.where("timezone").error(str(error)) from None
    return Day(reset=int(spelled[:2]) * 60 + int(spelled[3:]), timezone=timezone)


def _measure(choices: Sequence[Measure]) -> Callable[[Value], Measure]:
    return lambda value: Measure(one_of(choices)(value))


_BASIS = _measure((Measure.BALANCE, Measure.EQUITY, Measure.HIGHER))
_COMPARE = _measure((Measure.BALANCE, Measure.EQUITY, Measure.LOWER))
