"""What a scrape costs: ours against node_exporter, blackbox_exporter and the usual home-made exporter.

All serve the same samples (blackbox_exporter its own few, as an anchor of what a small Go program needs);
each also serves its metrics about itself, as it does by default. The client is wrk with Prometheus's own
headers, so gzip. A server whose turn it is not is stopped, not idling.

wrk asks so often that ours mostly answers with bytes that are compressed already. Prometheus does not: each
of its scrapes finds a new exposition and pays for gzip, so one table has scrapes that are 1.3 s apart.
"""

import gzip
import math
import re
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from benchmarks.fleet import ticks
from benchmarks.harness import Options, main, median, progress, quantile, ratio, ratios, say, show, table
from benchmarks.load import TOOLS, Scraper, paced, unpack_tools, wrk
from benchmarks.processes import Child, module
from mt5_exporter.exposition.publish import MAX_VALID

SYMBOLS = 16
"""With them a terminal has 250 series."""

SIZES = {500: (1, 7), 5_000: (10, 7), 50_000: (100, 7)}
"""Terminals, and symbols of each."""
CONNECTIONS = (1, 16)
OWN = re.compile(r"mt5_(?!exporter_)")
"""What is about terminals, and not about the server itself."""

ANCHOR = "node_exporter"
SCRAPE_INTERVAL = 15.0
APART = 1.3

Series = tuple[str, frozenset[tuple[str, str]]]


@dataclass(slots=True)
class Cell:
    """One server under one load; a value for each round."""

    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """CPU seconds of the server for 1,000 scrapes."""


@dataclass(slots=True)
class Server:
    """One running server and what was seen of it."""

    name: str
    child: Child
    url: str
    cells: dict[int, Cell] = field(default_factory=lambda: {number: Cell() for number in CONNECTIONS})
    rest: float = math.nan
    """Share of one core that it uses while nobody asks."""
    first: list[float] = field(default_factory=list)
    """Milliseconds of scrapes so far apart that each finds another exposition, as Prometheus's are."""
    first_cpu: float = math.nan
    """CPU seconds of one such scrape, with what the server does anyway in the time between."""
    resident: float = math.nan
    body: int = 0

    def look(self) -> None:
        """Ask once, with the headers of the measurement."""
        scraper = Scraper(self.url)
        self.body = len(scraper.get())
        scraper.close()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Let it run, warmed up, and hold it again."""
        self.child.go()
        self.look()
        if "polls" in self.name:
            time.sleep(0.5)
        try:
            yield
        finally:
            self.child.hold()


def samples(text: str) -> dict[Series, float]:
    """Return the samples about terminals; Go writes 1 where we write 1.0."""
    found: dict[Series, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if OWN.match(sample.name):
                labels = dict(sample.labels)
                if "le" in labels:
                    labels["le"] = str(float(labels["le"]))
                found[sample.name, frozenset(labels.items())] = sample.value
    return found


def of_terminals(text: str) -> str:
    """Return an exposition without what is about the server itself."""
    kept: list[str] = []
    for line in text.splitlines(keepends=True):
        name = line.split()[2] if line.startswith("#") else line
        if OWN.match(name):
            kept.append(line)
    return "".join(kept)


def start(stack: ExitStack, size: tuple[int, int], folder: Path) -> list[Server]:
    """Start every server with the same samples; each is held when it serves."""
    servers: list[Server] = []

    def run(name: str, command: Sequence[str], url: str = "") -> Server:
        child = stack.enter_context(Child(command))
        server = Server(name, child, url or child.url())
        wait_for(server.url)
        servers.append(server)
        return server

    numbers = (str(size[0]), str(size[1]))
    idle = run("ours, idle", module("ours", *numbers, "idle"))
    run("ours, polls", module("ours", *numbers, "polls"))
    scraper = Scraper(idle.url)
    record = folder / "mt5.prom"
    record.write_text(of_terminals(scraper.text()))
    scraper.close()
    binary = TOOLS / "usr/bin"
    port = free_port()
    options = ("--collector.disable-defaults", "--collector.textfile")
    where = (f"--collector.textfile.directory={folder}", f"--web.listen-address=127.0.0.1:{port}")
    command = [str(binary / "prometheus-node-exporter"), *options, *where]
    run(ANCHOR, command, f"http://127.0.0.1:{port}")
    run("home-made", module("homemade", str(record)))
    port = free_port()
    settings = f"--config.file={TOOLS / 'etc/prometheus/blackbox.yml'}"
    command = [
        str(binary / "prometheus-blackbox-exporter"),
        settings,
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    run("blackbox_exporter", command, f"http://127.0.0.1:{port}")
    for server in servers:
        server.child.hold()
    return servers


def free_port() -> int:
    """Return a port that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(url: str) -> None:
    """Wait until something answers."""
    give_up = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(url + "/metrics", timeout=30).close()  # noqa: S310 - our own loopback
        except OSError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.05)
        else:
            return


