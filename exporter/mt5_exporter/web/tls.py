"""TLS as a web configuration file means it: Go's words, OpenSSL's context."""

import contextlib
import os
import ssl
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from mt5_exporter.secret import Secret

VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}

CIPHERS = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
}
"""Go's names of the suites of TLS 1.2; the last four, without forward secrecy, are "insecure" since 1.22."""

CIPHERS_13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
"""TLS 1.3 always has all of them, here as in Go."""

CURVES = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}

VERIFY_MODES = {
    "NoClientCert": ssl.CERT_NONE,
    # Asked for and never looked at: who shows none gets in as well, so that none is asked for.
    "RequestClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}

SAN_KINDS = frozenset({"DNS", "IP Address", "email", "URI"})


class Unusable(Exception):
    """What OpenSSL does not take, and under which of the file's keys it stands."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """How TLS is spoken, in the file's words; certificates and keys are the PEM texts themselves."""

    cert: bytes
    key: Secret
    client_auth_type: str
    client_ca: str
    min_version: str
    max_version: str
    cipher_suites: Collection[str]
    prefer_server_cipher_suites: bool
    curve_preferences: Collection[str]


def context(settings: TlsSettings) -> ssl.SSLContext:
    """Return a fresh context.

    Raises:
        Unusable: OpenSSL does not take it.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = VERSIONS[settings.min_version]
    made.maximum_version = VERSIONS[settings.max_version]
    made.options |= ssl.OP_NO_RENEGOTIATION
    if not settings.prefer_server_cipher_suites:
        made.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    made.set_alpn_protocols(["http/1.1"])
    _ciphers(made, settings.cipher_suites)
    _curve(made, settings.curve_preferences)
    _own_certificate(made, settings)
    if settings.client_ca:
        try:
            made.load_verify_locations(cadata=settings.client_ca)
        except ssl.SSLError:
            raise Unusable("client_ca", "expected certificates in PEM") from None
    made.verify_mode = VERIFY_MODES[settings.client_auth_type]
    return made


def _ciphers(made: ssl.SSLContext, names: Collection[str]) -> None:
    wanted = [CIPHERS[name] for name in names if name in CIPHERS]
    if wanted:
        made.set_ciphers(":".join(wanted))
    elif names:
        # Of TLS 1.2 none is left.
        made.minimum_version = ssl.TLSVersion.TLSv1_3


def _curve(made: ssl.SSLContext, names: Collection[str]) -> None:
    for name in names:
        try:
            made.set_ecdh_curve(CURVES[name])
        except ValueError:
            raise Unusable("curve_preferences", f"Python's TLS cannot be bound to {name}") from None


def _own_certificate(made: ssl.SSLContext, settings: TlsSettings) -> None:
    def no_password() -> NoReturn:
        # OpenSSL would ask on the terminal, and the exporter wait for the answer.
        raise Unusable("key", "the key is encrypted, which a service cannot read")

    pair = settings.key.reveal().encode("utf-8", "surrogateescape") + b"\n" + settings.cert
    try:
        with file_of(pair) as path:
            made.load_cert_chain(path, password=no_password)
    except ssl.SSLError as failure:
        if failure.reason == "KEY_VALUES_MISMATCH":
            raise Unusable("key", "is not the key of the certificate") from None
        raise Unusable("cert", _reason(failure)) from None
    except OSError as failure:
        raise Unusable("cert", f"no place to lay it down for OpenSSL: {failure.strerror}") from None


def _reason(failure: ssl.SSLError) -> str:
    """Return OpenSSL's word for it, which names a reason and never a content."""
    words = (failure.reason or "").lower().replace("_", " ")
    return (
        f"expected a certificate and its key in PEM ({words})" if words else "expected a certificate in PEM"
    )


@contextlib.contextmanager
def file_of(content: bytes) -> Iterator[str]:
    """Lend a file's name for what is in memory: Python loads a key from nowhere else."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("pem")
        try:
            os.write(descriptor, content)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
    else:
        # A directory of our own, since Windows opens no file twice that deletes itself.
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "pem"
            path.write_bytes(content)
            yield str(path)


def names(certificate: Mapping[str, object] | None) -> frozenset[str]:
    """Return the alternative names of a verified certificate, as `SSLObject.getpeercert` tells it."""
    found = (certificate or {}).get("subjectAltName", ())
    assert isinstance(found, tuple)
    return frozenset(str(name) for kind, name in found if kind in SAN_KINDS)
