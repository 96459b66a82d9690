"""mt5tool: its subcommands, their exit statuses, and what a person reads."""

import contextlib
import io
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mt5_exporter import __version__, health, tool
from mt5_exporter.report import Report
from mt5_exporter.snapshot import PollResult, ProbeResult, ProbeStatus
from mt5_exporter.tool import main, table

CONFIG = """
connect_rate: 100
defaults: {driver: simulated, market: crypto, symbols: [BTCUSD]}
terminals:
  - name: desk
  - name: wrong
    account: {login: 7}
  - name: gone
    command: [/nowhere/python]
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "desk.yml"
    file.write_text(CONFIG)
    return str(file)


# -- check config ---------------------------------------------------------------------------------------


def test_a_good_configuration_is_status_0(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "config", config]) == 0
    assert capsys.readouterr().out == f"{config}: 3 terminals, no problem\n"


def test_a_bad_configuration_is_one_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "desk.yml"
    file.write_text("terminals: 7\n")

    assert main(["check", "config", str(file)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"mt5tool: {file}:1")
    assert error.count("\n") == 1


def test_what_is_unwise_is_said_and_status_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "desk.yml"
    account = "login: true, account: {login: 1, server: S, password: 'hunter2-canary'}"
    file.write_text(f"terminals:\n  - {{name: desk, driver: simulated, {account}}}\n")
    file.chmod(0o644)

    assert main(["check", "config", str(file)]) == 0
    error = capsys.readouterr().err
    assert error.startswith("mt5tool: warning: ")
    assert "hunter2" not in error


# -- check health ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def answering(answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Serve one answer to every connection; give the address and what was asked."""
    asked: list[bytes] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked.append(self.rfile.readline())
            self.wfile.write(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_healthy_exporter_is_status_0(slash: str, capsys: pytest.CaptureFixture[str]) -> None:
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhealthy\n") as (url, asked):
        status = main(["check", "health", url + slash])

    assert status == 0
    assert capsys.readouterr().out == "healthy\n"
    assert asked == [b"GET /-/healthy HTTP/1.1\r\n"]


def test_an_unhealthy_exporter_is_status_1_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    with answering(b"HTTP/1.1 503 X\r\nContent-Length: 3\r\n\r\nwhy") as (url, _):
        status = main(["check", "health", url])

    assert status == 1
    assert capsys.readouterr().err == f"mt5tool: {url} answers 503: why\n"


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n", b"\r\n" * 200])
def test_what_does_not_speak_http_is_no_healthy_exporter(
    answer: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(answer) as (url, _):
        status = main(["check", "health", url])

    error = capsys.readouterr().err
    assert status == 1
    assert error.startswith(f"mt5tool: {url} does not answer: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1",
        "http://nobody.invalid",
    ],
)
def test_an_exporter_that_is_not_there_is_status_1_in_one_line(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "health", url]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"mt5tool: {url} does not answer: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize("url", ["127.0.0.1:10685", "file:///etc/passwd", "ftp://x", ""])
def test_an_address_that_is_no_http_is_status_2(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "health", url]) == 2
    assert "expected an address such as http://127.0.0.1:10685" in capsys.readouterr().err


def test_a_proxy_of_the_environment_is_not_asked_about_a_neighbour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (url, _):
        assert main(["check", "health", url]) == 0


# -- probe ----------------------------------------------------------------------------------------------


def test_a_probe_of_a_good_terminal_is_status_0_and_a_table(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["probe", f"--config.file={config}", "desk"])

    head, row, *rest = capsys.readouterr().out.splitlines()
    assert status == 0
    assert head.split() == [
        "TERMINAL",
        "CONNECTION",
        "AUTHENTICATION",
        "DATA",
        "FEED",
        "LATENCY",
        "ROUND",
        "TRIP",
    ]
    assert row.split()[:5] == ["desk", "passed", "passed", "passed", "passed"]
    assert row.endswith(" ms")
    assert [line for line in rest if line.startswith("desk: ")][:5] == [
        "desk: terminal",
        "desk: account",
        "desk: symbols",
        "desk: open positions",
        "desk: pending orders",
    ]


def test_a_probe_of_all_is_status_1_when_one_is_not_well(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["probe", f"--config.file={config}"])

    lines = capsys.readouterr().out.splitlines()
    assert status == 1
    rows = {line.split()[0]: line.split()[1:5] for line in lines[1:4]}
    assert rows == {
        "desk": ["passed"] * 4,
        "wrong": ["passed", "failed", "skipped", "passed"],
        "gone": ["failed", "skipped", "skipped", "skipped"],
    }
    assert lines[3].endswith("  -")
    assert lines[4].startswith("wrong: authentication: another account is logged in")
    assert lines[5].startswith("gone: connection: ")
    assert "/nowhere/python" in lines[5] or "exit status" in lines[5]
    account = lines.index("wrong: account")
    assert lines[account + 1] == (
        "  not read: authentication: another account is logged in than the configuration names"
    )
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["probe"], "give either --config.file=FILE or --demo"),
        (["probe", "--demo", "--config.file=x"], "give either --config.file=FILE or --demo"),
        (["probe", "--demo", "desk-9"], "no terminal 'desk-9'; configured are demo-1, demo-2, demo-3"),
        (["probe", "--config.file=/nowhere/x.yml"], "/nowhere/x.yml"),
    ],
)
def test_a_probe_that_cannot_be_made_is_one_line_and_status_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_a_demo_terminal_can_be_probed(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["probe", "--demo", "demo-2"])

    row = capsys.readouterr().out.splitlines()[1].split()
    assert status == 0
    # On a weekend the demo's BTCUSD or ETHUSD still trades.
    assert row[:5] == ["demo-2", "passed", "passed", "passed", "passed"]


def test_columns_are_as_wide_as_their_longest_cell() -> None:
    def report(name: str, status: ProbeStatus, message: str = "") -> Report:
        connection = ProbeResult(probe="connection", status=status, at=0, seconds=0.0123, message=message)
        poll = PollResult(terminal=name, at=0, instant=0, seconds=0, probes=(connection,), readings=())
        passed = status is ProbeStatus.PASSED
        return Report(
            terminal=name,
            connection=status,
            authentication=status,
            data_feed=ProbeStatus.UNKNOWN,
            latency=status,
            latency_ms=12.3 if passed else None,
            poll=poll,
        )

    shown = table([report("a", ProbeStatus.PASSED), report("a-long-name", ProbeStatus.FAILED, "gone")])

    assert shown == [
        "TERMINAL     CONNECTION  AUTHENTICATION  DATA FEED  LATENCY  ROUND TRIP",
        "a            passed      passed          unknown    passed   12.3 ms",
        "a-long-name  failed      failed          unknown    failed   -",
        "a-long-name: connection: gone",
    ]
    named = table([report("n" * 63, ProbeStatus.FAILED, "no " * 60)])
    assert max(map(len, named)) <= 100


def test_what_a_screen_cannot_show_is_a_question_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.TextIOWrapper(io.BytesIO(), encoding="cp1252", newline="\n")
    monkeypatch.setattr("sys.stdout", screen)

    tool.say(["Zürich", "東京", "\ud800"])

    screen.seek(0)
    assert screen.buffer.read() == b"Z\xfcrich\n??\n?\n"


# -- the command line -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", [[], ["check"], ["check", "config"], ["no-such"], ["prob"], ["check", "health"]]
)
def test_an_unfinished_command_line_is_status_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2


def test_it_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out == f"mt5tool {__version__}\n"
    assert health.TIMEOUT <= 10
