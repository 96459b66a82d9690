"""The web configuration's file: exporter-toolkit's fixtures (T11), rubbish (T16), and secrets (T20, T21)."""

import os
import tempfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st

from mt5_exporter.config import ConfigError
from mt5_exporter.web.web_config import RateLimit, WebConfig
from mt5_exporter.web.web_config_file import load
from tests.web.pki import Authority, hashed

PAIR = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
HASH = "$2y$10$qRTBuFoULoYNA7AQ/F3ck.trZBPyjV64.oA4ZsSBCIWvXuvQlQTuu"
CANARY = "canary-5f1d"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("pki")
    Authority(found).server()
    Authority(found).server("other")
    (found / "ca.pem").replace(found / "tls-ca-chain.pem")
    (found / "empty.pem").write_text("no certificate\n")
    (found / "long.pem").write_bytes(b"x" * (300 << 10))
    (found / "binary.pem").write_bytes(b"\xff\xfe\0")
    return found


def said(folder: Path, text: str) -> WebConfig:
    path = folder / "web.yml"
    path.write_text(text)
    path.chmod(0o600)
    return load(path)


def inline(folder: Path, key: str) -> str:
    pem = (folder / f"server.{'crt' if key == 'cert' else 'key'}").read_text()
    return f"  {key}: |\n" + "".join(f"    {line}\n" for line in pem.splitlines())


# -- T11: exporter-toolkit's fixtures, by its own names -----------------------------------------------------

GOOD = {
    "web_config_noAuth": PAIR,
    "web_config_noAuth_noHTTP2": PAIR + "http_server_config: {http2: false}\n",
    "http2": PAIR + "http_server_config: {http2: true}\n",
    "web_config_noAuth_allCiphers": PAIR
    + "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: tls-ca-chain.pem\n  cipher_suites:\n"
    + "".join(
        f"  - TLS_{name}\n"
        for name in [
            "ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            "ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            "ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            "ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            "ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            "AES_128_GCM_SHA256",
            "AES_256_GCM_SHA384",
            "CHACHA20_POLY1305_SHA256",
            "ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
            "ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
            "ECDHE_RSA_WITH_AES_128_CBC_SHA",
            "ECDHE_RSA_WITH_AES_256_CBC_SHA",
            "RSA_WITH_AES_128_CBC_SHA",
            "RSA_WITH_AES_256_CBC_SHA",
            "RSA_WITH_AES_128_GCM_SHA256",
            "RSA_WITH_AES_256_GCM_SHA384",
        ]
    ),
    "web_config_noAuth_someCiphers_noOrder": PAIR
    + "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n  prefer_server_cipher_suites: false\n",
    "web_config_noAuth_someCurves": PAIR + "  min_version: TLS13\n  curve_preferences: [CurveP521]\n",
    "web_config_auth_client_san": PAIR
    + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: tls-ca-chain.pem\n"
    + "  client_allowed_sans: [one, test3, 127.0.0.1, 'a@b.example', 'spiffe://desk/prometheus']\n",
    "requestClientCert": PAIR + "  client_auth_type: RequestClientCert\n",
    "web_config_users": PAIR + f"basic_auth_users:\n  alice: {HASH}\n  'Zoë K': '{HASH}'\n",
    "web_config_users_noTLS": f"basic_auth_users: {{alice: {HASH}}}\n",
    "web_config_headers": (
        "http_server_config:\n  headers:\n    X-Frame-Options: deny\n"
        "    Strict-Transport-Security: max-age=31536000; includeSubDomains\n"
        "    X-Content-Type-Options: nosniff\n    X-XSS-Protection: 1\n"
        "    Content-Security-Policy: \"default-src 'self' *.test.example.net\"\n"
    ),
    "web_config_rate_limiter": "rate_limit: {interval: 1h, burst: 1}\n",
    "rate_limiter_off": "rate_limit: {interval: 0, burst: 0}\n",
}


