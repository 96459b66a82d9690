"""Print what Alertmanager tells people, for the demo: one line for each alert of each notification.

`--check` asks a running one whether it answers.
"""

import http.client
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ADDRESS = ("127.0.0.1", 10686)
LONGEST = 1 << 22


class Webhook(BaseHTTPRequestHandler):
    """Takes Alertmanager's POSTs; the receiver is the path."""

    timeout = 60

    def do_GET(self) -> None:
        """Say that it lives."""
        self.answer(200)

    def do_POST(self) -> None:
        """Print one notification."""
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), LONGEST))
        try:
            lines = [line(self.path.strip("/"), alert) for alert in json.loads(body)["alerts"]]
        except (ValueError, KeyError, TypeError):
            self.answer(400)
            return
        sys.stdout.write("".join(lines))
        sys.stdout.flush()
        self.answer(200)

    def answer(self, status: int) -> None:
        """Answer with no body."""
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing of requests."""


def line(receiver: str, alert: dict[str, dict[str, str]]) -> str:
    """Return an alert as a line."""
    labels, annotations = alert["labels"], alert["annotations"]
    who = labels.get("terminal", labels.get("instance", "-"))
    return (
        f"{receiver}: {alert['status']} {labels['alertname']} {who}: {annotations.get('description', '')}\n"
    )


def main() -> int:
    """Serve, or check."""
    if "--check" in sys.argv:
        asked = http.client.HTTPConnection(*ADDRESS, timeout=3)
        try:
            asked.request("GET", "/")
            return 0 if asked.getresponse().status == http.client.OK else 1
        except OSError as failure:
            sys.stderr.write(f"webhook: {failure}\n")
            return 1
        finally:
            asked.close()
    ThreadingHTTPServer(ADDRESS, Webhook).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
