"""What is remembered of a terminal's last rounds."""

from mt5_exporter.recent import KEPT, LONGEST, Recent
from mt5_exporter.snapshot import ProbeResult, ProbeStatus


def probe(status: ProbeStatus, message: str = "") -> ProbeResult:
    return ProbeResult(probe="connection", status=status, at=0, reason="no_ipc", message=message)


def passed(recent: Recent, at: float) -> None:
    recent.take("desk", [probe(ProbeStatus.PASSED)], at=at, seconds=0.1)


def failed(recent: Recent, at: float) -> None:
    recent.take("desk", [probe(ProbeStatus.FAILED, "gone")], at=at, seconds=None)


def test_the_newest_comes_first() -> None:
    recent = Recent()
    passed(recent, 1)
    failed(recent, 2)

    newest, oldest = recent.of("desk")

    assert (newest.at, newest.seconds, newest.failures[0].message) == (2, None, "gone")
    assert (oldest.at, oldest.seconds, oldest.failures) == (1, 0.1, ())


def test_failures_outlive_successes_and_both_are_bounded() -> None:
    recent = Recent()
    for at in range(5):
        failed(recent, at)
    for at in range(5, 1000):
        passed(recent, at)

    looks = recent.of("desk")

    assert [look.at for look in looks if look.failures] == [4, 3, 2, 1, 0]
    assert len(looks) == KEPT + 5
    for at in range(1000, 2000):
        failed(recent, at)
    assert len(recent.of("desk")) == 2 * KEPT


def test_only_what_failed_is_a_failure_and_its_text_is_bounded() -> None:
    recent = Recent()
    probes = [probe(status, "x" * 1000) for status in ProbeStatus]

    recent.take("desk", probes, at=1, seconds=1)

    [look] = recent.of("desk")
    [failure] = look.failures
    assert len(failure.message) == LONGEST


def test_a_terminal_that_is_forgotten_or_unknown_has_no_past() -> None:
    recent = Recent()
    passed(recent, 1)
    recent.forget("desk")
    recent.forget("nobody")

    assert recent.of("desk") == recent.of("nobody") == []
