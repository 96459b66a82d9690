"""From a web configuration file, in exporter-toolkit's format, to its values.

The format: https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md. Where ours
is stricter, docs/security.md says so.
"""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from mt5_exporter import strict_yaml
from mt5_exporter.credentials import readable_by_others
from mt5_exporter.scalars import boolean, duration, integer, list_of, one_of, text
from mt5_exporter.secret import Secret
from mt5_exporter.strict_yaml import Section, Value, unreadable
from mt5_exporter.web.tls import CIPHERS, CIPHERS_13, CURVES, TlsSettings, Unusable, context
from mt5_exporter.web.web_config import RateLimit, Tls, WebConfig

MAX_PEM = 256 << 10
"""Bytes of a file of certificates; all of Mozilla's roots take 220 KiB."""

VERSION = one_of(("TLS10", "TLS11", "TLS12", "TLS13"))
CLIENT_AUTH_TYPE = one_of(
    (
        "NoClientCert",
        "RequestClientCert",
        "RequireAnyClientCert",
        "RequireClientCert",
        "VerifyClientCertIfGiven",
        "RequireAndVerifyClientCert",
    )
)
VERIFIED = frozenset({"VerifyClientCertIfGiven", "RequireAndVerifyClientCert"})

HEADERS: dict[str, tuple[str, ...]] = {
    "Content-Security-Policy": (),
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}
"""The headers that may be set, and to what where only some words mean anything."""

BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")
SLOW_COST = 15
"""From this cost on one look at a password takes seconds."""

FILE = text("a file's name", longest=4096)
NONE: tuple[str, ...] = ()
DAY = 24 * 3600.0


def load(path: Path | str) -> WebConfig:
    """Return what the file at `path` says; the files that it names are relative to its directory.

    Raises:
        ConfigError: The first problem, as one line without any secret.
    """
    path = Path(path)
    content = strict_yaml.read(path)
    return _Decoder(path, content).settings(strict_yaml.parse(content, str(path)))


def digest(path: Path, named: Iterable[Path]) -> bytes:
    """Return what `WebConfig.digest` would be now, without a look at what it says.

    Raises:
        ConfigError: The file cannot be read.
        OSError: One of those that it names cannot.
    """
    parts = [strict_yaml.read(path).encode(), *(_read(one) for one in named)]
    return _sum(hashlib.sha256(part).digest() for part in parts)


def _sum(parts: Iterable[bytes]) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_PEM + 1)


