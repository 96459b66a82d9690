"""The heartbeats of expert advisors: the API cannot show a dead one, a file that it touches can."""

from collections.abc import Sequence

from mt5_exporter import catalogue, errors
from mt5_exporter.catalogue import Sample
from mt5_exporter.round import Round


class ExpertsReading:
    """`mt5_expert_heartbeat_timestamp_seconds{terminal="desk-1",expert="trend"} 1764763198.5`."""

    name = "experts"
    requires: frozenset[str] = frozenset()
    metrics = (catalogue.EXPERT_HEARTBEAT,)

    async def read(self, asked: Round) -> Sequence[Sample]:
        """Look at the configured files; one that is not there is 0, one that cannot be looked at is left out.

        Raises:
            MT5Error: Not one could be looked at.
        """
        files = asked.terminal.heartbeat_files
        touched = await asked.memory.heartbeats.touched(files.values())
        failed = [failure for failure in touched.values() if isinstance(failure, OSError)]
        if failed and len(failed) == len(touched):
            raise errors.MT5DataError(
                f"no heartbeat file can be looked at: {failed[0]}",
                verdict=errors.NO_DATA,
                code=errors.OK,
                terminal=asked.terminal.name,
            )
        return tuple(
            # An absent series would raise no alert, and a file that is gone is no sign of life.
            Sample(catalogue.EXPERT_HEARTBEAT, (asked.terminal.name, expert), at or 0.0)
            for expert, file in files.items()
            if not isinstance(at := touched[file], OSError)
        )
