"""What a library user sees of one terminal's health."""

from dataclasses import dataclass

from mt5_exporter import errors
from mt5_exporter.manager import MT5SessionManager
from mt5_exporter.poll import Poller, Skipped
from mt5_exporter.snapshot import PollResult, ProbeResult, ProbeStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The four probes' answers; `latency_ms` is the terminal's round trip, None where it did not answer."""

    terminal: str
    connection: ProbeStatus
    authentication: ProbeStatus
    data_feed: ProbeStatus
    latency: ProbeStatus
    latency_ms: float | None
    poll: PollResult

    @property
    def healthy(self) -> bool:
        """Whether no probe failed or had to be skipped."""
        return all(probe.status in {ProbeStatus.PASSED, ProbeStatus.UNKNOWN} for probe in self.poll.probes)

    @property
    def problems(self) -> tuple[str, ...]:
        """What the failed probes say, for a person."""
        return tuple(
            f"{probe.probe}: {probe.message}"
            for probe in self.poll.probes
            if probe.status is ProbeStatus.FAILED
        )


async def probe(manager: MT5SessionManager, terminal: str | None = None) -> Report:
    """Run one round of probes and readings at a terminal.

    Args:
        manager: An open manager.
        terminal: The terminal's name; may be left out where there is only one.

    Raises:
        MT5InvalidRequestError: There is no such terminal.
        MT5UnavailableError: Somebody else holds the terminal's lease, or the manager is closing.
    """
    chosen = manager.terminal(terminal)
    try:
        result = await Poller(manager, chosen).poll()
    except Skipped as skipped:
        code = errors.DRAINING if str(skipped) == "draining" else errors.NO_LEASE
        raise errors.error(code, "", operation="probe", terminal=chosen.name) from skipped
    by_name = {found.probe: found for found in result.probes}
    connection = by_name["connection"]
    return Report(
        terminal=chosen.name,
        connection=connection.status,
        authentication=by_name["authentication"].status,
        data_feed=by_name["data_feed"].status,
        latency=by_name["latency"].status,
        latency_ms=_milliseconds(connection),
        poll=result,
    )


def _milliseconds(connection: ProbeResult) -> float | None:
    return connection.seconds * 1000 if connection.status is ProbeStatus.PASSED else None
