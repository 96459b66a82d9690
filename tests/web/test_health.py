"""mt5tool: its health check against TLS and passwords, and its look at a web configuration."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from mt5_exporter.tool import main
from tests.exposition.world import run
from tests.web.asgi import Front
from tests.web.pki import Authority, hashed
from tests.web.served import served

TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
VERIFIED = TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"
USERS = f"basic_auth_users: {{alice: '{hashed('wonder:land')}'}}\n"


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("pki"))
    made.server()
    made.client("prometheus.desk").rename(made.folder / "client.pem")
    (made.folder / "password").write_text("wonder:land\n")
    (made.folder / "other-password").write_text("looking-glass")
    return made


def checked(
    pki: Authority, text: str, flags: Sequence[str], *, scheme: str = "https", unhealthy: str = ""
) -> int:
    """Return mt5tool's status; a name of a file among the flags is one of the folder."""
    path = pki.folder / "web.yml"
    path.write_text(text)
    known = {file.name for file in pki.folder.iterdir()}
    arguments = [str(pki.folder / flag) if flag in known else flag for flag in flags]

    async def ask() -> int:
        async with served(path, application=Front(unhealthy=unhealthy).application()) as front:
            url = f"{scheme}://127.0.0.1:{front.port}"
            return await asyncio.to_thread(main, ["check", "health", url, *arguments])

    return run(ask)


TRUST = ("--ca-file", "ca.pem")
ALICE = ("--user", "alice", "--password-file", "password")


@pytest.mark.parametrize(
    ("text", "flags", "status"),
    [
        pytest.param(TLS, TRUST, 0, id="TLS"),
        pytest.param(TLS, (*TRUST, "--server-name", "localhost"), 0, id="another of its names"),
        pytest.param(TLS, (*TRUST, "--server-name", "elsewhere"), 1, id="a name that it has not"),
        pytest.param(TLS, (), 1, id="an authority that nobody trusts"),
        pytest.param(TLS, ("--insecure",), 0, id="any certificate will do"),
        pytest.param(TLS + USERS, (*TRUST, *ALICE), 0, id="a password"),
        pytest.param(TLS + USERS, TRUST, 1, id="no password"),
        pytest.param(TLS + USERS, (*TRUST, *ALICE[:3], "other-password"), 1, id="another password"),
        pytest.param(VERIFIED, (*TRUST, "--cert-file", "client.pem"), 0, id="a certificate of our own"),
        pytest.param(VERIFIED, TRUST, 1, id="no certificate of our own"),
        pytest.param(TLS, (*TRUST, "--user", "alice"), 2, id="a user without a password"),
        pytest.param(TLS, (*TRUST, *ALICE[:3], "nowhere"), 2, id="a password file that is not there"),
        pytest.param(TLS, ("--ca-file", "password"), 2, id="an authority that is none"),
        pytest.param(TLS, (*TRUST, "--cert-file", "ca.pem"), 2, id="a certificate without its key"),
    ],
)
def test_health_is_asked_for_over_tls_with_a_password_and_a_certificate(
    pki: Authority, capsys: pytest.CaptureFixture[str], text: str, flags: Sequence[str], status: int
) -> None:
    assert checked(pki, text, flags) == status

    captured = capsys.readouterr()
    assert captured.out == ("healthy\n" if status == 0 else "")
    assert captured.err.count("\n") == (0 if status == 0 else 1)
    assert "wonder" not in captured.err


def test_plain_http_takes_a_password_too(pki: Authority) -> None:
    assert checked(pki, USERS, ALICE, scheme="http") == 0


def test_an_unhealthy_one_says_why(pki: Authority, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(pki, TLS, TRUST, unhealthy="the scheduler has not run") == 1

    assert capsys.readouterr().err.endswith("answers 503: the scheduler has not run\n")


@pytest.mark.parametrize(
    "url",
    [
        "https://alice:secret@127.0.0.1",
        "https://",
        "https://127.0.0.1:0",
        "https://[::1",
        "http://a b",
        "http://",
        "http://x:y",
    ],
)
def test_an_address_that_is_none_or_holds_a_password_is_status_2(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "health", url]) == 2

    assert "secret" not in capsys.readouterr().err


# -- check web-config ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TLS + USERS, "TLS, authentication, no problem"),
        (TLS, "TLS, no authentication, no problem"),
        (USERS, "no TLS, authentication, no problem"),
    ],
)
def test_a_web_configuration_is_said_to_be_good_and_what_it_does(
    pki: Authority, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    path = pki.folder / "checked.yml"
    path.write_text(text)
    path.chmod(0o600)

    assert main(["check", "web-config", str(path)]) == 0

    captured = capsys.readouterr()
    assert captured.out == f"{path}: {said}\n"
    assert ("in the clear" in captured.err) is (text == USERS)


def test_a_bad_web_configuration_is_status_2_and_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "web.yml"
    path.write_text("tls_server_config:\n  cert_fiel: x\n")

    assert main(["check", "web-config", str(path)]) == 2

    assert capsys.readouterr().err == (
        f"mt5tool: {path}:2: tls_server_config.cert_fiel: unknown key, did you mean 'cert_file'?\n"
    )
