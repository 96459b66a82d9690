"""The command line: every flag and its twin, what contradicts itself, and what `--version` costs."""

import argparse
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mt5_exporter import __version__, cli
from mt5_exporter.cli import DEFAULT_ADDRESS, UsageError, main, parser, variable

CONFIG = """
terminals:
  - name: desk
    driver: simulated
    market: crypto
"""

VALUES = {
    "--config.file": "/etc/mt5.yml",
    "--web.listen-address": "[::1]:9",
    "--web.telemetry-path": "/mt5",
    "--web.config.file": "/etc/web.yml",
    "--web.max-connections": "7",
    "--web.max-requests": "3",
    "--log.level": "debug",
    "--log.format": "json",
    "--config.auto-reload-interval": "1m",
}
SWITCHES = (
    "--config.check",
    "--demo",
    "--web.disable-exporter-metrics",
    "--web.unauthenticated-health",
    "--web.allow-unauthenticated",
)

pytestmark = pytest.mark.usefixtures("own_process")


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "desk.yml"
    file.write_text(CONFIG)
    return str(file)


def options(arguments: list[str], environ: dict[str, str] | None = None) -> dict[str, object]:
    found: dict[str, object] = vars(parser(environ or {}).parse_args(arguments))
    return found


def flags() -> set[str]:
    actions: list[argparse.Action] = parser({})._actions
    return {name for action in actions for name in action.option_strings if name.startswith("--")}


# -- flags and their twins ------------------------------------------------------------------------------


def test_these_are_all_flags() -> None:
    assert flags() == {*VALUES, *SWITCHES, "--help", "--version"}


@pytest.mark.parametrize("flag", VALUES)
def test_a_flag_has_a_twin_in_the_environment_and_wins_over_it(flag: str) -> None:
    twin = {variable(flag): VALUES[flag]}

    assert options([], twin)[flag[2:]] == VALUES[flag]
    assert options([f"{flag}=other"], twin)[flag[2:]] == "other"


@pytest.mark.parametrize("flag", SWITCHES)
@pytest.mark.parametrize(
    ("spelled", "on"),
    [("1", True), ("true", True), ("YES", True), ("on", True), ("0", False), ("False", False), ("", False)],
)
def test_a_switch_has_a_twin_in_the_environment(flag: str, spelled: str, on: bool) -> None:
    assert options([], {variable(flag): spelled})[flag[2:]] is on


@pytest.mark.parametrize("flag", SWITCHES)
def test_a_switch_that_is_neither_yes_nor_no_is_refused(flag: str) -> None:
    with pytest.raises(UsageError, match=f"^{variable(flag)}: expected true or false$"):
        parser({variable(flag): "maybe"})


def test_a_twin_is_spelled_like_its_flag() -> None:
    assert variable("--web.listen-address") == "MT5_EXPORTER_WEB_LISTEN_ADDRESS"


def test_the_defaults_serve_loopback_only() -> None:
    found = options([])

    assert found["web.listen-address"] == DEFAULT_ADDRESS
    assert DEFAULT_ADDRESS.startswith("127.0.0.1:")
    assert (found["demo"], found["config.file"], found["web.allow-unauthenticated"]) == (False, "", False)


def test_help_names_every_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])

    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(flag in text for flag in flags())
    assert "MT5_EXPORTER_LOG_LEVEL" in text


# -- what is wrong --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ("--config.file", "--demo")),
        (["--config.file=x.yml", "--demo"], ("--config.file", "--demo")),
        (["--config.file=/nowhere/x.yml"], ("/nowhere/x.yml",)),
        (["--demo", "--log.level=loud"], ("--log.level", "debug, info, warn, error", "'loud'")),
        (["--demo", "--log.format=xml"], ("--log.format", "logfmt, json")),
        (["--demo", "--web.max-requests=many"], ("--web.max-requests", "'many'")),
        (["--demo", "--web.max-requests=-1"], ("--web.max-requests",)),
        (["--demo", "--web.max-requests=" + "9" * 5000], ("--web.max-requests",)),
        (["--demo", "--web.telemetry-path=metrics"], ("--web.telemetry-path", "'metrics'")),
        (["--demo", "--web.telemetry-path=/-/healthy"], ("--web.telemetry-path",)),
        (["--demo", "--web.telemetry-path=/{x}"], ("--web.telemetry-path",)),
        (["--demo", "--web.telemetry-path=/a b"], ("--web.telemetry-path",)),
        (["--demo", "--web.telemetry-path=/a?b"], ("--web.telemetry-path",)),
        (["--demo", "--web.telemetry-path=//evil.example"], ("--web.telemetry-path",)),
        (["--demo", "--web.listen-address=nowhere"], ("--web.listen-address", "host:port")),
        (["--demo", "--web.listen-address=:0"], ("--web.allow-unauthenticated",)),
        (["--demo", "--web.listen-address=:0"], ("--web.config.file", "basic_auth_users")),
        (["--demo", "--web.config.file=/nowhere.yml"], ("/nowhere.yml: cannot be read",)),
        (["--demo", "--web.max-connections=-1"], ("--web.max-connections",)),
        (["--demo", "--web.listen-address=0.0.0.0:0"], ("0.0.0.0:0", "--web.allow-unauthenticated")),
        (["--demo", "--web.listen-address=[::]:0"], ("[::]:0", "--web.allow-unauthenticated")),
        (["--demo", "--web.listen-address=127.evil.example:0"], ("--web.allow-unauthenticated",)),
    ],
)
def test_what_the_user_must_change_is_one_line_and_status_2(
    arguments: list[str], words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(arguments)

    captured = capsys.readouterr()
    assert status == 2
    assert captured.out == ""
    assert captured.err.startswith("mt5-exporter: ")
    assert captured.err.count("\n") == 1
    assert all(word in captured.err for word in words)


@pytest.mark.parametrize("arguments", [["--dem"], ["--no-such-flag"], ["desk.yml"], ["--log.level"]])
def test_what_is_no_flag_is_status_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2


def test_a_wrong_twin_is_one_line_and_status_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MT5_EXPORTER_DEMO", "perhaps")

    assert main([]) == 2
    assert capsys.readouterr().err == "mt5-exporter: MT5_EXPORTER_DEMO: expected true or false\n"


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        ("basic_auth_users: {alice: $2b$04$" + "a" * 53 + "}\n", 1, "cannot listen on 192.0.2.1:0"),
        ("rate_limit: {interval: 1s, burst: 5}\n", 2, "192.0.2.1:0 can be reached from other machines"),
    ],
)
def test_an_address_of_the_network_takes_authentication(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, status: int, words: str
) -> None:
    file = tmp_path / "web.yml"
    file.write_text(content)

    assert main(["--demo", "--web.listen-address=192.0.2.1:0", f"--web.config.file={file}"]) == status

    assert words in capsys.readouterr().err


