"""Prometheus exporter and session manager for MetaTrader 5 terminals.

Reading order, which is the way of a reading:

    far             beside the terminal: wire, driver, worker
    launcher        starts, feeds and ends a worker process; `bundle` is what it sends
    session         one terminal's life; `breaker` and `backoff` decide, `errors` classifies
    manager         the keyed pool; `lease` is what a caller gets
    probes          one question each; `readings`: what is read when they pass; `round`: asked once
    memory          what is remembered of a terminal; `history`, `risk`: of an account; `store` keeps it
    poll            one scheduled round; `scheduler` and `clock` say when
    snapshot        the last results and their age; `counters`: what only grows
    catalogue       every metric, once
    exposition      collect, render, negotiate, publish
    web             pages, and the server with TLS, passwords and limits
    fleet           the terminals that are watched now; `reload` exchanges them by a `difference`
    app             builds it all; `events` go to `tally` (counts) and `journal` (log)

As a library:

    async with MT5SessionManager(config) as manager:
        tick = await manager.get_price("EURUSD")
        status = await probe(manager)
"""

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from mt5_exporter.config import AccountConfig as AccountConfig
    from mt5_exporter.config import BridgeConfig as BridgeConfig
    from mt5_exporter.config import Config as Config
    from mt5_exporter.config import ConfigError as ConfigError
    from mt5_exporter.config import SimulationConfig as SimulationConfig
    from mt5_exporter.config import TerminalConfig as TerminalConfig
    from mt5_exporter.config import TlsConfig as TlsConfig
    from mt5_exporter.config_file import load as load_config  # noqa: F401 - public under this name
    from mt5_exporter.errors import MT5AuthenticationError as MT5AuthenticationError
    from mt5_exporter.errors import MT5BrokerError as MT5BrokerError
    from mt5_exporter.errors import MT5ConnectionError as MT5ConnectionError
    from mt5_exporter.errors import MT5DataError as MT5DataError
    from mt5_exporter.errors import MT5Error as MT5Error
    from mt5_exporter.errors import MT5InvalidRequestError as MT5InvalidRequestError
    from mt5_exporter.errors import MT5PermissionError as MT5PermissionError
    from mt5_exporter.errors import MT5TimeoutError as MT5TimeoutError
    from mt5_exporter.errors import MT5UnavailableError as MT5UnavailableError
    from mt5_exporter.lease import Lease as Lease
    from mt5_exporter.manager import MT5SessionManager as MT5SessionManager
    from mt5_exporter.manager import SessionStats as SessionStats
    from mt5_exporter.report import Report as Report
    from mt5_exporter.report import probe as probe

_PUBLIC = {
    "AccountConfig": ("config", "AccountConfig"),
    "BridgeConfig": ("config", "BridgeConfig"),
    "Config": ("config", "Config"),
    "ConfigError": ("config", "ConfigError"),
    "Lease": ("lease", "Lease"),
    "MT5AuthenticationError": ("errors", "MT5AuthenticationError"),
    "MT5BrokerError": ("errors", "MT5BrokerError"),
    "MT5ConnectionError": ("errors", "MT5ConnectionError"),
    "MT5DataError": ("errors", "MT5DataError"),
    "MT5Error": ("errors", "MT5Error"),
    "MT5InvalidRequestError": ("errors", "MT5InvalidRequestError"),
    "MT5PermissionError": ("errors", "MT5PermissionError"),
    "MT5SessionManager": ("manager", "MT5SessionManager"),
    "MT5TimeoutError": ("errors", "MT5TimeoutError"),
    "MT5UnavailableError": ("errors", "MT5UnavailableError"),
    "Report": ("report", "Report"),
    "SessionStats": ("manager", "SessionStats"),
    "SimulationConfig": ("config", "SimulationConfig"),
    "TerminalConfig": ("config", "TerminalConfig"),
    "TlsConfig": ("config", "TlsConfig"),
    "load_config": ("config_file", "load"),
    "probe": ("report", "probe"),
}

__all__ = ["__version__", *sorted(_PUBLIC)]  # noqa: PLE0604 - the names are strings


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: `--version` needs none of them."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _PUBLIC[name]
    value: object = getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return what is public."""
    return list(__all__)
