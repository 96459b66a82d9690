"""The port of a probe: one question to one terminal, with a verdict and its reason."""

from dataclasses import dataclass
from typing import Protocol

from mt5_exporter.round import Round
from mt5_exporter.snapshot import ProbeStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a probe found; `reason` is a bounded label, `message` is for the person on call."""

    status: ProbeStatus
    reason: str = ""
    message: str = ""


class Probe(Protocol):
    """One question.

    Attributes:
        name: The label `probe`.
        requires: Probes below it; when one of them fails, this one is skipped.
    """

    @property
    def name(self) -> str:
        """The name, as a label."""
        ...

    @property
    def requires(self) -> frozenset[str]:
        """The probes below it."""
        ...

    async def run(self, asked: Round) -> Verdict:
        """Answer the question.

        Raises:
            MT5Error: The terminal did not answer; the probe has failed for the error's reason.
        """
        ...


PASSED = Verdict(status=ProbeStatus.PASSED)


def failed(reason: str, message: str) -> Verdict:
    """Return a failure."""
    return Verdict(status=ProbeStatus.FAILED, reason=reason, message=message)


def unknown(reason: str, message: str) -> Verdict:
    """Return an honest "cannot be told"."""
    return Verdict(status=ProbeStatus.UNKNOWN, reason=reason, message=message)
