"""The program and its link to the trade server."""

from collections.abc import Iterator

from mt5_exporter import catalogue
from mt5_exporter.catalogue import Sample
from mt5_exporter.errors import MT5DataError
from mt5_exporter.readings.base import TERMINAL_ANSWERS
from mt5_exporter.round import Round


class TerminalReading:
    """`mt5_terminal_connected{terminal="desk-1"} 1`."""

    name = "terminal"
    requires = TERMINAL_ANSWERS
    metrics = (
        catalogue.TERMINAL_INFO,
        catalogue.TERMINAL_CONNECTED,
        catalogue.TERMINAL_TRADE_ALLOWED,
        catalogue.TERMINAL_TRADEAPI_DISABLED,
        catalogue.TERMINAL_PING,
        catalogue.TERMINAL_RETRANSMISSION,
    )

    async def read(self, asked: Round) -> Iterator[Sample]:
        """Read `terminal_info` and `version`; the ping is a last-known value and left out without a link."""
        terminal = (await asked.terminal_info()).value
        version, released = await _version(asked)
        name = asked.terminal.name

        def samples() -> Iterator[Sample]:
            program = (str(terminal.build), terminal.name, terminal.company, version, released)
            yield Sample(catalogue.TERMINAL_INFO, (name, asked.terminal.driver, *program), 1)
            yield Sample(catalogue.TERMINAL_CONNECTED, (name,), terminal.connected)
            yield Sample(catalogue.TERMINAL_TRADE_ALLOWED, (name,), terminal.trade_allowed)
            if terminal.tradeapi_disabled is not None:
                yield Sample(catalogue.TERMINAL_TRADEAPI_DISABLED, (name,), terminal.tradeapi_disabled)
            if terminal.connected:
                yield Sample(catalogue.TERMINAL_PING, (name,), terminal.ping_last / 1e6)
                if terminal.retransmission is not None:
                    yield Sample(catalogue.TERMINAL_RETRANSMISSION, (name,), terminal.retransmission / 100)

        return samples()


async def _version(asked: Round) -> tuple[str, str]:
    """Return the program's version and the day of its release, both empty where it does not tell."""
    try:
        found = (await asked.version()).value
    except MT5DataError:
        return "", ""
    return (str(found.version), found.released) if found.version else ("", "")
