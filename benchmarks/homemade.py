"""The usual home-made exporter: gauges that a thread sets in a loop, served by prometheus_client.

python -m benchmarks.homemade FILE      which has the samples, in text
"""

import sys
import threading
import time
from pathlib import Path

from prometheus_client import Gauge, start_http_server
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from benchmarks.world import INTERVAL


def gauges(samples: list[Sample]) -> dict[str, Gauge]:
    """Return a gauge for each name."""
    made: dict[str, Gauge] = {}
    for sample in samples:
        if sample.name not in made:
            made[sample.name] = Gauge(sample.name, f"Help of {sample.name}.", tuple(sample.labels))
    return made


def work(made: dict[str, Gauge], samples: list[Sample]) -> None:
    """Set every gauge of a terminal, and every terminal every 15 s."""
    terminals: dict[str, list[Sample]] = {}
    for sample in samples:
        terminals.setdefault(sample.labels["terminal"], []).append(sample)
    while True:
        for group in terminals.values():
            for sample in group:
                made[sample.name].labels(**sample.labels).set(sample.value)
            time.sleep(INTERVAL / len(terminals))


def main() -> int:
    """Serve on a free port until SIGTERM."""
    text = Path(sys.argv[1]).read_text()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    made = gauges(samples)
    for sample in samples:
        made[sample.name].labels(**sample.labels).set(sample.value)
    server, _ = start_http_server(0, addr="127.0.0.1")
    threading.Thread(target=work, args=(made, samples), daemon=True).start()
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
