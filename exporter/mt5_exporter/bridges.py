"""The bridges of one file: where each is, and what makes reaching for it bearable."""

from pathlib import Path

from mt5_exporter.config import BridgeConfig, TerminalConfig, TlsConfig
from mt5_exporter.scalars import boolean, integer, text
from mt5_exporter.strict_yaml import Section, Value

HOST_FORM = r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]+"
HOST = text("a host's name or address, without a port", pattern=HOST_FORM, longest=253)


class Bridges:
    """Decodes the bridges of one file; collects warnings on the way.

    Args:
        directory: What the names of files are relative to.
    """

    def __init__(self, directory: Path) -> None:
        self.warnings: list[str] = []
        self._directory = directory
        self._known: dict[tuple[str, int], str] = {}

    def decode(self, value: Value) -> BridgeConfig:
        """Return a bridge; one on another machine is a choice that the file has to make."""
        plain = BridgeConfig()
        section = value.section(BridgeConfig.__dataclass_fields__)
        bridge = BridgeConfig(
            host=section.take("host", HOST, plain.host),
            port=section.take("port", integer(1, 65535), plain.port),
            allow_remote=section.take("allow_remote", boolean, plain.allow_remote),
            tls=section.take("tls", self._tls, None),
        )
        if not bridge.loopback and not bridge.allow_remote:
            raise section.where("host").error(
                "is another machine, where a bridge runs whatever it is sent:"
                " take a tunnel to 127.0.0.1, or say 'allow_remote: true'"
            )
        return bridge

    def check(self, section: Section, terminal: TerminalConfig) -> None:
        """Check what a bridge and other keys of its terminal, and other terminals' bridges, say together."""
        bridge = terminal.bridge
        if bridge is None:
            return
        if terminal.driver != "rpyc":
            raise section.where("bridge").error("belongs to driver rpyc only")
        for key, write in (("login", terminal.login), ("launch", terminal.launch)):
            if write:
                raise section.where(key).error(f"'{key}: true' does not go over a bridge of driver rpyc")
        known = self._known.setdefault((bridge.host.lower(), bridge.port), terminal.name)
        where = section.where("bridge", "driver")
        if known != terminal.name:
            raise where.error(f"is the bridge of terminal {known!r} already, and a bridge has one terminal")
        if not bridge.loopback and bridge.tls is None:
            warning = where.error("has no tls: whoever is on the way can run programs beside the terminal")
            self.warnings.append(str(warning))

    def _tls(self, value: Value) -> TlsConfig:
        section = value.section(TlsConfig.__dataclass_fields__)
        for one, other in (("cert_file", "key_file"), ("key_file", "cert_file")):
            if section.has(one) and not section.has(other):
                raise section.where(one).error(f"needs {other} beside it")
        return TlsConfig(
            ca_file=section.need("ca_file", self._file),
            cert_file=section.take("cert_file", self._file, None),
            key_file=section.take("key_file", self._file, None),
            server_name=section.take("server_name", HOST, None),
        )

    def _file(self, value: Value) -> Path:
        return self._directory / text("a file's name")(value)
