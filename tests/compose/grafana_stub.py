"""A stub in Grafana's place, and no Grafana: it answers its health check if it was given what Grafana needs.

That is the password's file, the provisioning, the dashboards and a data directory to write to. It runs in its
container alone, so it imports nothing of ours.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def problems() -> list[str]:
    """Return what a Grafana in our place would lack."""
    found = []
    password = Path(os.environ["GF_SECURITY_ADMIN_PASSWORD__FILE"])
    if len(password.read_text(encoding="utf-8").strip()) < 12:
        found.append(f"{password} holds no password worth the name")
    found += [
        f"{folder} is empty"
        for folder in ("/etc/grafana/provisioning", "/etc/grafana/dashboards/mt5")
        if not list(Path(folder).iterdir())
    ]
    Path("/var/lib/grafana/grafana.db").write_text("a stub's\n", encoding="utf-8")
    return found


class Stub(BaseHTTPRequestHandler):
    """Answers as /api/health does."""

    timeout = 30

    def do_GET(self) -> None:
        """Answer health, and nothing else."""
        body = json.dumps({"database": "ok", "version": "stub"}).encode()
        self.send_response(200 if self.path == "/api/health" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    if lacking := problems():
        sys.exit("grafana stub: " + "; ".join(lacking))
    ThreadingHTTPServer(("", 3000), Stub).serve_forever()