@pytest.mark.parametrize("name", GOOD)
def test_t11_what_the_toolkit_takes_is_taken(folder: Path, name: str) -> None:
    assert said(folder, GOOD[name]).source.endswith("web.yml")


def test_t11_certificate_and_key_may_stand_in_the_file_itself(folder: Path) -> None:
    text = "tls_server_config:\n" + inline(folder, "cert") + inline(folder, "key")

    assert said(folder, text).tls is not None


BAD = {
    "web_config_junk_key": ("hakuna: matata\n", 1, "hakuna: unknown key"),
    "web_config_noAuth_certPath_empty": (
        "tls_server_config: {cert_file: '', key_file: server.key}\n",
        1,
        "cert_file",
    ),
    "web_config_noAuth_keyPath_empty": (
        "tls_server_config: {cert_file: server.crt, key_file: ''}\n",
        1,
        "key_file",
    ),
    "web_config_noAuth_cert_empty": (
        "tls_server_config:\n  key_file: server.key\n",
        2,
        "cert or cert_file is missing",
    ),
    "web_config_noAuth_key_empty": (
        "tls_server_config:\n  cert_file: server.crt\n",
        2,
        "key or key_file is missing",
    ),
    "web_config_noAuth_certPath_invalid": (
        "tls_server_config: {cert_file: nowhere, key_file: server.key}\n",
        1,
        "cert_file: cannot be read",
    ),
    "web_config_noAuth_keyPath_invalid": (
        PAIR.replace("server.key", "nowhere"),
        3,
        "key_file: cannot be read",
    ),
    "a key of another certificate": (
        PAIR.replace("server.key", "other.key"),
        3,
        "not the key of the certificate",
    ),
    "a file without a certificate": (PAIR.replace("server.crt", "empty.pem"), 2, "cert_file"),
    "a file that is no text": (PAIR.replace("server.crt", "binary.pem"), 2, "not even text"),
    "a directory": (PAIR.replace("server.crt", "."), 2, "cannot be read"),
    "web_config_noAuth": (PAIR + "  client_ca_file: tls-ca-chain.pem\n", 4, "is used by no client_auth_type"),
    "web_config_auth_clientCAs_invalid": (
        PAIR + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: nowhere\n",
        5,
        "client_ca_file: cannot be read",
    ),
    "web_config_auth_clientCAs_nocerts": (
        PAIR + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: empty.pem\n",
        5,
        "expected certificates in PEM",
    ),
    "no client CA at all": (
        PAIR + "  client_auth_type: RequireAndVerifyClientCert\n",
        2,
        "client_ca or client_ca_file is missing",
    ),
    "an invented client_auth_type": (PAIR + "  client_auth_type: Hope\n", 4, "expected one of"),
    "web_config_noAuth_requireanyclientcert": (
        PAIR + "  client_auth_type: RequireAnyClientCert\n",
        4,
        "Python's TLS",
    ),
    "requireclientcert": (PAIR + "  client_auth_type: RequireClientCert\n", 4, "RequireAndVerifyClientCert"),
    "web_config_auth_client_san_no_client_auth": (
        PAIR + "  client_allowed_sans: [one]\n",
        4,
        "needs client_auth_type",
    ),
    "web_config_auth_client_san_optional_cert": (
        PAIR
        + "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: tls-ca-chain.pem\n"
        + "  client_allowed_sans: [one]\n",
        6,
        "needs client_auth_type",
    ),
    "web_config_noAuth_inventedCiphers": (PAIR + "  cipher_suites: [TLS_MADE_UP]\n", 4, "cipher_suites[0]"),
    "web_config_noAuth_inventedCurves": (
        PAIR + "  curve_preferences: [CurveP257]\n",
        4,
        "curve_preferences[0]",
    ),
    "web_config_noAuth_allCurves": (
        PAIR + "  curve_preferences: [CurveP256, X25519]\n",
        4,
        "takes one curve",
    ),
    "web_config_noAuth_wrongTLSVersion": (PAIR + "  min_version: TLS111\n", 4, "min_version"),
    "a version that is broken": (PAIR + "  min_version: TLS10\n", 4, "not served"),
    "a file of certificates that is too long": (PAIR.replace("server.crt", "long.pem"), 2, "is over 256 KiB"),
    "versions the wrong way round": (
        PAIR + "  min_version: TLS13\n  max_version: TLS12\n",
        4,
        "above max_version",
    ),
    "web_config_auth_user_list_invalid": ("basic_auth_users:\n  john: doe\n", 2, "expected a bcrypt hash"),
    "a user with a colon": (f"basic_auth_users:\n  'a:b': {HASH}\n", 2, "colon"),
    "web_config_headers_extra_header": (
        "http_server_config:\n  headers: {X-Extra: a}\n",
        2,
        "unknown key",
    ),
    "web_config_headers_content_type_options": (
        "http_server_config:\n  headers: {X-Content-Type-Options: maybe}\n",
        2,
        "expected one of nosniff",
    ),
    "web_config_headers_frame_options": (
        "http_server_config:\n  headers: {X-Frame-Options: maybe}\n",
        2,
        "expected one of deny, sameorigin",
    ),
    "a header of two lines": (
        'http_server_config:\n  headers: {X-XSS-Protection: "1\\r\\nX: y"}\n',
        2,
        "one line",
    ),
    "http2 neither true nor false": ("http_server_config: {http2: yes}\n", 1, "expected true or false"),
    "a burst of nothing": ("rate_limit: {interval: 1s, burst: 0}\n", 1, "lets nobody in"),
    "an interval that is none": ("rate_limit: {interval: often, burst: 1}\n", 1, "interval"),
    "both of a pair": (PAIR + "  cert: x\n", 2, "stands beside cert"),
    "a key twice": (PAIR + PAIR, 4, "already set in line 1"),
}


