"""Where to listen: what is an address, what is loopback, and what happens when it cannot be had."""

import contextlib
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt5_exporter.web.server import Address, ListenError, listen


@pytest.mark.parametrize(
    ("spelled", "host", "port"),
    [
        ("127.0.0.1:10685", "127.0.0.1", 10685),
        ("localhost:0", "localhost", 0),
        (":9100", "", 9100),
        ("[::1]:65535", "::1", 65535),
        ("[fe80::1%eth0]:80", "fe80::1%eth0", 80),
        ("metrics.desk.example:80", "metrics.desk.example", 80),
    ],
)
def test_an_address_is_a_host_and_a_port(spelled: str, host: str, port: int) -> None:
    address = Address.parse(spelled)

    assert (address.host, address.port) == (host, port)
    assert str(address) == spelled


@pytest.mark.parametrize(
    "spelled",
    [
        "",
        "localhost",
        "10685",
        "localhost:",
        "localhost:http",
        "localhost:-1",
        "localhost:65536",
        "::1:80",
        "[::1]",
        "[::1:80",
        "::1]:80",
        "[[::1]]:80",
        "localhost:\uff18\uff10",
        "localhost:" + "9" * 5000,
        "a b:80",
        "http://localhost:80",
        "localhost:80/metrics",
        "localhost:+80",
        "localhost:8_0",
        "localhost: 80",
        "\n:1",
    ],
)
def test_anything_else_is_refused_in_one_line(spelled: str) -> None:
    with pytest.raises(ListenError) as refused:
        Address.parse(spelled)

    assert "expected host:port" in str(refused.value)
    assert "\n" not in str(refused.value)


@given(st.one_of(st.text(), st.from_regex(r"[\[\]:a-f0-9.%]{0,20}:[0-9]{0,6}")))
def test_any_text_is_an_address_or_a_refusal(spelled: str) -> None:
    with contextlib.suppress(ListenError):
        address = Address.parse(spelled)
        assert 0 <= address.port <= 65535
        assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.255.0.3", True),
        ("localhost", True),
        ("::1", True),
        ("0:0:0:0:0:0:0:1", True),
        ("", False),
        ("0.0.0.0", False),  # noqa: S104 - what must be refused
        ("::", False),
        ("10.0.0.5", False),
        ("127.0.0.1.example.com", False),
        ("127.example.com", False),
        ("localhost.example.com", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(host: str, loopback: bool) -> None:
    assert Address(host=host, port=80).loopback is loopback


@pytest.mark.parametrize("host", ["256.256.256.256", "..", "a" * 70, "\udcff", "192.0.2.1", "nobody.invalid"])
def test_an_address_that_is_not_ours_is_an_error_of_one_line(host: str) -> None:
    with pytest.raises(ListenError) as refused:
        listen(Address(host=host, port=0))

    assert str(refused.value).startswith("cannot listen on ")
    assert "\n" not in str(refused.value)


def test_a_port_in_use_is_an_error_and_leaves_no_socket_open() -> None:
    [first] = listen(Address(host="127.0.0.1", port=0))
    with first:
        port = first.getsockname()[1]

        with pytest.raises(ListenError, match=f"cannot listen on 127.0.0.1:{port}: .*in use"):
            listen(Address(host="127.0.0.1", port=port))
        with pytest.raises(ListenError, match="in use"):
            listen(Address(host="", port=port))


def test_a_port_that_was_just_left_can_be_taken_again() -> None:
    [first] = listen(Address(host="127.0.0.1", port=0))
    port = first.getsockname()[1]
    client = socket.create_connection(("127.0.0.1", port))
    accepted, _ = first.accept()
    for used in (accepted, client, first):
        used.close()

    [second] = listen(Address(host="127.0.0.1", port=port))

    second.close()


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_ipv6_is_listened_on_and_leaves_the_port_of_ipv4_alone() -> None:
    [six] = listen(Address.parse("[::1]:0"))
    port = six.getsockname()[1]
    [four] = listen(Address(host="127.0.0.1", port=port))

    with six, four, socket.create_connection(("::1", port), timeout=5) as client:
        assert client.getpeername()[:2] == ("::1", port)