def test_a_check_of_the_configuration_is_one_of_the_web_configuration_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "web.yml"
    file.write_text("basic_auth_users: {alice: hunter2}\n")

    status = main(["--demo", "--config.check", f"--web.config.file={file}"])

    captured = capsys.readouterr()
    assert (status, captured.out) == (2, "")
    assert captured.err.startswith(f"mt5-exporter: {file}:1: basic_auth_users.alice: expected a bcrypt hash")
    assert "hunter2" not in captured.err


def test_an_address_that_is_not_this_machines_is_one_line_and_status_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status = main(["--demo", "--web.listen-address=192.0.2.1:0", "--web.allow-unauthenticated"])

    captured = capsys.readouterr()
    assert status == 1
    assert captured.err.startswith("mt5-exporter: cannot listen on 192.0.2.1:0: ")
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("spelled", ["/", "/metrics", "/mt5/metrics", "/a.b_c~d-e/", "/-"])
def test_a_path_of_plain_characters_is_taken(spelled: str) -> None:
    assert cli.path({"web.telemetry-path": spelled}, "web.telemetry-path") == spelled


def test_a_signal_that_comes_before_the_event_loop_is_kept_for_it() -> None:
    early = cli.signals_until_the_loop_runs()

    signal.raise_signal(signal.SIGTERM)

    assert early == [signal.SIGTERM]


# -- checks ---------------------------------------------------------------------------------------------


def test_a_good_configuration_is_said_to_be_good_and_nothing_is_served(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([f"--config.file={config}", "--config.check"]) == 0
    assert capsys.readouterr().out == f"{config}: 1 terminals, no problem\n"


def test_a_bad_configuration_is_status_2_and_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "desk.yml"
    file.write_text("terminals:\n  - nmae: desk\n")

    assert main([f"--config.file={file}", "--config.check"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"mt5-exporter: {file}:2")
    assert error.count("\n") == 1


def test_what_is_unwise_is_said_and_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "desk.yml"
    file.write_text(
        CONFIG + "    login: true\n    account: {login: 1, server: S, password: 'hunter2-canary'}\n"
    )
    file.chmod(0o644)

    assert main([f"--config.file={file}", "--config.check"]) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith("mt5-exporter: warning: ")
    assert "hunter2" not in captured.err + captured.out


def test_the_demo_can_be_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--demo", "--config.check"]) == 0
    assert "3 terminals, no problem" in capsys.readouterr().out


# -- what it costs --------------------------------------------------------------------------------------

HEAVY = {
    "yaml",
    "starlette",
    "uvicorn",
    "apscheduler",
    "prometheus_client",
    "asyncio",
    "anyio",
    "httptools",
    "zoneinfo",
}

PROBE = """
import json, sys
before = set(sys.modules)
from mt5_exporter.cli import main
try:
    main(["--version"])
except SystemExit as ended:
    print(json.dumps([ended.code, sorted({name.partition(".")[0] for name in set(sys.modules) - before})]))
"""


def test_version_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, check=True, timeout=30
    )

    version, found = done.stdout.splitlines()
    status, modules = json.loads(found)
    assert version == f"mt5-exporter {__version__} (python {sys.version.split()[0]})"
    assert status == 0
    assert HEAVY.isdisjoint(modules)
    assert "mt5_exporter" in modules


@pytest.mark.parametrize("module", ["mt5_exporter", "mt5_exporter.cli", "mt5_exporter.tool"])
def test_a_module_is_a_command(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=True, timeout=30
    )

    assert __version__ in done.stdout
