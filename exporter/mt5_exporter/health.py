"""Asks an exporter whether it is healthy, for people and for a container's health check."""

import base64
import http.client
import socket
import ssl
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from mt5_exporter.config import ConfigError
from mt5_exporter.credentials import MAX_PASSWORD_BYTES
from mt5_exporter.secret import Secret

TIMEOUT = 5.0


class NoAnswer(Exception):
    """Nobody answered, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Whom to ask, and as whom.

    Attributes:
        url: The exporter's address.
        ca_file: What its certificate is verified against; empty for the system's own.
        server_name: The name in its certificate; empty for the one in the address.
        insecure: Whether any certificate will do.
        user: A name for Basic authentication; empty for none.
        password_file: Where the password is.
        cert_file: Our own certificate and its key; empty for none.
    """

    url: str
    ca_file: str = ""
    server_name: str = ""
    insecure: bool = False
    user: str = ""
    password_file: str = ""
    cert_file: str = ""


def ask(asking: Asking) -> tuple[int, str]:
    """Return the status of `/-/healthy` and what it says.

    Raises:
        ConfigError: What is asked makes no sense.
        NoAnswer: Nobody answers.
    """
    url = _url(asking.url)
    headers = _authorization(asking)
    tls = _tls(asking) if url.scheme == "https" else None
    host, port = url.hostname or "", url.port or (443 if tls else 80)
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    try:
        # Ours is a neighbour: a proxy of the environment is for what is far.
        connection.sock = socket.create_connection((host, port), timeout=TIMEOUT)
        if tls:
            name = asking.server_name or host
            connection.sock = tls.wrap_socket(connection.sock, server_hostname=name)
        connection.request("GET", f"{url.path.rstrip('/')}/-/healthy", headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read(200).decode("utf-8", "replace")
    except (http.client.HTTPException, OSError, ValueError) as failure:
        # What a stranger on that port says may have lines of its own.
        reason = getattr(failure, "strerror", None) or getattr(failure, "verify_message", None) or failure
        raise NoAnswer(" ".join(str(reason).split()) or type(failure).__name__) from failure
    finally:
        connection.close()


def _url(spelled: str) -> urllib.parse.SplitResult:
    try:
        url = urllib.parse.urlsplit(spelled)
        valid = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
        valid = valid and spelled.isprintable() and " " not in spelled
    except ValueError:
        valid = False
    if not valid:
        raise ConfigError("check health: expected an address such as http://127.0.0.1:10685")
    if url.username is not None:
        raise ConfigError("check health: a password in an address is seen by everybody; use --user")
    return url


def _tls(asking: Asking) -> ssl.SSLContext:
    try:
        tls = ssl.create_default_context(cafile=asking.ca_file or None)
    except OSError:
        raise ConfigError(f"{asking.ca_file}: expected certificates in PEM") from None
    if asking.insecure:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    if asking.cert_file:
        try:
            tls.load_cert_chain(asking.cert_file, password=lambda: "")
        except OSError:
            raise ConfigError(f"{asking.cert_file}: expected a certificate and its key in PEM") from None
    return tls


def _authorization(asking: Asking) -> dict[str, str]:
    if bool(asking.user) != bool(asking.password_file):
        raise ConfigError("check health: --user and --password-file go together")
    if not asking.user:
        return {}
    try:
        with Path(asking.password_file).open("rb") as file:
            content = file.read(MAX_PASSWORD_BYTES)
    except (OSError, ValueError):
        raise ConfigError(f"{asking.password_file}: cannot be read") from None
    password = Secret(content.removesuffix(b"\n").removesuffix(b"\r").decode("latin-1"))
    pair = f"{asking.user}:".encode() + password.reveal().encode("latin-1")
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
