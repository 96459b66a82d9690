"""The scenario of simulated terminals: its file, its instants, and its changes."""

import json
import logging
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt5_exporter import scenario
from mt5_exporter.far.drivers.simulated.faults import FAULTS, parse_faults
from mt5_exporter.scenario import Fault, ScenarioFile, resolve
from mt5_exporter.strict_yaml import ConfigError

EXAMPLE = Path(__file__).parents[2] / "exporter" / "scenario.example.yml"


class Wall:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def put(path: Path, content: str) -> None:
    """Replace a file as an editor does, so that its inode changes as well."""
    other = path.with_suffix(".new")
    other.write_text(content)
    other.replace(path)


def test_a_fault_is_read_with_every_key() -> None:
    faults = scenario.loads(
        """
faults:
  - fault: slow
    terminal: demo-1
    at: 1m
    for: 2m30s
    calls: [account_info, symbol_select, initialize]
    symbols: [EURUSD]
    seconds: 1500ms
    bytes: 4MiB
  - fault: crash
""",
        "s.yml",
    )

    assert faults == (
        Fault(
            fault="slow",
            terminal="demo-1",
            at=60,
            lasts=150,
            calls=("account_info", "symbol_select", "initialize"),
            symbols=("EURUSD",),
            seconds=1.5,
            size=4 << 20,
        ),
        Fault(fault="crash"),
    )


def test_only_a_clock_goes_back() -> None:
    (fault,) = scenario.loads("faults: [{seconds: -1h, fault: clock_shift}]", "s.yml")

    assert fault == Fault(fault="clock_shift", seconds=-3600)
    (played,) = parse_faults(resolve([fault], "demo-1", 1000.0))
    assert played.seconds == -3600


