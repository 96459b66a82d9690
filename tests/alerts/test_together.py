"""Alert, unit test, runbook, links and catalogue are one thing: none may be missing, or speak of another."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from tests.alerts.holding import complaints
from tests.alerts.shipped import Alert, Shipped, load

SHIPPED = load()


def test_alerts_unit_tests_runbooks_links_and_catalogue_belong_together() -> None:
    assert complaints(SHIPPED) == []


def _alert(name: str, change: Callable[[Alert], Alert]) -> Shipped:
    alerts = [change(alert) if alert.name == name else alert for alert in SHIPPED.alerts]
    return replace(SHIPPED, alerts=alerts)


def _expr(name: str, old: str, new: str) -> Shipped:
    def change(alert: Alert) -> Alert:
        assert old in alert.expr
        return replace(alert, expr=alert.expr.replace(old, new))

    return _alert(name, change)


def _texts(name: str, **texts: str) -> Shipped:
    return _alert(name, lambda alert: replace(alert, annotations={**alert.annotations, **texts}))


def _runbook(name: str, old: str, new: str) -> Shipped:
    assert old in SHIPPED.runbooks[name]
    changed = SHIPPED.runbooks[name].replace(old, new)
    return replace(SHIPPED, runbooks={**SHIPPED.runbooks, name: changed})


def _without_runbook(name: str) -> Shipped:
    runbooks = {other: text for other, text in SHIPPED.runbooks.items() if other != name}
    return replace(SHIPPED, runbooks=runbooks)


def _spans(name: str, *, wait: float = 2, keep: float = 15) -> Shipped:
    spans = dt.timedelta(minutes=wait), dt.timedelta(minutes=keep)
    return _alert(name, lambda alert: replace(alert, wait=spans[0], keep=spans[1]))


def _series(old: str, new: str) -> Shipped:
    cases = [
        replace(case, series=[series.replace(old, new) for series in case.series]) for case in SHIPPED.cases
    ]
    return replace(SHIPPED, cases=cases)


def _checks(name: str, first: int, last: int | None) -> Shipped:
    """Leave out some of the checks of an alert's own case."""
    cases = [
        replace(case, checks=case.checks[first:last]) if case.name == name else case for case in SHIPPED.cases
    ]
    return replace(SHIPPED, cases=cases)


DOWN = "MT5TerminalDown"
WRONG = "MT5WrongAccount"
LOST = "MT5BrokerConnectionFlapping"
JOIN = "on (job, instance, terminal)"


BROKEN: Mapping[str, tuple[Shipped, str]] = {
    "no runbook": (_without_runbook(DOWN), "MT5TerminalDown: has no runbook"),
    "another heading": (_runbook(DOWN, "## Impact", "## Effect"), "has other headings"),
    "an empty section": (
        _runbook(DOWN, "It cannot trade; ", "## Impact\n\nIt cannot trade; "),
        "an empty section",
    ),
    "a runbook's metric": (_runbook(DOWN, "mt5_up", "mt5_upp"), "there is no metric mt5_upp"),
    "a runbook's command": (
        _runbook(DOWN, "mt5tool probe", "mt5tool prob"),
        "which mt5tool does not understand",
    ),
    "a runbook's limit": (
        _runbook("MT5BrokerPingHigh", "{terminal_ping", "{ping"),
        "names the limit ping_seconds",
    ),
    "a runbook's link": (_runbook(LOST, "MT5BrokerPacketLoss.md", "MT5Line.md"), "leads to MT5Line"),
    "a metric": (_expr(WRONG, "mt5_account_match", "mt5_account_matches"), "there is no metric"),
    "a label": (_expr("MT5CircuitBreakerOpen", "state=", "is="), "has no label is"),
    "a join by the terminal alone": (_expr(WRONG, JOIN, "on (terminal)"), "joined are ['terminal']"),
    "a join without the symbol": (_expr("MT5SymbolNotQuoted", ", symbol)", ")"), "both sides have"),
    "a join that drops a desk": (
        _expr("MT5ExpertHeartbeatOld", "group_left ()", ""),
        "such as desk, are lost",
    ),
    "an aggregation": (
        _expr("MT5TerminalNotReady", "without (probe)", "by (terminal)"),
        "instance, job is lost",
    ),
    "a number": (
        _expr("MT5NearMarginCall", "last_over_time(mt5_limit_account_margin_level_ratio[1d])", "1.2"),
        "the number 1.2 is no limit",
    ),
    "a limit that may be missing": (
        _expr("MT5LimitMissing", "mt5_limit_symbol_spread_points", "mt5_limit_symbol_tick_age_seconds"),
        "does not ask for mt5_limit_symbol_spread_points",
    ),
    "a wait that pages twice": (_spans(WRONG, wait=5), "a restart of Prometheus would page again"),
    "a risk that is forgotten": (_spans("MT5NearStopOut", keep=14), "keeps firing for less than"),
    "a summary that varies": (
        _texts(DOWN, summary="{{ $labels.terminal }} is down."),
        "no constant sentence",
    ),
    "a summary without an end": (_texts(DOWN, summary="A terminal is down"), "no constant sentence"),
    "a description of nobody": (_texts(DOWN, description="One is down."), "does not say which terminal"),
    "a description without the limit": (
        _texts("MT5NearMarginCall", description="{{ $labels.terminal }} is low."),
        "does not say the limit",
    ),
    "a label in a description": (
        _texts(DOWN, description="{{ $labels.terminal }}, {{ $labels.symbol }}."),
        "use the label symbol",
    ),
    "another runbook's link": (
        _texts(DOWN, runbook_url="https://runbooks.example.com"),
        "not that of its runbook",
    ),
    "a dashboard without a terminal": (
        _texts(DOWN, dashboard_url="http://127.0.0.1:3000/d/mt5-terminal"),
        "no dashboard",
    ),
    "a severity": (
        _alert(DOWN, lambda alert: replace(alert, labels={"severity": "page"})),
        "has severity 'page'",
    ),
    "a name": (
        _alert(DOWN, lambda alert: replace(alert, name="TerminalDown")),
        "TerminalDown: begins with MT5",
    ),
    "the same alert twice": (
        replace(SHIPPED, alerts=[*SHIPPED.alerts, SHIPPED.alerts[0]]),
        "twice with severity",
    ),
    "no unit test": (_checks(WRONG, 0, 1), "no unit test lets it fire"),
    "no test before": (_checks(WRONG, 1, None), "silent before it fires"),
    "no test after": (_checks(WRONG, 0, -1), "silent again"),
    "no test with a name twice": (_series('instance="b:', 'instance="a:'), "a terminal's name twice"),
    "no test with a desk": (_series('desk="metals"', 'floor="3"'), "no unit test has a label of the target"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_missing_piece_is_found(broken: str) -> None:
    shipped, said = BROKEN[broken]

    found = complaints(shipped)

    assert any(said in text for text in found), found
