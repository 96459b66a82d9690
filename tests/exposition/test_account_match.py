"""Whether the right account is logged in: told by the authentication probe, and absent while it cannot be."""

import pytest

from mt5_exporter.config import AccountConfig, Config, TerminalConfig
from mt5_exporter.counters import Counters
from mt5_exporter.exposition.collect import collect, freeze
from mt5_exporter.snapshot import PollResult, ProbeResult, ProbeStatus, Snapshot

OURS = AccountConfig(login=42, server="Broker-Live")


def match(result: ProbeResult | None, account: AccountConfig | None = OURS) -> float | None:
    """Return what is served after a poll with this result, None for nothing."""
    terminal = TerminalConfig(name="desk", account=account)
    snapshot = Snapshot(["desk"])
    probes = (result,) if result else ()
    snapshot.publish(PollResult(terminal="desk", at=0, instant=0, seconds=0, probes=probes, readings=()))
    frozen = freeze(terminal, snapshot, Counters(), instant=0, wall=0)
    samples, _ = collect(Config(terminals=(terminal,)), frozen)
    return next((sample.value for sample in samples if sample.metric.name == "mt5_account_match"), None)


def authentication(status: ProbeStatus, reason: str = "") -> ProbeResult:
    return ProbeResult(probe="authentication", status=status, at=0, reason=reason)


@pytest.mark.parametrize(
    ("status", "reason", "served"),
    [
        (ProbeStatus.PASSED, "", 1),
        (ProbeStatus.FAILED, "account_mismatch", 0),
        (ProbeStatus.FAILED, "not_logged_in", None),
        (ProbeStatus.FAILED, "no_ipc", None),
        (ProbeStatus.SKIPPED, "connection_failed", None),
        (ProbeStatus.UNKNOWN, "", None),
    ],
)
def test_a_match_is_told_while_it_can_be(status: ProbeStatus, reason: str, served: float | None) -> None:
    assert match(authentication(status, reason)) == served


def test_before_the_first_poll_nothing_is_told() -> None:
    assert match(None) is None


def test_where_no_account_is_configured_none_can_match() -> None:
    assert match(authentication(ProbeStatus.PASSED), account=None) is None
