"""Whether the files behind a configuration hold what was read from them."""

import os
from pathlib import Path

import pytest

from mt5_exporter import config_file
from mt5_exporter.files import UNREADABLE, digest, digests

CONFIG = """
terminals:
  - name: desk
    driver: simulated
    login: true
    account: {login: 7, server: Sim, password_file: desk.password}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "desk.password").write_text("hunter2\n")
    path = tmp_path / "desk.yml"
    path.write_text(CONFIG)
    return path


def test_a_configuration_knows_its_files_as_they_were_read(file: Path) -> None:
    config = config_file.load(file, {})

    assert set(config.files) == {file, file.with_name("desk.password")}
    assert digests(config.files) == config.files
    assert "hunter2" not in repr(config)


@pytest.mark.parametrize("name", ["desk.yml", "desk.password"])
def test_another_content_is_seen_and_a_touch_is_none(file: Path, name: str) -> None:
    config = config_file.load(file, {})
    path = file.with_name(name)

    os.utime(path, (1, 1))
    touched = digests(config.files)
    path.write_bytes(path.read_bytes() + b"\n")

    assert touched == config.files
    assert digests(config.files) != config.files


def test_a_link_that_is_swapped_above_the_file_is_seen(tmp_path: Path) -> None:
    for version in ("one", "two"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "desk.yml").write_text(f"{CONFIG}# {version}\n")
        (tmp_path / version / "desk.password").write_text("hunter2")
    data = tmp_path / "..data"
    data.symlink_to("one")
    (tmp_path / "desk.yml").symlink_to("..data/desk.yml")
    (tmp_path / "desk.password").symlink_to("..data/desk.password")
    config = config_file.load(tmp_path / "desk.yml", {})

    fresh = tmp_path / "..data_tmp"
    fresh.symlink_to("two")
    fresh.replace(data)

    now = digests(config.files)
    assert [path.name for path, found in now.items() if found != config.files[path]] == ["desk.yml"]


@pytest.mark.parametrize("what", ["gone", "directory", "pipe"])
def test_a_file_that_is_none_any_more_differs_and_is_not_waited_for(file: Path, what: str) -> None:
    config = config_file.load(file, {})
    file.unlink()
    if what == "directory":
        file.mkdir()
    elif what == "pipe":
        os.mkfifo(file)

    assert digests(config.files)[file] == UNREADABLE != digest(b"")


def test_what_is_piped_in_is_not_looked_at_again(file: Path) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, b"terminals: [{name: desk, driver: simulated}]\n")
    os.close(write_end)

    config = config_file.load(f"/dev/fd/{read_end}", {})
    os.close(read_end)

    assert config.files == {}
