"""The web configuration of the moment: read again every second; a broken file changes nothing."""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

from mt5_exporter.config import ConfigError
from mt5_exporter.web.web_config import WebConfig
from mt5_exporter.web.web_config_file import digest, load

log = logging.getLogger(__name__)

INTERVAL = 1.0
"""Seconds from one look at the files to the next."""


class WebConfigFile:
    """A web configuration file, and what it last said that could be used.

    Args:
        path: The file.
        wall: Unix time.

    Raises:
        ConfigError: It cannot be used; only what comes later is survived.
    """

    def __init__(self, path: Path | str, *, wall: Callable[[], float] = time.time) -> None:
        self._path = Path(path)
        self._wall = wall
        self._problem = ""
        self.current = load(self._path)
        self.succeeded_at = wall()

    @property
    def successful(self) -> bool:
        """Whether what is in force is what the files say."""
        return not self._problem

    async def watch(self) -> None:
        """Look at the files for ever."""
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                await asyncio.to_thread(self.refresh)
            except Exception as defect:  # noqa: BLE001 - such as no more threads; scrapes go on as they are
                self._failed(f"{type(defect).__name__}: {defect}")

    def refresh(self) -> None:
        """Read the files, and take what they say if all of it can be used."""
        if self._unchanged():
            if self._problem:
                self._problem = ""
                log.info("web configuration is as it was again", extra={"file": str(self._path)})
            return
        try:
            found = load(self._path)
            self._compare(found)
        except ConfigError as wrong:
            self._failed(str(wrong))
            return
        self.current, self.succeeded_at, self._problem = found, self._wall(), ""
        log.info("web configuration reloaded", extra={"file": str(self._path)})
        for warning in found.warnings:
            log.warning("web configuration", extra={"warning": warning})

    def _unchanged(self) -> bool:
        """Return whether the files are what is in force, by every byte: a time stamp has too few digits."""
        try:
            return digest(self._path, self.current.named) == self.current.digest
        except (ConfigError, OSError):
            return False

    def _compare(self, found: WebConfig) -> None:
        """Refuse what would open a door that is closed, or close the only one.

        Raises:
            ConfigError: It takes a restart.
        """
        if (found.tls is None) is not (self.current.tls is None):
            raise ConfigError(f"{self._path}: to begin or end TLS takes a restart")
        if self.current.authenticates and not found.authenticates:
            raise ConfigError(f"{self._path}: to do without authentication takes a restart")

    def _failed(self, problem: str) -> None:
        """Tell of a problem once."""
        if problem != self._problem:
            self._problem = problem
            log.error("web configuration not reloaded, the one before goes on", extra={"reason": problem})
