"""The genuine MetaTrader5 package: attached by explicit path, looked at before it is touched."""

import importlib
import sys
from collections.abc import Mapping, Sequence

from mt5_exporter.far.call import call
from mt5_exporter.far.drivers.base import Api, Driver, Presence, Settings


class MetaTrader5Driver:
    """One terminal on this machine, by the path of its program.

    The package holds the GIL in every call, has one connection per process and no timeout on its pipe:
    import it in a worker and nowhere else.
    """

    name = "metatrader5"

    def __init__(self, api: Api, settings: Settings) -> None:
        self.api = api
        self.package = str(getattr(api, "__version__", ""))
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Take the terminal's path and whether it keeps its data beside its program."""
        self.path = str(settings.get("path") or "")
        self.portable = bool(settings.get("portable"))

    def read(
        self, function: str, args: Sequence[object], kwargs: Mapping[str, object], fields: Sequence[str]
    ) -> tuple[object, int, str]:
        """Make one call in this process."""
        return call(self.api, function, args, kwargs, fields)

    def presence(self) -> Presence:
        """Ask for the terminal's pipe, then for its process; other systems than Windows cannot tell."""
        if sys.platform == "win32":
            from mt5_exporter.far import windows  # noqa: PLC0415 - its libraries exist there only

            return windows.presence(self.path)
        return "unknown"

    def launch(self) -> None:
        """Start the terminal, detached from this worker."""
        if sys.platform == "win32":
            from mt5_exporter.far import windows  # noqa: PLC0415 - its libraries exist there only

            windows.launch(self.path, portable=self.portable)


def open_driver(settings: Settings, frames: object) -> Driver:
    """Import the package beside this interpreter.

    Raises:
        ImportError: It is not installed, or numpy is not.
    """
    del frames
    api: Api = importlib.import_module("MetaTrader5")
    return MetaTrader5Driver(api, settings)
