"""The drivers by name; one is imported only when a worker is told to use it."""

import importlib
from typing import BinaryIO

from mt5_exporter.far.drivers.base import Driver, Settings

DRIVERS = {
    "metatrader5": "mt5_exporter.far.drivers.metatrader5",
    "rpyc": "mt5_exporter.far.drivers.rpyc_bridge",
    "simulated": "mt5_exporter.far.drivers.simulated",
}


def open_driver(settings: Settings, frames: BinaryIO) -> Driver:
    """Return the driver that `settings["driver"]` names, not yet connected.

    Args:
        settings: The worker's settings frame.
        frames: Where replies are written; only a driver that plays faults touches it.

    Raises:
        ImportError: The driver's own package is missing beside this interpreter.
        KeyError: There is no driver of that name.
    """
    module = importlib.import_module(DRIVERS[str(settings["driver"])])
    driver: Driver = module.open_driver(settings, frames)
    return driver
