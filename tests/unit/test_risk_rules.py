"""What may stand under `risk`, and the one line that says what is wrong with it."""

import pytest

from mt5_exporter.risk.days import Day
from mt5_exporter.risk.rules import DailyLossRule, DrawdownRule, Kind, Limit, Measure, RiskConfig
from mt5_exporter.strict_yaml import ConfigError
from tests.unit.risking import rules

DAY = "\nday: {reset: '17:00', timezone: America/New_York}"
NEW_YORK = Day(reset=1020, timezone="America/New_York")


def test_a_file_with_everything_says_everything() -> None:
    config = rules(
        """
initial_balance: 100000
daily_loss: {limit: 5%, of: initial, basis: higher, compare: lower}
drawdown: {kind: end_of_day, basis: higher, limit: 4.5%, of: anchor, compare: balance, high_water: 101000.5,
  lock: 100, flows: counted}
day: {reset: '17:00', timezone: America/New_York}
"""
    )

    assert config == RiskConfig(
        daily_loss=DailyLossRule(limit=Limit(money=5000), basis=Measure.HIGHER, compare=Measure.LOWER),
        drawdown=DrawdownRule(
            kind=Kind.END_OF_DAY,
            limit=Limit(share=0.045),
            basis=Measure.HIGHER,
            compare=Measure.BALANCE,
            initial_balance=100000,
            high_water=101000.5,
            lock=100100,
            flows_count=True,
        ),
        day=NEW_YORK,
    )


def test_a_daily_loss_is_a_share_of_the_days_balance_held_against_the_equity_unless_told_otherwise() -> None:
    assert rules("daily_loss: {limit: 5%}" + DAY) == RiskConfig(
        daily_loss=DailyLossRule(limit=Limit(share=0.05), basis=Measure.BALANCE, compare=Measure.EQUITY),
        day=NEW_YORK,
    )


@pytest.mark.parametrize(
    ("kind", "basis"),
    [("static", Measure.EQUITY), ("trailing", Measure.EQUITY), ("end_of_day", Measure.BALANCE)],
)
def test_a_drawdown_is_a_share_of_the_initial_balance_unless_told_otherwise(
    kind: str, basis: Measure
) -> None:
    config = rules(f"initial_balance: 50000\ndrawdown: {{kind: {kind}, limit: 10%}}{DAY}")

    assert config.drawdown == DrawdownRule(
        kind=Kind(kind), limit=Limit(money=5000), basis=basis, initial_balance=50000
    )


def test_money_needs_no_initial_balance() -> None:
    drawdown = rules("drawdown: {kind: trailing, limit: 2500.50}").drawdown

    assert drawdown == DrawdownRule(kind=Kind.TRAILING, limit=Limit(money=2500.5))


def test_a_rule_that_looks_at_no_reset_needs_no_day() -> None:
    assert rules("drawdown: {kind: trailing, limit: 1}").day == Day(reset=0, timezone="UTC")


STATIC = "initial_balance: 100\ndrawdown: {kind: static, limit: 10%"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[]", "1: expected a mapping, was a list"),
        ("day: {}", "1: expected daily_loss, drawdown or both"),
        ("dayly_loss: {}", "1: dayly_loss: unknown key, did you mean 'daily_loss'?"),
        ("initial_balance: 0" + DAY, "1: initial_balance: expected a number above 0"),
        # The day
        ("daily_loss: {limit: 5%}", "1: day: is missing"),
        ("initial_balance: 9\ndrawdown: {kind: end_of_day, limit: 5%}", "1: day: is missing"),
        ("daily_loss: {limit: 5%}\nday: {timezone: UTC}", "2: day.reset: is missing"),
        ("daily_loss: {limit: 5%}\nday: {reset: 00:00}", "2: day.timezone: is missing"),
        (
            "daily_loss: {limit: 5%}\nday: {reset: 17:00, timezone: UTC}",
            "2: day.reset: expected a time such as '17:00', which YAML takes for a number",
        ),
        (
            "daily_loss: {limit: 5%}\nday: {reset: '24:00', timezone: UTC}",
            "2: day.reset: expected a time such as '17:00', was the text '24:00'",
        ),
        (
            "daily_loss: {limit: 5%}\nday: {reset: 00:00, timezone: New York}",
            "2: day.timezone: unknown time zone; expected one such as America/New_York",
        ),
        # The limit
        ("daily_loss: {}" + DAY, "1: daily_loss.limit: is missing"),
        ("daily_loss: {limit: 0%}" + DAY, "1: daily_loss.limit: expected a limit such as 5% or 2500"),
        ("daily_loss: {limit: 100%}" + DAY, "1: daily_loss.limit: expected a limit such as 5% or 2500"),
        ("daily_loss: {limit: -5%}" + DAY, "1: daily_loss.limit: expected a limit such as 5% or 2500"),
        ("daily_loss: {limit: '5%'}" + DAY, "1: daily_loss.limit: expected a limit such as 5% or 2500"),
        ("daily_loss: {limit: [5]}" + DAY, "1: daily_loss.limit: expected a limit such as 5% or 2500"),
        ("daily_loss: {limit: 0}" + DAY, "1: daily_loss.limit: expected a number above 0"),
        ("daily_loss: {limit: five}" + DAY, "1: daily_loss.limit: expected a number above 0"),
        ("daily_loss: {limit: 5, of: anchor}" + DAY, "1: daily_loss.of: belongs to a limit in percent"),
        (
            "daily_loss: {limit: 5%, of: initial}" + DAY,
            "1: daily_loss.of: is a share of initial_balance, which is not set",
        ),
        (
            "drawdown: {kind: trailing, limit: 5%}",
            "1: drawdown.limit: is a share of initial_balance, which is not set",
        ),
        # What does not go together
        ("daily_loss: {limit: 5%, basis: lower}" + DAY, "1: daily_loss.basis: expected one of balance, equ"),
        ("daily_loss: {limit: 5%, compare: higher}" + DAY, "1: daily_loss.compare: expected one of balanc"),
        ("drawdown: {limit: 5%}", "1: drawdown.kind: is missing"),
        ("drawdown: {kind: dynamic}", "1: drawdown.kind: expected one of end_of_day, static, trailing"),
        (
            "drawdown: {kind: static, limit: 5}",
            "1: drawdown.kind: static counts from initial_balance, which is not set",
        ),
        (STATIC + ", lock: 0}", "2: drawdown.lock: belongs to trailing and end_of_day only"),
        (STATIC + ", basis: equity}", "2: drawdown.basis: belongs to trailing and end_of_day only"),
        (STATIC + ", high_water: 1}", "2: drawdown.high_water: belongs to trailing and end_of_day only"),
        (STATIC + ", flows: yes}", "2: drawdown.flows: expected one of counted, excluded"),
        (
            "drawdown: {kind: trailing, limit: 5, lock: 0}",
            "1: drawdown.lock: is above initial_balance, which is not set",
        ),
    ],
)
def test_a_mistake_is_one_line_that_names_its_place(content: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        rules(content)

    assert str(caught.value).startswith(f"rules.yml:{problem}")
    assert "\n" not in str(caught.value)