def compare(servers: Iterable[Server]) -> int:
    """Make sure that all serve the same, in text as in the measured format; return how many samples it is."""
    expected: dict[Series, float] = {}
    for server in servers:
        with server.turn():
            scraper = Scraper(server.url)
            plain, measured = scraper.text(), unzipped(scraper.get())
            scraper.close()
        if server.name == "blackbox_exporter":
            continue
        found = samples(plain)
        expected = expected or found
        if found.keys() != expected.keys():
            raise RuntimeError(f"{server.name} serves other samples: {len(found)}, not {len(expected)}")
        if server.name == ANCHOR and sum(found[key] != expected[key] for key in found) > len(found) / 100:
            raise RuntimeError(f"{server.name} serves other values")
        lines = sum(1 for line in measured.splitlines() if OWN.match(line))
        # Created timestamps are prometheus_client's; a gauge has none.
        if lines != len(expected):
            raise RuntimeError(f"{server.name} serves {lines} samples to Prometheus, not {len(expected)}")
    return len(expected)


def unzipped(body: bytes) -> str:
    """Return the text of a compressed body."""
    return gzip.decompress(body).decode()


def measure(server: Server, connections: int, seconds: int) -> None:
    """Load one server for a while."""
    with server.turn():
        before = server.child.cpu()
        seen = wrk(server.url + "/metrics", connections=connections, seconds=seconds)
        used = server.child.cpu() - before
        server.resident = server.child.resident()
    cell = server.cells[connections]
    cell.p50.append(seen.p50)
    cell.p99.append(seen.p99)
    cell.cpu.append(used / seen.requests * 1000 if seen.requests else math.nan)


def rest(servers: Sequence[Server], seconds: float) -> None:
    """Weigh all servers while nobody asks them."""
    with ExitStack() as turns:
        for server in servers:
            turns.enter_context(server.turn())
        before, started = [server.child.cpu() for server in servers], time.monotonic()
        time.sleep(seconds)
        for server, used in zip(servers, before, strict=True):
            server.rest = (server.child.cpu() - used) / (time.monotonic() - started)


def slow(server: Server, connections: int, seconds: int) -> bool:
    """Tell whether a round is too short for this server to answer every connection a few times."""
    p50 = median(server.cells[1].p50)
    return p50 / 1000 * connections * 3 > seconds


