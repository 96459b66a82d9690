"""Certificates for a test, in a folder, and what a client needs to meet them."""

import datetime as dt
import ssl
from pathlib import Path

import bcrypt
import trustme

CHEAP = 4
"""bcrypt's least cost, which is some milliseconds."""


class Authority:
    """A certificate authority whose files lie in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = trustme.CA()
        self.ca.cert_pem.write_to_path(str(folder / "ca.pem"))

    def server(self, name: str = "server") -> None:
        """Write `NAME.crt` and `NAME.key` for 127.0.0.1, anew each time."""
        issued = self.ca.issue_cert("127.0.0.1", "localhost")
        (self.folder / f"{name}.key").write_bytes(issued.private_key_pem.bytes())
        (self.folder / f"{name}.crt").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        (self.folder / f"{name}.key").chmod(0o600)

    def client(self, *names: str, expired: bool = False) -> Path:
        """Write a client's certificate and key into one file, and return it."""
        until = dt.datetime(2020, 1, 1, tzinfo=dt.UTC) if expired else None
        issued = self.ca.issue_cert(*names, not_after=until)
        path = self.folder / f"client-{'-'.join(names).replace('/', '_').replace(':', '_')}-{expired}.pem"
        path.write_bytes(issued.private_key_and_cert_chain_pem.bytes())
        return path

    def trust(self, certificate: Path | None = None) -> ssl.SSLContext:
        """Return a client's context that trusts this authority, and shows a certificate."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        if certificate is not None:
            context.load_cert_chain(certificate)
        return context


def hashed(password: str, *, cost: int = CHEAP) -> str:
    """Return a password's hash."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode()