def test_the_example_names_every_fault_and_is_taken_by_the_driver() -> None:
    content = EXAMPLE.read_text(encoding="utf-8")
    faults = scenario.loads(content, "s.yml")

    words = content.replace(",", " ").replace(".", " ").split()
    assert set(words) >= FAULTS
    for terminal in ("demo-1", "demo-2", "demo-3"):
        assert parse_faults(resolve(faults, terminal, 1000.0))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ": is empty"),
        ("faults:", ":1: faults: expected a list, was nothing"),
        ("falts: []", ":1: falts: unknown key, did you mean 'faults'?"),
        ("[]", ":1: expected a mapping, was a list"),
        ("{}", ":1: faults: is missing"),
        ("faults: [slow]", ":1: faults[0]: expected a mapping"),
        ("faults: [{at: 1m}]", ":1: faults[0].fault: is missing"),
        ("faults: [{fault: slow, at: 60}]", ":1: faults[0].at: expected a duration such as 15s, was '60'"),
        (
            "faults: [{fault: slow, for: 0s}]",
            ":1: faults[0].for: expected a duration from 1ms to 366d, was '0s'",
        ),
        (
            "faults: [{fault: slow, seconds: -1h}]",
            ":1: faults[0].seconds: expected a duration such as 15s, was '-1h'",
        ),
        (
            "faults: [{fault: clock_shift, for: -1h}]",
            ":1: faults[0].for: expected a duration such as 15s, was '-1h'",
        ),
        (
            "faults: [{fault: clock_shift, seconds: -367d}]",
            ":1: faults[0].seconds: expected a duration from -366d to 366d, was '-367d'",
        ),
        ("faults: [{fault: slow, bytes: 4}]", ":1: faults[0].bytes: expected a size such as 512MiB, was '4'"),
        ("faults: [{fault: slow, calls: account_info}]", ":1: faults[0].calls: expected a list"),
        ("faults: [{fault: slow, durations: 4}]", ":1: faults[0].durations: unknown key"),
        (
            "faults: [{fault: slow}, {fault: slow",
            ":1: not valid YAML: expected ',' or '}', but got '<stream end>'",
        ),
    ],
)
def test_a_bad_scenario_is_one_line(content: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        scenario.loads(content, "s.yml")

    assert str(caught.value) == f"s.yml{message}"


@pytest.mark.parametrize("content", ["{fault: melt}", "{fault: slow, calls: [order_send]}"])
def test_a_fault_and_a_call_are_known_words(content: str) -> None:
    with pytest.raises(ConfigError, match=r"^s\.yml:1: faults\[0\]\.(fault|calls\[0\]): expected one of "):
        scenario.loads(f"faults: [{content}]", "s.yml")


def test_times_are_absolute_and_json_when_they_cross_the_wire() -> None:
    faults = (
        Fault(
            fault="slow", at=60, lasts=30, calls=("account_info",), symbols=("EURUSD",), seconds=1.5, size=9
        ),
        Fault(fault="crash", terminal="demo-2"),
    )

    assert resolve(faults, "demo-1", 1000.0) == [
        {
            "fault": "slow",
            "from": 1060.0,
            "until": 1090.0,
            "calls": ["account_info"],
            "symbols": ["EURUSD"],
            "seconds": 1.5,
            "bytes": 9,
        }
    ]
    both = resolve(faults, "demo-2", 1000.0)
    assert [(fault["fault"], fault["from"], fault["until"]) for fault in both] == [
        ("slow", 1060.0, 1090.0),
        ("crash", 1000.0, None),
    ]
    assert json.loads(json.dumps(both)) == both
    assert len(parse_faults(both)) == 2


def test_no_file_is_no_fault_until_there_is_one(tmp_path: Path) -> None:
    wall = Wall()
    file = ScenarioFile(tmp_path / "s.yml", wall)
    assert file.faults_for("demo-1") == (0, [])
    put(file.path, "faults: [{fault: crash, at: 5s}]")
    wall.now = 2000.0

    revision, faults = file.faults_for("demo-1")

    assert revision == 1
    assert [fault["from"] for fault in faults] == [2005.0]
    file.path.unlink()
    assert file.faults_for("demo-1") == (2, [])
    assert file.faults_for("demo-1") == (2, [])


def test_a_scenario_counts_from_its_first_reading_until_it_changes(tmp_path: Path) -> None:
    wall = Wall()
    file = ScenarioFile(tmp_path / "s.yml", wall)
    put(file.path, "faults: [{fault: crash}]")
    first = file.faults_for("demo-1")
    wall.now = 1060.0

    assert file.faults_for("demo-1") == first
    put(file.path, "faults: [{fault: crash} ]")
    revision, faults = file.faults_for("demo-1")
    assert (revision, faults[0]["from"]) == (2, 1060.0)


def test_a_change_within_the_same_file_is_seen(tmp_path: Path) -> None:
    file = ScenarioFile(tmp_path / "s.yml", Wall())
    file.path.write_text("faults: [{fault: crash}]")
    assert file.faults_for("a")[0] == 1
    file.path.write_text("faults: [{fault: hang }]")
    os.utime(file.path, ns=(1, 1))

    assert file.faults_for("a")[1][0]["fault"] == "hang"


def test_a_bad_change_keeps_the_last_good_content_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wall = Wall()
    file = ScenarioFile(tmp_path / "s.yml", wall)
    put(file.path, "faults: [{fault: crash}]")
    good = file.faults_for("demo-1")
    put(file.path, "faults: [{fault: crsh}]")
    wall.now = 1060.0

    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert file.faults_for("demo-1") == good

    assert file.problem is not None
    assert file.problem.startswith(f"{file.path}:1: faults[0].fault: expected one of ")
    assert [record.getMessage() for record in caplog.records] == ["scenario not taken over"]
    assert caplog.records[0].__dict__["problem"] == file.problem
    put(file.path, "faults: []")
    assert file.faults_for("demo-1") == (2, [])
    assert file.problem is None


def test_what_cannot_be_looked_at_is_a_problem_and_no_repair(tmp_path: Path) -> None:
    wall = Wall()
    directory = ScenarioFile(tmp_path, wall)
    name = ScenarioFile(tmp_path / "a\0b", wall)
    below = ScenarioFile(tmp_path / "s.yml" / "s.yml", wall)
    (tmp_path / "s.yml").write_text("faults: []")

    assert [file.faults_for("demo-1") for file in (directory, name, below)] == [(0, []), (0, []), (0, [])]

    assert directory.problem == f"{tmp_path}: cannot be read: Is a directory"
    assert name.problem == f"{tmp_path}/a?b: cannot be read: not a file name"
    assert below.problem is None


@given(st.text())
def test_no_text_is_more_than_a_configuration_error(content: str) -> None:
    shown = "s.yml"
    try:
        scenario.loads(f"faults: [{content}]", "s.yml")
    except ConfigError as error:
        shown = str(error)
    assert shown.startswith("s.yml")
    assert shown.isprintable()
