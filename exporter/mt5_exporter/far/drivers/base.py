"""The port to a terminal: what a worker needs from any driver."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

Settings = Mapping[str, object]
"""One terminal's settings as they crossed the wire: plain JSON values, times absolute."""

Presence = Literal["served", "busy", "no_pipe", "absent", "unknown"]
"""What is known of the terminal before it is touched.

served: its pipe is there and free. busy: there, all instances taken. no_pipe: the program runs and its pipe
does not. absent: neither. unknown: it cannot be told from here.
"""


class Api(Protocol):
    """The functions of the MetaTrader5 module that every driver has; the rest are looked up by name."""

    def initialize(self, path: str, /, *, timeout: int, portable: bool) -> bool:
        """Attach to the terminal, waiting up to `timeout` milliseconds for it to be authorised."""
        ...

    def login(self, login: int, /, *, password: str, server: str, timeout: int) -> bool:
        """Switch the terminal to an account: a write, called only where the settings allow it."""
        ...

    def last_error(self) -> tuple[int, str]:
        """Return code and text of the last call in this process."""
        ...

    def shutdown(self) -> object:
        """Close the link; the terminal goes on."""
        ...


class Driver(Protocol):
    """One terminal, reached in one way."""

    name: str
    package: str
    """Version of the package behind `api`, for the greeting."""

    @property
    def api(self) -> Api:
        """Return the module, or an object with its functions."""
        ...

    def read(
        self, function: str, args: Sequence[object], kwargs: Mapping[str, object], fields: Sequence[str]
    ) -> tuple[object, int, str]:
        """Make one call: its value in plain JSON, of a struct only `fields`, and its `last_error`.

        Whatever it raises is an answer about this call alone, and not about the link.
        """
        ...

    def presence(self) -> Presence:
        """Tell whether the terminal is there, with no side effect and in milliseconds."""
        ...

    def launch(self) -> None:
        """Start the terminal's program, detached; called only where the settings allow it."""
        ...

    def configure(self, settings: Settings) -> None:
        """Take settings that changed while the worker runs."""
        ...