@pytest.mark.parametrize("name", BAD)
def test_t11_what_the_toolkit_refuses_is_refused_by_file_line_and_key(folder: Path, name: str) -> None:
    text, line, message = BAD[name]

    with pytest.raises(ConfigError) as refused:
        said(folder, text)

    assert str(refused.value).startswith(f"{folder / 'web.yml'}:{line}: ")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_its_password(folder: Path) -> None:
    key = serialization.load_pem_private_key((folder / "server.key").read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    (folder / "locked.key").write_bytes(locked)

    with pytest.raises(ConfigError, match=r"web.yml:3: tls_server_config.key_file: the key is encrypted"):
        said(folder, PAIR.replace("server.key", "locked.key"))


def test_a_pair_is_loaded_where_the_system_has_no_files_in_memory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)

    assert said(folder, PAIR).tls is not None


def test_a_pair_that_finds_no_place_for_openssl_to_read_it_is_one_line(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))

    with pytest.raises(ConfigError, match=r"cert_file: no place to lay it down for OpenSSL: No such file"):
        said(folder, PAIR)


# -- what it means ----------------------------------------------------------------------------------------


def test_values_arrive_as_they_are_meant(folder: Path) -> None:
    found = said(
        folder,
        PAIR
        + f"basic_auth_users: {{alice: {HASH}}}\nrate_limit: {{interval: 100ms, burst: 20}}\n"
        + "http_server_config: {headers: {X-Frame-Options: deny}}\n",
    )

    assert found.authenticates
    assert [*found.users] == [b"alice"]
    assert found.rate_limit == RateLimit(interval=0.1, burst=20)
    assert found.headers == ((b"x-frame-options", b"deny"),)
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("name", "authenticates"),
    [
        ("web_config_noAuth", False),
        ("web_config_noAuth_allCiphers", False),
        ("web_config_auth_client_san", True),
        ("web_config_users_noTLS", True),
        ("web_config_rate_limiter", False),
    ],
)
def test_only_a_password_or_a_verified_certificate_is_authentication(
    folder: Path, name: str, *, authenticates: bool
) -> None:
    assert said(folder, GOOD[name]).authenticates is authenticates


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (f"basic_auth_users: {{alice: {HASH}}}\n", "in the clear"),
        (f"basic_auth_users: {{alice: {HASH.replace('$10$', '$18$')}}}\n", "seconds of CPU"),
        (PAIR + "  client_auth_type: RequestClientCert\n", "changes nothing"),
    ],
)
def test_what_is_probably_not_meant_is_a_warning(folder: Path, text: str, warning: str) -> None:
    assert any(warning in found for found in said(folder, text).warnings)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no modes")
