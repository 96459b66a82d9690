"""Where notifications end in a test: what PagerDuty, Slack, Telegram and a mail server would be sent."""

import base64
import email
import email.policy
import json
import socketserver
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

LONGEST = 1 << 20


class Web:
    """Keeps the JSON bodies that are posted, by path."""

    def __init__(self) -> None:
        self.bodies: dict[str, dict[str, object]] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 20

            def do_POST(self) -> None:
                body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), LONGEST))
                outer.bodies[self.path] = json.loads(body)
                # Telegram's library asks for an answer of its kind.
                answer = json.dumps({"ok": True, "result": {"message_id": 1, "chat": {"id": 1}}}).encode()
                self.send_response(202 if "pagerduty" in self.path else 200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One mail: its subject, and its body in both forms."""

    subject: str
    plain: str
    html: str


class Mail:
    """A mail server that keeps what it takes, and who logged in."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.logins: list[str] = []
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            timeout = 20

            def handle(self) -> None:
                self._say("220 ready")
                while line := self.rfile.readline(LONGEST).decode().strip():
                    verb = line.split()[0].upper()
                    if verb == "EHLO":
                        self._say("250-here\r\n250 AUTH PLAIN")
                    elif verb == "AUTH":
                        outer.logins.append(base64.b64decode(line.split()[-1]).decode())
                        self._say("235 welcome")
                    elif verb == "DATA":
                        self._say("354 go on")
                        self._take()
                        self._say("250 taken")
                    elif verb == "QUIT":
                        self._say("221 bye")
                        return
                    else:
                        self._say("250 fine")

            def _take(self) -> None:
                lines: list[bytes] = []
                while (line := self.rfile.readline(LONGEST)) not in {b".\r\n", b""}:
                    lines.append(line)
                found = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
                plain, html = (found.get_body((kind,)) for kind in ("plain", "html"))
                assert plain is not None
                assert html is not None
                outer.letters.append(
                    Letter(
                        subject=str(found["Subject"]),
                        plain=str(plain.get_content()),
                        html=str(html.get_content()),
                    )
                )

            def _say(self, text: str) -> None:
                self.wfile.write(f"{text}\r\n".encode())

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
