"""TLS on real sockets: terms (T11, T13), client certificates (T14), silence (T2) and rotation (T12)."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from mt5_exporter.web import protocol
from mt5_exporter.web.watch import WebConfigFile
from mt5_exporter.web.web_config import WebConfig
from tests.exposition.world import run, until
from tests.web.pki import Authority
from tests.web.served import Served, served

PAIR = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
VERIFIED = PAIR + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("pki"))
    made.server()
    return made


def config(pki: Authority, text: str) -> Path:
    path = pki.folder / "web.yml"
    path.write_text(text)
    return path


def met(pki: Authority, text: str, client: ssl.SSLContext) -> int:
    """Return the status that a client gets, 0 where TLS turns it away."""

    async def main() -> int:
        async with served(config(pki, text)) as front:
            try:
                return (await front.get(tls=client)).status
            except (ssl.SSLError, ConnectionError):
                return 0

    return run(main)


def at_most(version: ssl.TLSVersion) -> Callable[[ssl.SSLContext], None]:
    def restrict(client: ssl.SSLContext) -> None:
        client.maximum_version = version

    return restrict


def with_ciphers(names: str) -> Callable[[ssl.SSLContext], None]:
    def restrict(client: ssl.SSLContext) -> None:
        client.maximum_version = ssl.TLSVersion.TLSv1_2
        client.set_ciphers(names)

    return restrict


def with_curve(name: str) -> Callable[[ssl.SSLContext], None]:
    def restrict(client: ssl.SSLContext) -> None:
        client.set_ecdh_curve(name)

    return restrict


@pytest.mark.parametrize(
    ("extra", "restrict", "status"),
    [
        pytest.param("", at_most(ssl.TLSVersion.TLSv1_3), 200, id="TLS 1.3"),
        pytest.param("", at_most(ssl.TLSVersion.TLSv1_2), 200, id="TLS 1.2"),
        pytest.param("  min_version: TLS13\n", at_most(ssl.TLSVersion.TLSv1_2), 0, id="too old a version"),
        pytest.param(
            "  max_version: TLS12\n", at_most(ssl.TLSVersion.TLSv1_3), 200, id="agreed on the older"
        ),
        pytest.param(
            "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n",
            with_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256"),
            200,
            id="a common suite",
        ),
        pytest.param(
            "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n",
            with_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384"),
            0,
            id="no common suite",
        ),
        pytest.param(
            "  cipher_suites: [TLS_AES_128_GCM_SHA256]\n",
            at_most(ssl.TLSVersion.TLSv1_2),
            0,
            id="suites of 1.3 alone",
        ),
        pytest.param("  curve_preferences: [CurveP521]\n", with_curve("secp521r1"), 200, id="a common curve"),
        pytest.param("  curve_preferences: [CurveP521]\n", with_curve("prime256v1"), 0, id="no common curve"),
        pytest.param("  curve_preferences: [X25519]\n", with_curve("X25519"), 200, id="X25519 in common"),
        pytest.param("  curve_preferences: [X25519]\n", with_curve("secp384r1"), 0, id="X25519 alone"),
    ],
)
def test_t11_versions_suites_and_curves_are_agreed_on_or_not(
    pki: Authority, extra: str, restrict: Callable[[ssl.SSLContext], None], status: int
) -> None:
    client = pki.trust()
    restrict(client)

    assert met(pki, PAIR + extra, client) == status


@pytest.mark.parametrize(
    ("minor", "greeted"), [(1, False), (2, False), (3, True)], ids=["TLS 1.0", "TLS 1.1", "TLS 1.2"]
)
def test_t13_a_hello_of_an_old_version_is_turned_away(pki: Authority, minor: int, *, greeted: bool) -> None:
    # ECDSA with AES-128-GCM and with AES-128-SHA; P-256 and SHA-256 in the extensions.
    suites, extensions = "0004c02bc009", "0010000d0004000204030" + "00a000400020017"
    body = bytes([3, minor]) + bytes(33) + bytes.fromhex(f"{suites}0100{extensions}")
    shake = b"\1" + len(body).to_bytes(3, "big") + body
    hello = b"\x16\3\1" + len(shake).to_bytes(2, "big") + shake

    async def main() -> bytes:
        async with served(config(pki, PAIR)) as front:
            reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
            writer.write(hello)
            received = await asyncio.wait_for(reader.read(1), 5)
            writer.close()
            return received

    # A record of the handshake, or an alert at most.
    assert (run(main) == b"\x16") is greeted


def test_t13_the_suites_of_tls_1_2_all_keep_their_secrets_forward(pki: Authority) -> None:
    found = WebConfigFile(config(pki, PAIR)).current.tls
    assert found is not None

    names = {cipher["name"] for cipher in found.context.get_ciphers() if cipher["protocol"] != "TLSv1.3"}

    assert names
    assert not [name for name in names if not name.startswith(("ECDHE-", "DHE-"))]
    assert not [name for name in names if any(weak in name for weak in ("RC4", "3DES", "NULL", "MD5", "EXP"))]


# -- T14: client certificates -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extra", "shown", "status"),
    [
        pytest.param("", "good", 200, id="the right one"),
        pytest.param("", "none", 0, id="none"),
        pytest.param("", "stranger", 0, id="of another authority"),
        pytest.param("", "expired", 0, id="expired"),
        pytest.param("  client_allowed_sans: [prometheus.desk]\n", "good", 200, id="an allowed DNS name"),
        pytest.param("  client_allowed_sans: [other.desk]\n", "good", 0, id="another DNS name"),
        pytest.param("  client_allowed_sans: ['10.1.2.3']\n", "address", 200, id="an allowed address"),
        pytest.param("  client_allowed_sans: ['10.1.2.30']\n", "address", 0, id="another address"),
        pytest.param(
            "  client_allowed_sans: [ops@desk.example]\n", "mail", 200, id="an allowed e-mail address"
        ),
        pytest.param("  client_allowed_sans: [prometheus]\n", "good", 0, id="the beginning of a name"),
    ],
)
def test_t14_only_a_verified_certificate_with_an_allowed_name_gets_in(
    pki: Authority, tmp_path: Path, extra: str, shown: str, status: int
) -> None:
    certificates = {
        "none": None,
        "good": pki.client("prometheus.desk"),
        "address": pki.client("10.1.2.3"),
        "mail": pki.client("ops@desk.example"),
        "expired": pki.client("prometheus.desk", expired=True),
        "stranger": Authority(tmp_path).client("prometheus.desk"),
    }

    assert met(pki, VERIFIED + extra, pki.trust(certificates[shown])) == status


@pytest.mark.parametrize(("shown", "status"), [("none", 200), ("good", 200), ("stranger", 0)])
def test_t14_a_certificate_that_may_be_given_is_verified_if_it_is(
    pki: Authority, tmp_path: Path, shown: str, status: int
) -> None:
    text = VERIFIED.replace("RequireAndVerifyClientCert", "VerifyClientCertIfGiven")
    stranger = Authority(tmp_path).client("prometheus.desk")
    certificates = {"none": None, "good": pki.client("prometheus.desk"), "stranger": stranger}

    assert met(pki, text, pki.trust(certificates[shown])) == status


def test_a_certificate_that_is_only_requested_keeps_nobody_out(pki: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path).client("prometheus.desk")

    assert met(pki, PAIR + "  client_auth_type: RequestClientCert\n", pki.trust(stranger)) == 200


# -- T2: who speaks no TLS ----------------------------------------------------------------------------------


def test_t2_silent_clients_keep_nobody_from_scraping_and_are_sent_away(
    pki: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEADER_DEADLINE", 1.0)

    async def main() -> None:
        async with served(config(pki, PAIR)) as front:
            silent = [await asyncio.open_connection("127.0.0.1", front.port) for _ in range(20)]

            assert (await front.get(tls=pki.trust())).status == 200

            for reader, writer in silent:
                assert await asyncio.wait_for(reader.read(-1), 10) == b""
                writer.close()
            await until(lambda: front.refused["handshake"] == 20)

    run(main)


def test_plain_http_to_a_tls_port_gets_nothing(pki: Authority) -> None:
    async def main() -> None:
        async with served(config(pki, PAIR)) as front:
            with pytest.raises(ConnectionError):
                await front.get()

    run(main)


def test_pages_come_over_tls_whole_and_as_http_1(pki: Authority) -> None:
    client = pki.trust()
    client.set_alpn_protocols(["h2", "http/1.1"])

    async def main() -> None:
        async with served(config(pki, PAIR)) as front:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", front.port, ssl=client, server_hostname="localhost"
            )
            channel: ssl.SSLObject = writer.get_extra_info("ssl_object")

            assert channel.selected_alpn_protocol() == "http/1.1"
            writer.transport.abort()
            del reader

    run(main)


# -- T12: rotation ------------------------------------------------------------------------------------------


def changed(file: WebConfigFile, before: WebConfig) -> Callable[[], bool]:
    return lambda: file.current is not before and file.successful


def serial(port: int, client: ssl.SSLContext) -> str:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        client.wrap_socket(plain, server_hostname="127.0.0.1") as channel,
    ):
        return str((channel.getpeercert() or {})["serialNumber"])


def test_t12_certificates_rotate_under_load_and_no_scrape_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mt5_exporter.web.watch.INTERVAL", 0.02)
    pki = Authority(tmp_path)
    pki.server()
    client = pki.trust()

    async def scrape(front: Served, stop: asyncio.Event, statuses: list[int]) -> None:
        while not stop.is_set():
            statuses.append((await front.get(tls=client)).status)

    async def main() -> None:
        stop, statuses = asyncio.Event(), list[int]()
        async with served(config(pki, PAIR)) as front:
            scraping = [asyncio.ensure_future(scrape(front, stop, statuses)) for _ in range(3)]
            seen = {await asyncio.to_thread(serial, front.port, client)}
            assert front.file is not None
            for _ in range(10):
                before = front.file.current
                pki.server()
                file = front.file
                await until(changed(file, before))
                seen.add(await asyncio.to_thread(serial, front.port, client))
            stop.set()
            await asyncio.gather(*scraping)
            assert front.refused == {}
        assert len(seen) == 11
        assert len(statuses) > 10
        assert set(statuses) == {200}

    run(main)


def test_t12_a_pair_that_does_not_match_leaves_the_old_one_in_force(tmp_path: Path) -> None:
    pki = Authority(tmp_path)
    pki.server()
    pki.server("other")
    client = pki.trust()

    async def main() -> None:
        async with served(config(pki, PAIR)) as front:
            assert front.file is not None
            first = await asyncio.to_thread(serial, front.port, client)
            (tmp_path / "server.crt").write_bytes((tmp_path / "other.crt").read_bytes())

            front.file.refresh()

            assert not front.file.successful
            assert await asyncio.to_thread(serial, front.port, client) == first
            (tmp_path / "server.key").write_bytes((tmp_path / "other.key").read_bytes())
            front.file.refresh()
            assert front.file.successful
            assert await asyncio.to_thread(serial, front.port, client) != first

    run(main)


def test_t12_another_authority_and_stricter_terms_hold_from_the_next_connection_on(tmp_path: Path) -> None:
    pki = Authority(tmp_path)
    pki.server()

    async def main() -> None:
        path = config(pki, PAIR)
        async with served(path) as front:
            assert front.file is not None
            assert (await front.get(tls=pki.trust())).status == 200
            path.write_text(VERIFIED + "  min_version: TLS13\n")

            front.file.refresh()

            with pytest.raises((ssl.SSLError, ConnectionError)):
                await front.get(tls=pki.trust())
            shown = pki.trust(pki.client("prometheus.desk"))
            assert (await front.get(tls=shown)).status == 200

    run(main)
