"""What stands before every page: passwords, headers, the rate limit, and health without a password."""

from pathlib import Path

import pytest

from mt5_exporter.web import passwords
from mt5_exporter.web.gate import Limiter
from mt5_exporter.web.web_config import RateLimit
from tests.exposition.world import run
from tests.web import asgi
from tests.web.pki import hashed
from tests.web.served import Answered, Served, basic, served

PAGES = ("/metrics", "/", "/-/healthy", "/-/ready", "/nowhere")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "web.yml"
    path.write_text(f"basic_auth_users: {{alice: '{hashed('wonderland')}'}}\n")
    return path


def asked(
    file: Path,
    path: str = "/metrics",
    *,
    user: str = "",
    password: str = "",
    open_health: bool = False,
    front: asgi.Front | None = None,
) -> tuple[Answered, Served]:
    async def main() -> tuple[Answered, Served]:
        application = (front or asgi.Front()).application()
        async with served(file, open_health=open_health, application=application) as found:
            return await found.get(path, user=user, password=password), found

    return run(main)


@pytest.mark.parametrize("path", PAGES)
def test_no_page_is_served_without_a_password(file: Path, path: str) -> None:
    answered, front = asked(file, path)

    assert (answered.status, answered.headers["www-authenticate"]) == (401, "basic")
    assert answered.body == b"unauthorized\n"
    assert front.refused == {"password": 1}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_served_to_who_knows_the_password(file: Path, path: str) -> None:
    answered, front = asked(file, path, user="alice", password="wonderland")

    assert answered.status == (404 if path == "/nowhere" else 200)
    assert not front.refused


def test_t15_a_password_of_more_than_72_bytes_is_401(file: Path) -> None:
    answered, _ = asked(file, user="alice", password="wonderland" * 10)

    assert answered.status == 401


def test_t15_a_password_that_finds_no_place_in_the_queue_is_503_and_not_401(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "WAITING", 0)

    answered, front = asked(file, user="alice", password="wonderland")

    assert (answered.status, answered.headers["retry-after"]) == (503, "5")
    assert front.refused == {"password_queue": 1}


@pytest.mark.parametrize(("unready", "status", "body"), [("", 200, b"ok\n"), ("desk-1", 503, b"not ok\n")])
def test_health_may_be_served_to_anybody_by_its_status_alone(
    file: Path, unready: str, status: int, body: bytes
) -> None:
    answered, _ = asked(file, "/-/ready", open_health=True, front=asgi.Front(unready=unready))

    assert (answered.status, answered.body) == (status, body)


def test_health_tells_who_knows_the_password_more(file: Path) -> None:
    answered, _ = asked(
        file,
        "/-/ready",
        user="alice",
        password="wonderland",
        open_health=True,
        front=asgi.Front(unready="not polled yet: desk-1"),
    )

    assert answered.body == b"not polled yet: desk-1\n"


@pytest.mark.parametrize("path", ["/metrics", "/", "/-/healthy/", "/-/ready/x", "/-/healthy%00"])
def test_nothing_beside_the_two_pages_about_health_is_open(file: Path, path: str) -> None:
    answered, _ = asked(file, path, open_health=True)

    assert answered.status == 401


def test_two_authorizations_are_none(file: Path) -> None:
    head = basic("alice", "wonderland")

    async def main() -> list[int]:
        async with served(file) as front:
            return [
                (await front.send(f"GET / HTTP/1.1\r\nHost: x\r\n{head * times}")).status for times in (1, 2)
            ]

    assert run(main) == [200, 401]


def test_headers_are_on_every_answer_of_a_page_and_of_the_gate(file: Path) -> None:
    with file.open("a") as more:
        more.write(
            "http_server_config: {headers: {X-Frame-Options: deny, Strict-Transport-Security: max-age=1}}\n"
        )

    for password, status in (("wonderland", 200), ("wrong", 401)):
        answered, _ = asked(file, user="alice", password=password)
        assert answered.status == status
        assert answered.headers["x-frame-options"] == "deny"
        assert answered.headers["strict-transport-security"] == "max-age=1"
        assert "date" in answered.headers


def test_a_request_over_the_rate_limit_is_429_whoever_sends_it(file: Path) -> None:
    with file.open("a") as more:
        more.write("rate_limit: {interval: 1h, burst: 2}\n")

    async def main() -> list[int]:
        async with served(file) as front:
            statuses = [(await front.get()).status]
            statuses += [(await front.get(user="alice", password="wonderland")).status for _ in range(2)]
            assert front.refused == {"password": 1, "rate_limit": 1}
            return statuses

    assert run(main) == [401, 200, 429]


def test_a_bucket_fills_with_time_and_no_further_than_its_burst() -> None:
    limit, limiter = RateLimit(interval=2.0, burst=2), Limiter()

    assert [limiter.permits(limit, now) for now in (0, 0, 0, 1.9, 2, 2)] == [
        True,
        True,
        False,
        False,
        True,
        False,
    ]
    assert [limiter.permits(limit, 1000) for _ in range(3)] == [True, True, False]


def test_the_same_limit_in_another_generation_of_the_file_gives_nothing_away() -> None:
    limiter = Limiter()
    limiter.permits(RateLimit(interval=60, burst=1), 0)

    assert not limiter.permits(RateLimit(interval=60, burst=1), 1)
    assert limiter.permits(RateLimit(interval=30, burst=1), 1)
    assert limiter.permits(None, 1)
