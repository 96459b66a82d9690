"""A webhook that keeps, or prints, what Alertmanager tells it."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

LONGEST = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One alert of one notification.

    Attributes:
        at: Monotonic seconds.
        webhook: The name of the webhook.
        receiver: The receiver's name, as the webhook's path ends.
        group: What tells the notification's group from others.
        status: firing or resolved.
        labels: The alert's.
        annotations: The alert's.
    """

    at: float
    webhook: str
    receiver: str
    group: str
    status: str
    labels: dict[str, str]
    annotations: dict[str, str]

    @property
    def alert(self) -> str:
        """Return the alert's name."""
        return self.labels["alertname"]

    def label(self, name: str) -> str:
        """Return a label, empty where there is none."""
        return self.labels.get(name, "")


def alerts_of(body: bytes, *, webhook: str, receiver: str, at: float) -> Iterator[Told]:
    """Yield the alerts of one request's body.

    Raises:
        ValueError: It is no notification of Alertmanager's.
    """
    notification = json.loads(body)
    if notification.get("version") != "4":
        raise ValueError("no notification")
    for alert in notification["alerts"]:
        yield Told(
            at=at,
            webhook=webhook,
            receiver=receiver,
            group=notification["groupKey"],
            status=alert["status"],
            labels=alert["labels"],
            annotations=alert["annotations"],
        )


class Receiver:
    """The webhook, served on loopback from its making on; it forgets nothing.

    Args:
        port: Where it listens; 0 for any.
        tell: Told of each alert as it comes.
        name: What it calls itself.
    """

    def __init__(self, port: int = 0, tell: Callable[[Told], None] = lambda _: None, name: str = "") -> None:
        self._name = name
        self._lock = threading.Lock()
        self._told: list[Told] = []
        self._refused: frozenset[str] = frozenset()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler(tell))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(STEP,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Return where it listens."""
        return self._server.server_port

    def refuse(self, *receivers: str) -> None:
        """Answer an error to these receivers' notifications from now on, and to no others."""
        self._refused = frozenset(receivers)

    def told(self) -> list[Told]:
        """Return all alerts of all notifications so far, in the order in which they came."""
        with self._lock:
            return list(self._told)

    def _handler(self, tell: Callable[[Told], None]) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 60

            def do_POST(self) -> None:
                body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), LONGEST))
                receiver = self.path.rsplit("/", 1)[-1]
                status = 503 if receiver in outer._refused else 200
                if status == 200:
                    try:
                        found = list(
                            alerts_of(body, webhook=outer._name, receiver=receiver, at=time.monotonic())
                        )
                    except (ValueError, KeyError, TypeError):
                        status = 400
                    else:
                        with outer._lock:
                            outer._told += found
                        for alert in found:
                            tell(alert)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


STEP = 0.05