def one_size(series: int, size: tuple[int, int], *, rounds: int, seconds: int) -> None:
    """Measure every server at one size, and print."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = start(stack, size, folder)
        count = compare(servers)
        for turn in range(rounds):
            for connections in CONNECTIONS:
                for server in servers:
                    progress(f"{series} series, round {turn + 1}, {connections} connections: {server.name}")
                    lasting = seconds
                    if connections > 1 and slow(server, connections, seconds):
                        if turn > 0:
                            # Once, and for longer: it answers a few requests a second.
                            continue
                        lasting = 10 if rounds > 1 else 4
                    measure(server, connections, lasting)
        progress(f"{series} series, at rest")
        rest(servers, (2 if rounds == 1 else 5) * seconds)
        progress(f"{series} series, apart")
        apart(servers, seconds=4.0 if rounds == 1 else 12.0)
        polling = servers[1]
        with polling.turn(), paced(polling.url, every=0.02) as calm:
            time.sleep(2 if rounds == 1 else 3)
        report(count, servers)
        say(
            f"A scrape every 20 ms from one client, ours with polls, {count:,} series: "
            f"p50 {show(calm.p50)} ms, p99 {show(calm.p99)} ms, longest {show(quantile(calm.values, 1))} ms "
            f"of {len(calm.values)} scrapes.\n"
        )


def apart(servers: Sequence[Server], seconds: float) -> None:
    """Ask each server now and then; ours without polls only when its exposition has expired."""
    with ExitStack() as turns:
        for server in servers:
            turns.enter_context(server.turn())
        scrapers = [Scraper(server.url) for server in servers]
        before = [server.child.cpu() for server in servers]
        asked = time.monotonic()
        for lasted in ticks(every=APART, seconds=seconds):
            for server, scraper in zip(servers, scrapers, strict=True):
                if server is servers[0]:
                    if time.monotonic() - asked < MAX_VALID + 0.1:
                        continue
                    asked = time.monotonic()
                started = time.perf_counter()
                scraper.get()
                if lasted > 0:
                    server.first.append((time.perf_counter() - started) * 1000)
        for server, used, scraper in zip(servers, before, scrapers, strict=True):
            # The first round was not timed.
            times = len(server.first) + (server is not servers[0])
            server.first_cpu = (server.child.cpu() - used) / times if times else math.nan
            scraper.close()


def report(count: int, servers: Sequence[Server]) -> None:
    """Print the tables of one size."""
    anchor = next(server for server in servers if server.name == ANCHOR)
    for connections in CONNECTIONS:
        theirs = anchor.cells[connections]
        rows: list[list[str]] = []
        for server in servers:
            cell = server.cells[connections]
            rows.append(
                [
                    server.name,
                    ratio(ratios(cell.p50, theirs.p50)),
                    ratio(ratios(cell.p99, theirs.p99)),
                    ratio(ratios(cell.cpu, theirs.cpu)),
                    show(median(cell.p50)),
                    show(median(cell.p99)),
                    show(median(cell.cpu)),
                ]
            )
        say(f"**{count:,} series, {connections} connection{'s' if connections > 1 else ''}, gzip**\n")
        table(
            [
                "server",
                "p50 / ne",
                "p99 / ne",
                "CPU / ne",
                "p50 ms",
                "p99 ms",
                "CPU-s per 1,000 scrapes",
            ],
            rows,
        )
    say(f"**{count:,} series: scrapes {APART:g} s apart, each of another exposition, gzip**\n")
    table(
        ["server", "median / ne", "longest / ne", "median ms", "longest ms", "scrapes"],
        [
            [
                server.name,
                ratio(median(server.first) / median(anchor.first)),
                ratio(quantile(server.first, 1) / quantile(anchor.first, 1)),
                show(median(server.first)),
                show(quantile(server.first, 1)),
                f"{len(server.first)}",
            ]
            for server in servers
        ],
    )
    say(f"**{count:,} series: memory, and CPU with one scrape every {SCRAPE_INTERVAL:g} s**\n")
    weights = {server.name: standing(server) for server in servers}
    table(
        [
            "server",
            "standing CPU / ne",
            "RSS / ne",
            "standing CPU, % of a core",
            "of it without any scrape",
            "RSS MiB",
            "body KiB",
        ],
        [
            [
                server.name,
                ratio(weights[server.name] / weights[ANCHOR]),
                ratio(server.resident / anchor.resident),
                show(weights[server.name] * 100),
                show(server.rest * 100),
                show(server.resident),
                show(server.body / 1024),
            ]
            for server in servers
        ],
    )


def standing(server: Server) -> float:
    """Return the share of a core that it needs when one Prometheus scrapes it at its usual pace."""
    scrape = median(server.cells[1].cpu) / 1000
    if server.name.startswith("ours"):
        # There, its scrapes cost more than wrk's: they find nothing that is compressed already.
        gap = APART if "polls" in server.name else MAX_VALID
        # NaN, where it was too short to expire, is no number to be the larger one.
        scrape = max(scrape, server.first_cpu - server.rest * gap)
    return server.rest + scrape / SCRAPE_INTERVAL


def run(options: Options) -> None:
    """Measure every size."""
    unpack_tools()
    say("`ne` is node_exporter with the textfile collector; a ratio below 1x is better than it.\n")
    sizes = {5_000: SIZES[5_000]} if options.quick else SIZES
    for series, size in sizes.items():
        seconds = math.ceil(options.seconds or 1)
        one_size(series, size, rounds=1 if options.quick else 3, seconds=seconds)


if __name__ == "__main__":
    sys.exit(main(run, __doc__))
