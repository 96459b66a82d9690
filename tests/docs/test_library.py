"""Every program of docs/library.md runs as it stands, against a simulated terminal."""

import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from tests.docs import pages
from tests.docs.pages import Block

SERVED = ("# api.py", "# bot.py")
PROGRAMS = [block for block in pages.blocks("python") if not block.text.startswith(SERVED)]
PATIENCE = 40.0
CHAT = 4711
TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the page's own configuration, and its programs that serve."""
    first = next(block for block in pages.blocks("yaml") if block.page == "library.md")
    (tmp_path / "mt5-exporter.yml").write_text(first.text)
    for block in pages.blocks("python"):
        if block.text.startswith(SERVED):
            (tmp_path / block.text[2:].partition(":")[0]).write_text(block.text)
    return tmp_path


@contextmanager
def running(
    arguments: list[str], folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[str]"]:
    """Run a program, its output in the file `log`; it is gone at the end, and its workers with it."""
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


@pytest.mark.parametrize("block", PROGRAMS, ids=lambda block: block.name)
def test_a_program_of_the_page_runs(block: Block, folder: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", block.text],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.strip()
    assert "None None" not in ended.stdout


def address(folder: Path, process: "subprocess.Popen[str]") -> str:
    give_up = time.monotonic() + PATIENCE
    while True:
        log = (folder / "log").read_text()
        if found := re.search(r"running on (http://127\.0\.0\.1:\d+)", log):
            return found[1]
        assert process.poll() is None, log
        assert time.monotonic() < give_up, log
        time.sleep(0.05)


def answer(client: httpx.Client, path: str, status: int) -> dict[str, object]:
    """Return an answer's content as soon as it has this status: the terminal is connecting at first."""
    give_up = time.monotonic() + PATIENCE
    while True:
        found = client.get(path)
        if found.status_code == status:
            content = found.json()
            assert isinstance(content, dict)
            return content
        assert time.monotonic() < give_up, found.text
        time.sleep(0.05)


def test_the_fastapi_example_answers_with_values_and_with_the_errors_of_a_terminal(folder: Path) -> None:
    line = ["-m", "uvicorn", "api:app", "--host", "127.0.0.1", "--port", "0"]
    with (
        running(line, folder) as process,
        httpx.Client(base_url=address(folder, process), timeout=20, trust_env=False) as client,
    ):
        price = answer(client, "/desk-1/price/EURUSD", 200)
        account = answer(client, "/desk-1/account", 200)
        health = answer(client, "/desk-1/health", 200)
        unknown = answer(client, "/desk-1/price/NOPE", 404)
        nobody = answer(client, "/desk-9/account", 404)

    assert set(price) == {"bid", "ask"}
    assert set(account) == {"balance", "equity", "margin_free"}
    assert health == {"problems": []}
    assert (unknown["reason"], nobody["reason"]) == ("not_found", "no_such_terminal")


class BotApi(ThreadingHTTPServer):
    """Telegram's Bot API as far as the example goes: two messages, the first of a stranger."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.sent: queue.SimpleQueue[dict[str, object]] = queue.SimpleQueue()
        self.updates = [
            {"update_id": 1, "message": {"chat": {"id": 666}, "text": "/status"}},
            {"update_id": 2, "edited_message": {}},
            {"update_id": 3, "message": {"chat": {"id": CHAT}, "text": "/status"}},
        ]


class Handler(BaseHTTPRequestHandler):
    server: BotApi

    def do_GET(self) -> None:
        assert self.path.startswith(f"/bot{TOKEN}/getUpdates?")
        offset = int(re.findall(r"offset=(\d+)", self.path)[0])
        new = [update for update in self.server.updates if int(str(update["update_id"])) >= offset]
        if not new:
            # A long poll, kept short.
            time.sleep(0.2)
        self.reply({"ok": True, "result": new})

    def do_POST(self) -> None:
        assert self.path == f"/bot{TOKEN}/sendMessage"
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.sent.put(json.loads(body))
        self.reply({"ok": True, "result": {}})

    def reply(self, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's word
        """Say nothing."""


def test_the_telegram_example_answers_its_own_chat_and_nobody_else(folder: Path) -> None:
    with BotApi() as api:
        thread = threading.Thread(target=api.serve_forever)
        thread.start()
        environment = {
            "TELEGRAM_API": f"http://127.0.0.1:{api.server_port}",
            "TELEGRAM_TOKEN": TOKEN,
            "TELEGRAM_CHAT": str(CHAT),
            "NO_PROXY": "127.0.0.1",
        }
        try:
            with running(["bot.py"], folder, environment):
                message = api.sent.get(timeout=PATIENCE)
        finally:
            api.shutdown()
            thread.join(10)

    assert message["chat_id"] == CHAT
    assert str(message["text"]).startswith(("desk-1: equity ", "terminal 'desk-1': "))
    assert api.sent.empty()
    assert TOKEN not in (folder / "log").read_text()