def test_t21_hashes_and_keys_that_others_may_read_are_a_warning(folder: Path) -> None:
    path = folder / "open.yml"
    path.write_text(PAIR + f"basic_auth_users: {{alice: {HASH}}}\n")
    path.chmod(0o644)
    (folder / "server.key").chmod(0o640)

    warnings = load(path).warnings

    (folder / "server.key").chmod(0o600)
    assert any("basic_auth_users: are in a file that others may read" in found for found in warnings)
    assert any("key_file: the key may be read by others" in found for found in warnings)


def test_an_empty_file_is_refused_since_it_would_open_every_door(folder: Path) -> None:
    with pytest.raises(ConfigError, match="is empty"):
        said(folder, "")


# -- T16, T20 ----------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        *[
            "tls_server_config",
            "http_server_config",
            "basic_auth_users",
            "rate_limit",
            "cert_file",
            "key_file",
            "cert",
            "key",
        ],
        *[
            "client_ca",
            "min_version",
            "TLS12",
            "cipher_suites",
            "headers",
            "X-Frame-Options",
            "deny",
            "interval",
            "burst",
        ],
        *[
            "1s",
            "0",
            "-",
            ":",
            "[",
            "]",
            "{",
            "}",
            "|",
            ">",
            "&",
            "*",
            "!",
            "'",
            '"',
            "#",
            "---",
            "...",
            "\t",
            "\x00",
            "\ufeff",
            "~",
            "null",
            ".nan",
            "1e999",
        ],
        "server.crt",
        "server.key",
        HASH,
        "\n",
        "\n  ",
        ": ",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, max_size=30).map("".join) | st.text(max_size=60))
def test_t16_any_file_is_a_configuration_or_one_line(folder: Path, text: str) -> None:
    path = folder / "fuzz.yml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))

    try:
        load(path)
    except ConfigError as refused:
        message = str(refused)
    else:
        message = str(path)

    assert message.startswith(str(path))
    assert "\n" not in message


@pytest.mark.parametrize(
    "text",
    [
        f"basic_auth_users:\n  alice: {CANARY}\n",
        f"basic_auth_users:\n  {CANARY}\n",
        f"basic_auth_users: [{CANARY}]\n",
        f"basic_auth_users: {{alice: [{CANARY}]}}\n",
        f"tls_server_config:\n  cert_file: server.crt\n  key: {CANARY}\n",
        f"tls_server_config:\n  cert_file: server.crt\n  key: '-----BEGIN {CANARY}'\n",
        f"tls_server_config:\n  cert_file: server.crt\n  key: [{CANARY}]\n",
    ],
)
def test_t20_no_message_shows_what_may_be_a_secret(folder: Path, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        said(folder, text)

    assert CANARY not in str(refused.value)
    assert CANARY not in repr(refused.value)


def test_t20_no_representation_shows_a_hash_or_a_key(folder: Path) -> None:
    secret = hashed("x")
    text = "tls_server_config:\n" + inline(folder, "cert") + inline(folder, "key")

    shown = repr(said(folder, text + f"basic_auth_users: {{alice: '{secret}'}}\n"))

    assert secret not in shown
    assert "PRIVATE" not in shown
