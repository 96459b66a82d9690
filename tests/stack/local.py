"""`make stack`: the demo, Prometheus and Alertmanager as shipped, and a webhook that prints."""

import argparse
import contextlib
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.stack.program import STEP, Program
from tests.stack.receiver import Receiver, Told
from tests.stack.stack import ALERTS
from tests.stack.tools import NEW, PAIRS, Pair, namespaces_missing

EXPORTER, WEBHOOK, PROMETHEUS, ALERTMANAGER = 10685, 10686, 9090, 9093
"""The ports that the shipped configurations name."""

WELCOME = f"""\
exporter      http://127.0.0.1:{EXPORTER}/metrics
Prometheus    http://127.0.0.1:{PROMETHEUS}/api/v1/alerts
Alertmanager  http://127.0.0.1:{ALERTMANAGER}/api/v2/alerts
Notifications are printed here; Ctrl-C ends it. Write faults into mt5-demo-scenario.yml, as
exporter/scenario.example.yml shows."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stack until a signal comes or a part of it ends; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prometheus", choices=[pair.name for pair in PAIRS], default=NEW.name)
    asked: str = parser.parse_args(arguments).prometheus
    pair = next(pair for pair in PAIRS if pair.name == asked)
    problem = "run `make tools` first" if not pair.there else namespaces_missing() or taken()
    if problem:
        sys.stderr.write(f"stack: {problem}\n")
        return 1
    # What a keeper sends ends it as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        tempfile.TemporaryDirectory(prefix="mt5-stack-") as folder,
        contextlib.suppress(KeyboardInterrupt),
        contextlib.ExitStack() as opened,
    ):
        opened.enter_context(Receiver(WEBHOOK, show))
        programs = [opened.enter_context(program) for program in start(pair, Path(folder))]
        for program in programs:
            program.wait_ready()
        say(WELCOME)
        while True:
            for program in programs:
                if program.process.poll() is not None:
                    sys.stderr.write(f"stack: {program.name} ended\n{program.tail()}\n")
                    return 1
            time.sleep(STEP)
    return 0


def start(pair: Pair, folder: Path) -> list[Program]:
    """Start the three programs with the configurations as they are."""
    server = f"http://127.0.0.1:{PROMETHEUS}"
    return [
        Program(
            "exporter",
            [
                sys.executable,
                "-m",
                "mt5_exporter",
                "--demo",
                f"--web.listen-address=127.0.0.1:{EXPORTER}",
            ],
            folder=folder,
            ready=f"http://127.0.0.1:{EXPORTER}/-/healthy",
        ),
        Program(
            "alertmanager",
            pair.alertmanager(
                [
                    f"--config.file={ALERTS / 'alertmanager.yml'}",
                    f"--storage.path={folder / 'alertmanager'}",
                    f"--web.listen-address=127.0.0.1:{ALERTMANAGER}",
                    "--cluster.listen-address=",
                ]
            ),
            folder=folder,
            ready=f"http://127.0.0.1:{ALERTMANAGER}/-/ready",
        ),
        Program(
            "prometheus",
            [
                pair.program("prometheus"),
                f"--config.file={ALERTS / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'prometheus'}",
                f"--web.listen-address=127.0.0.1:{PROMETHEUS}",
            ],
            folder=folder,
            ready=f"{server}/-/ready",
        ),
    ]


def taken() -> str:
    """Return which port somebody else listens on, empty where all are free."""
    for port in (EXPORTER, WEBHOOK, PROMETHEUS, ALERTMANAGER):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return f"port {port} is taken"
    return ""


def show(told: Told) -> None:
    """Print one alert of a notification in two lines; the dead man's switch would only be in the way."""
    if told.receiver == "deadman":
        return
    where = told.label("terminal") or told.label("instance")
    what = told.annotations.get("description", told.annotations.get("summary", ""))
    say(
        f"{time.strftime('%H:%M:%S')} {told.receiver}: {told.status} {told.alert} [{told.label('severity')}] "
        f"{where}\n         {what}"
    )


def say(text: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
