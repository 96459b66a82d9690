"""What a web configuration file says, as values."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mt5_exporter.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How one generation of connections speaks TLS.

    Attributes:
        context: Made anew for every generation: to load a pair that does not match into a context that is in
            use was measured to break every handshake after it.
        client_allowed_sans: One of these names a client's certificate has to bear; empty for any.
        identifies: Whether nobody gets in without a certificate that was verified.
    """

    context: ssl.SSLContext
    client_allowed_sans: frozenset[str] = frozenset()
    identifies: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """One request every `interval` seconds, and `burst` at once after a quiet time."""

    interval: float
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfig:
    """One state of the file, and of the files that it names.

    Attributes:
        source: The file.
        tls: None for plain HTTP.
        users: Bcrypt hashes by name.
        headers: What every answer carries, as it is sent.
        rate_limit: None for no limit.
        warnings: What is allowed and probably not meant.
        named: The files that it names.
        digest: Of everything that was read; another digest is another configuration.
    """

    source: str = ""
    tls: Tls | None = None
    users: Mapping[bytes, Secret] = field(default_factory=dict)
    headers: tuple[tuple[bytes, bytes], ...] = ()
    rate_limit: RateLimit | None = None
    warnings: tuple[str, ...] = ()
    named: tuple[Path, ...] = ()
    digest: bytes = b""

    @property
    def authenticates(self) -> bool:
        """Whether nobody gets in without a password or a verified certificate."""
        return bool(self.users) or (self.tls is not None and self.tls.identifies)