class _Decoder:
    """Decodes one file; collects warnings, and a digest of all that it reads."""

    def __init__(self, path: Path, content: str) -> None:
        self._path = path
        self._digests = [hashlib.sha256(content.encode()).digest()]
        self._named: list[Path] = []
        self._exposed = readable_by_others(path)
        self._warnings: list[str] = []

    def settings(self, root: Value) -> WebConfig:
        section = root.section(("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"))
        tls = section.take("tls_server_config", self._tls, None)
        nobody: dict[bytes, Secret] = {}
        users = section.take("basic_auth_users", self._users, nobody)
        if users and tls is None:
            self._warn(section.where("basic_auth_users"), "passwords travel in the clear without TLS")
        return WebConfig(
            source=str(self._path),
            tls=tls,
            users=users,
            headers=section.take("http_server_config", self._http, ()),
            rate_limit=section.take("rate_limit", _rate_limit, None),
            warnings=tuple(self._warnings),
            named=tuple(self._named),
            digest=_sum(self._digests),
        )

    # -- TLS ------------------------------------------------------------------------------------------------

    def _tls(self, value: Value) -> Tls:
        section = value.section(
            (
                "cert",
                "cert_file",
                "key",
                "key_file",
                "client_auth_type",
                "client_ca",
                "client_ca_file",
                "client_allowed_sans",
                "min_version",
                "max_version",
                "cipher_suites",
                "prefer_server_cipher_suites",
                "curve_preferences",
            )
        )
        auth_type, sans = self._client_auth(section)
        settings = TlsSettings(
            cert=self._pem(section, "cert").encode(),
            key=Secret(self._pem(section, "key")),
            client_auth_type=auth_type,
            client_ca=self._pem(section, "client_ca") if auth_type in VERIFIED else "",
            min_version=section.take("min_version", _version, "TLS12"),
            max_version=section.take("max_version", _version, "TLS13"),
            cipher_suites=section.take("cipher_suites", list_of(one_of((*CIPHERS, *CIPHERS_13))), ()),
            prefer_server_cipher_suites=section.take("prefer_server_cipher_suites", boolean, True),
            curve_preferences=section.take("curve_preferences", _curves, NONE),
        )
        if settings.min_version > settings.max_version:
            raise section.where("min_version", "max_version").error("min_version is above max_version")
        try:
            made = context(settings)
        except Unusable as wrong:
            raise section.where(wrong.key, f"{wrong.key}_file").error(str(wrong)) from None
        identifies = auth_type == "RequireAndVerifyClientCert"
        return Tls(context=made, client_allowed_sans=frozenset(sans), identifies=identifies)

    def _client_auth(self, section: Section) -> tuple[str, tuple[str, ...]]:
        auth_type = section.take("client_auth_type", CLIENT_AUTH_TYPE, "NoClientCert")
        where = section.where("client_auth_type")
        if auth_type in {"RequireAnyClientCert", "RequireClientCert"}:
            raise where.error(
                "lets in whoever signs a certificate for himself, which Python's TLS does not take: "
                "use RequireAndVerifyClientCert"
            )
        if auth_type == "RequestClientCert":
            self._warn(where, "changes nothing: a certificate that nobody verifies is not asked for")
        sans = section.take("client_allowed_sans", list_of(text("a name"), empty=False), NONE)
        if sans and auth_type != "RequireAndVerifyClientCert":
            place = section.where("client_allowed_sans")
            raise place.error("needs client_auth_type: RequireAndVerifyClientCert")
        if auth_type == "NoClientCert" and (section.has("client_ca") or section.has("client_ca_file")):
            place = section.where("client_ca", "client_ca_file")
            raise place.error(
                "is used by no client_auth_type but VerifyClientCertIfGiven and RequireAndVerifyClientCert"
            )
        return auth_type, sans

    def _pem(self, section: Section, key: str) -> str:
        """Return what stands under `key`, or in the file that `key_file` names; never both."""
        file_key = f"{key}_file"
        if section.has(key) and section.has(file_key):
            raise section.where(file_key).error(f"stands beside {key}; keep one of them")
        if not section.has(key) and not section.has(file_key):
            raise section.at.error(f"{key} or {file_key} is missing")
        if section.has(key):
            value = section.where(key).hide()
            if "-----BEGIN" not in value.scalar():
                raise value.error("expected PEM, as in '|' and lines of its own")
            if key == "key" and self._exposed:
                self._warn(value, "is in a file that others may read; chmod 600, or use key_file")
            return value.scalar()
        return self._file(section.where(file_key), private=key == "key")

    def _file(self, value: Value, *, private: bool) -> str:
        path = self._path.parent / FILE(value)
        try:
            content = _read(path)
        except OSError as error:
            raise value.error(unreadable(error)) from None
        if len(content) > MAX_PEM:
            raise value.error(f"is over {MAX_PEM >> 10} KiB, which no file of certificates is")
        self._named.append(path)
        self._digests.append(hashlib.sha256(content).digest())
        try:
            spelled = content.decode()
        except UnicodeDecodeError:
            raise value.error("expected PEM, and the file is not even text") from None
        if private and readable_by_others(path):
            self._warn(value, "the key may be read by others; chmod 600")
        return spelled

    # -- the rest -------------------------------------------------------------------------------------------

    def _users(self, value: Value) -> dict[bytes, Secret]:
        users: dict[bytes, Secret] = {}
        for name, entry in value.hide().table().items():
            if ":" in name:
                raise entry.error("a name with a colon cannot be sent in HTTP")
            found = BCRYPT.fullmatch(entry.scalar())
            if found is None:
                raise entry.error("expected a bcrypt hash, as of `htpasswd -nBC 10 NAME`")
            if int(found[1]) >= SLOW_COST:
                self._warn(entry, f"cost {found[1]}: one look at this password takes seconds of CPU")
            users[name.encode()] = Secret(entry.scalar())
        if users and self._exposed:
            self._warn(value, "are in a file that others may read; chmod 600")
        return users

    def _http(self, value: Value) -> tuple[tuple[bytes, bytes], ...]:
        section = value.section(("http2", "headers"))
        # Allowed means offered, and ours offers HTTP/1.1 either way.
        section.take("http2", boolean, False)
        return section.take("headers", _headers, ())

    def _warn(self, value: Value, message: str) -> None:
        self._warnings.append(str(value.error(message)))


def _version(value: Value) -> str:
    version = VERSION(value)
    if version in {"TLS10", "TLS11"}:
        raise value.error(f"{version} is broken and not served (RFC 8996): use TLS12")
    return version


def _curves(value: Value) -> tuple[str, ...]:
    curves = list_of(one_of(tuple(CURVES)))(value)
    if len(curves) > 1:
        raise value.error("Python's TLS takes one curve; name one, or leave the key out for OpenSSL's choice")
    return curves


def _headers(value: Value) -> tuple[tuple[bytes, bytes], ...]:
    section = value.section(tuple(HEADERS))
    found: list[tuple[bytes, bytes]] = []
    for name, entry in section.values.items():
        words = HEADERS[name]
        spelled = one_of(words)(entry) if words else entry.scalar()
        if not (spelled and spelled.isascii() and spelled.isprintable()):
            raise entry.expected("a header's value in one line of ASCII")
        found.append((name.lower().encode(), spelled.encode()))
    return tuple(found)


def _rate_limit(value: Value) -> RateLimit | None:
    section = value.section(("interval", "burst"))
    interval = section.take("interval", _interval, 0.0)
    burst = section.take("burst", integer(0, 1_000_000), 0)
    if not interval:
        return None
    if not burst:
        raise section.where("burst", "interval").error("a burst of 0 lets nobody in, ever")
    return RateLimit(interval=interval, burst=burst)


def _interval(value: Value) -> float:
    return 0.0 if value.scalar() == "0" else duration(0, DAY)(value)
