"""The configurations of docs/scale-out.md: Prometheus takes them, and finds the targets that they promise."""

import http.server
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.exposition.world import run
from tests.web.asgi import Front, ask

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "scale-out.md"
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
BY_PROBE, BY_HAND = EXAMPLES[1], EXAMPLES[2]
NAMES = ("desk-1", "desk-2")


class Exporter(http.server.BaseHTTPRequestHandler):
    """Answers as the exporter's own routes do."""

    def do_GET(self) -> None:
        headers = [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]
        found = run(lambda: ask(Front(names=NAMES).application(), self.path, headers=headers))
        self.send_response(found.status)
        for name, value in found.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(found.body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Exporter) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(timeout=10)


def promtool_says(promtool: str, *arguments: str, folder: Path) -> str:
    found = subprocess.run(
        [promtool, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def discovered(promtool: str, example: str, folder: Path) -> list[dict[str, str]]:
    """Return the labels of each target that a configuration's first job finds."""
    (folder / "prometheus.yml").write_text(example)
    # It says what it has found when its time is over; a busy machine gets more of it.
    for seconds in (3, 10, 30):
        command = ("check", "service-discovery", f"--timeout={seconds}s", "prometheus.yml", "mt5-exporter")
        found: list[dict[str, dict[str, str]]] = json.loads(
            promtool_says(promtool, *command, folder=folder) or "[]"
        )
        if found:
            break
    return sorted((target["labels"] for target in found), key=lambda labels: labels.get("target", ""))


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_is_a_configuration_of_prometheus(number: int, promtool: str, tmp_path: Path) -> None:
    (tmp_path / "prometheus.yml").write_text(EXAMPLES[number])

    promtool_says(promtool, "check", "config", "--syntax-only", "prometheus.yml", folder=tmp_path)


def test_each_terminal_is_a_target_whether_found_or_written_by_hand(
    promtool: str, address: str, tmp_path: Path
) -> None:
    by_probe = discovered(promtool, BY_PROBE.replace("127.0.0.1:10685", address), tmp_path)
    by_hand = discovered(promtool, BY_HAND.replace("127.0.0.1:10685", address), tmp_path)

    for found in (by_probe, by_hand):
        assert [labels["__param_target"] for labels in found] == list(NAMES)
        for labels, name in zip(found, NAMES, strict=True):
            assert labels["__address__"] == address
            assert labels["__metrics_path__"] == "/probe"
            assert labels["job"] == "mt5-exporter"
            assert labels["target"] == name
            # Prometheus itself adds an instance where there is none: the address.
            assert labels.get("instance", address) == address


def test_the_exporter_itself_is_scraped_beside_without_its_terminals() -> None:
    [_, itself] = yaml.safe_load(BY_PROBE)["scrape_configs"]
    [keep] = itself["metric_relabel_configs"]

    assert re.fullmatch(keep["regex"], "mt5_exporter_build_info")
    assert re.fullmatch(keep["regex"], "process_resident_memory_bytes")
    assert not re.fullmatch(keep["regex"], "mt5_up")
