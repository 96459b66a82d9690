"""A web configuration that changes while it is served: what is taken over, what is not, and who is told."""

import asyncio
import logging
import os
from pathlib import Path

import pytest

from mt5_exporter.config import ConfigError
from mt5_exporter.exposition.internal import Internals
from mt5_exporter.web import watch
from mt5_exporter.web.watch import WebConfigFile
from tests.exposition.world import run, until
from tests.web.pki import Authority, hashed
from tests.web.served import served

PAIR = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
ALICE = f"basic_auth_users: {{alice: '{hashed('wonderland')}'}}\n"
BOB = f"basic_auth_users: {{bob: '{hashed('builder')}'}}\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "web.yml"
    found.write_text(ALICE)
    found.chmod(0o600)
    return found


def write(path: Path, text: str | None) -> None:
    """Write a file anew, or take it away."""
    if text is None:
        path.unlink()
    else:
        path.write_text(text)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [f"{record.levelname} {record.getMessage()}" for record in caplog.records]


def test_a_file_that_cannot_be_used_at_the_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        WebConfigFile(tmp_path / "nowhere.yml")


def test_another_password_is_asked_for_from_the_next_request_on(path: Path) -> None:
    async def main() -> None:
        async with served(path) as front:
            assert front.file is not None
            assert (await front.get(user="alice", password="wonderland")).status == 200
            write(path, BOB)

            front.file.refresh()

            assert (await front.get(user="alice", password="wonderland")).status == 401
            assert (await front.get(user="bob", password="builder")).status == 200

    run(main)


def test_it_is_read_again_by_itself(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "INTERVAL", 0.01)

    async def main() -> None:
        async with served(path) as front:
            write(path, BOB)
            file = front.file
            assert file is not None
            await until(lambda: b"bob" in file.current.users)

            assert (await front.get(user="bob", password="builder")).status == 200

    run(main)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param("", id="empty, as in the middle of being written"),
        pytest.param("basic_auth_users:\n", id="half written"),
        pytest.param("basic_auth_users: {alice: hunter2}\n", id="no hash"),
        pytest.param("rate_limit: {interval: 1s, burst: 9}\n", id="without authentication"),
        pytest.param(ALICE + ALICE, id="a key twice"),
        pytest.param("\0", id="no YAML"),
        pytest.param(None, id="gone"),
    ],
)
def test_a_broken_file_opens_no_door_and_is_told_once(
    path: Path, caplog: pytest.LogCaptureFixture, broken: str | None
) -> None:
    caplog.set_level(logging.INFO)

    async def main() -> None:
        async with served(path) as front:
            file = front.file
            assert file is not None
            write(path, broken)

            for _ in range(3):
                file.refresh()

            assert not file.successful
            assert (await front.get()).status == 401
            assert (await front.get(user="alice", password="wonderland")).status == 200
            assert told(caplog) == ["ERROR web configuration not reloaded, the one before goes on"]
            assert "hunter2" not in caplog.text
            write(path, ALICE)
            file.refresh()
            assert file.successful
            assert told(caplog)[1:] == ["INFO web configuration is as it was again"]

    run(main)


def test_tls_begins_and_ends_with_a_restart_alone(tmp_path: Path) -> None:
    Authority(tmp_path).server()
    path = tmp_path / "web.yml"
    path.write_text(PAIR)
    file = WebConfigFile(path)
    path.write_text("rate_limit: {interval: 1s, burst: 9}\n")

    file.refresh()

    assert not file.successful
    assert file.current.tls is not None


def test_a_file_that_is_replaced_by_a_link_is_read_again(tmp_path: Path) -> None:
    """As Kubernetes does with a secret: a link to a folder moves, and no file is written."""
    for name, text in (("1", ALICE), ("2", BOB)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "web.yml").write_text(text)
        os.utime(tmp_path / name / "web.yml", (1, 1))
    (tmp_path / "..data").symlink_to("1")
    (tmp_path / "web.yml").symlink_to("..data/web.yml")
    file = WebConfigFile(tmp_path / "web.yml")
    (tmp_path / "..new").symlink_to("2")
    (tmp_path / "..new").rename(tmp_path / "..data")

    file.refresh()

    assert [*file.current.users] == [b"bob"]


def test_an_unchanged_file_is_not_taken_over_again(path: Path) -> None:
    file = WebConfigFile(path)
    before = file.current
    os.utime(path)

    file.refresh()

    assert file.current is before


def test_warnings_of_a_new_file_are_logged(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = WebConfigFile(path)
    path.write_text(BOB)
    path.chmod(0o600)

    file.refresh()

    assert "passwords travel in the clear" in str([vars(record) for record in caplog.records])


def test_a_look_that_raises_is_told_and_the_next_one_is_made(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "INTERVAL", 0.01)

    async def main() -> None:
        file, looks = WebConfigFile(path), list[None]()

        def refresh() -> None:
            looks.append(None)
            if len(looks) == 1:
                raise RuntimeError("can't start new thread")

        monkeypatch.setattr(file, "refresh", refresh)
        watching = asyncio.ensure_future(file.watch())
        await until(lambda: len(looks) >= 2)

        assert not file.successful
        watching.cancel()
        await asyncio.wait({watching})

    run(main)


def test_metrics_say_whether_and_since_when_the_file_is_in_force(path: Path) -> None:
    now = [1000.0]
    file = WebConfigFile(path, wall=lambda: now[0])
    internals = Internals()
    internals.watch_web(file)
    name = "mt5_exporter_web_config_last_reload_success"

    def values() -> list[str]:
        text = internals.text().decode()
        return [line.split()[1] for line in text.splitlines() if line.startswith(name)]

    assert values() == ["1.0", "1000.0"]
    path.write_text("")
    file.refresh()
    assert values() == ["0.0", "1000.0"]
    now[0] = 2000.0
    path.write_text(BOB)
    file.refresh()
    assert values() == ["1.0", "2000.0"]


def test_without_a_file_nothing_is_wrong_with_it() -> None:
    internals = Internals()
    internals.watch_web(None)

    assert b"mt5_exporter_web_config_last_reload_successful 1.0\n" in internals.text()
