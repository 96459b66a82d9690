"""`mt5tool`: checks for people and for health checks, as promtool and amtool do for theirs.

0: all is well. 1: it is not. 2: the command line or the configuration is wrong.
"""

import argparse
import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mt5_exporter import __version__, config_file, shipment
from mt5_exporter.config import Config, ConfigError
from mt5_exporter.health import Asking, NoAnswer, ask
from mt5_exporter.manager import MT5SessionManager
from mt5_exporter.report import Report, probe
from mt5_exporter.schema import schema
from mt5_exporter.tables import cut, prose, tables
from mt5_exporter.web import web_config_file

MAX_NAME = 40
"""Columns of a terminal's name beside its probes; with them a line has 100."""


def parser() -> argparse.ArgumentParser:
    """Return the subcommands."""
    tool = argparse.ArgumentParser(prog="mt5tool", description="Tools for mt5-exporter.", allow_abbrev=False)
    tool.add_argument("--version", action="version", version=f"mt5tool {__version__}")
    commands = tool.add_subparsers(dest="command", required=True)
    checks = commands.add_parser("check", help="check a file or an exporter").add_subparsers(
        dest="what", required=True
    )
    of_config = checks.add_parser("config", help="check a configuration file")
    of_config.add_argument("file")
    of_config.set_defaults(run=lambda options: check_config(options.file))
    of_web_config = checks.add_parser("web-config", help="check a web configuration file")
    of_web_config.add_argument("file")
    of_web_config.set_defaults(run=lambda options: check_web_config(options.file))
    of_health = checks.add_parser("health", help="ask an exporter whether it is healthy")
    of_health.add_argument("url", help="such as http://127.0.0.1:10685")
    texts = (
        ("--ca-file", "verify its certificate against this PEM file, not the system's own"),
        ("--server-name", "the name in its certificate, where the address has another"),
        ("--user", "name for Basic authentication"),
        ("--password-file", "the password in a file"),
        ("--cert-file", "our own certificate and key in one PEM file"),
    )
    for flag, text in texts:
        of_health.add_argument(flag, default="", help=text)
    of_health.add_argument("--insecure", action="store_true", help="take any certificate")
    of_health.set_defaults(run=lambda options: check_health(asking(options)))
    probing = commands.add_parser("probe", help="poll each terminal once and show what it says")
    probing.add_argument("--config.file", dest="file", default="", help="configuration in YAML")
    probing.add_argument("--demo", action="store_true", help="the three simulated terminals")
    probing.add_argument("name", nargs="?", help="one terminal instead of all")
    probing.set_defaults(
        run=lambda options: probe_command(options.file, demo=options.demo, name=options.name)
    )
    bundling = commands.add_parser("bundle", help="write rules, runbooks and dashboards to a folder")
    bundling.add_argument("folder", metavar="DIR")
    bundling.add_argument("--overwrite", action="store_true", help="replace files that were changed there")
    bundling.set_defaults(run=lambda options: bundle(options.folder, overwrite=options.overwrite))
    printing = commands.add_parser("schema", help="print the JSON Schema of the configuration, for editors")
    printing.set_defaults(run=lambda _: print_schema())
    return tool


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    options = parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except ConfigError as wrong:
        sys.stderr.write(f"mt5tool: {wrong}\n")
        return 2
    return status


def asking(options: argparse.Namespace) -> Asking:
    """Return what `check health` was told."""
    return Asking(
        url=options.url,
        ca_file=options.ca_file,
        server_name=options.server_name,
        insecure=options.insecure,
        user=options.user,
        password_file=options.password_file,
        cert_file=options.cert_file,
    )


def print_schema() -> int:
    """Print what editors need to know of a configuration."""
    sys.stdout.write(json.dumps(schema(), indent=2) + "\n")
    return 0


def check_config(file: str) -> int:
    """Say whether a configuration file can be used."""
    found = config_file.load(file, os.environ)
    for warning in found.warnings:
        sys.stderr.write(f"mt5tool: warning: {warning}\n")
    sys.stdout.write(f"{file}: {len(found.terminals)} terminals, no problem\n")
    return 0


def check_web_config(file: str) -> int:
    """Say whether a web configuration file can be used, with the certificates that it names."""
    found = web_config_file.load(file)
    for warning in found.warnings:
        sys.stderr.write(f"mt5tool: warning: {warning}\n")
    tls = "TLS" if found.tls else "no TLS"
    by = "authentication" if found.authenticates else "no authentication"
    sys.stdout.write(f"{file}: {tls}, {by}, no problem\n")
    return 0


def check_health(asked: Asking) -> int:
    """Ask `/-/healthy`, for a container's health check."""
    try:
        status, text = ask(asked)
    except NoAnswer as failure:
        sys.stderr.write(f"mt5tool: {asked.url} does not answer: {failure}\n")
        return 1
    if status == 200:
        sys.stdout.write(text)
        return 0
    sys.stderr.write(f"mt5tool: {asked.url} answers {status}: {text.strip()}\n")
    return 1


def probe_command(file: str, *, demo: bool, name: str | None) -> int:
    """Poll the terminals of a configuration once each, and print a table.

    Raises:
        ConfigError: The configuration is wrong, or has no such terminal.
    """
    if bool(file) == demo:
        raise ConfigError("probe: give either --config.file=FILE or --demo")
    found = config_file.demo() if demo else config_file.load(file, os.environ)
    names = [terminal.name for terminal in found.terminals]
    if name is not None and name not in names:
        raise ConfigError(f"probe: no terminal {name!r}; configured are {', '.join(names)}")
    reports = asyncio.run(_probe(found, [name] if name is not None else names))
    lines = [*table(reports)]
    for report in reports:
        terminal = next(known for known in found.terminals if known.name == report.terminal)
        lines += tables(found, terminal, report.poll)
    say(lines)
    return 0 if all(report.healthy for report in reports) else 1


def bundle(folder: str, *, overwrite: bool) -> int:
    """Write what comes along for Prometheus, Alertmanager and Grafana to a folder."""
    try:
        written = shipment.write(Path(folder), overwrite=overwrite)
    except shipment.Occupied as occupied:
        sys.stderr.write(f"mt5tool: bundle: {occupied}; nothing was written, --overwrite replaces them\n")
        return 1
    except OSError as failure:
        sys.stderr.write(f"mt5tool: bundle: {failure.filename or folder}: {failure.strerror}\n")
        return 1
    counts = Counter(item.path.parts[0] for item in written)
    told = [f"{counts[part]} {part}" for part in ("dashboards", "rules", "runbooks")]
    sys.stdout.write(f"{folder}: {len(written)} files, {', '.join(told)} among them\n")
    return 0


async def _probe(found: Config, names: Sequence[str]) -> list[Report]:
    wanted = tuple(terminal for terminal in found.terminals if terminal.name in names)
    patience = max(terminal.start_timeout + terminal.connect_timeout for terminal in wanted)
    chosen = Config(
        terminals=wanted,
        connect_rate=found.connect_rate,
        connect_burst=found.connect_burst,
        calendars=found.calendars,
    )
    async with MT5SessionManager(chosen) as manager:
        await manager.wait_settled(timeout=patience)
        return list(await asyncio.gather(*(probe(manager, name) for name in names)))


def table(reports: Sequence[Report]) -> list[str]:
    """Return the lines of a table of the probes, and of each problem below."""
    rows: list[tuple[str, ...]] = [
        ("TERMINAL", "CONNECTION", "AUTHENTICATION", "DATA FEED", "LATENCY", "ROUND TRIP")
    ]
    for report in reports:
        round_trip = f"{report.latency_ms:.1f} ms" if report.latency_ms is not None else "-"
        statuses = (report.connection, report.authentication, report.data_feed, report.latency)
        rows.append((cut(report.terminal, MAX_NAME), *(status.value for status in statuses), round_trip))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    for report in reports:
        for problem in report.problems:
            lines += prose(f"{report.terminal}: {problem}", indent="")
    return [line.rstrip() for line in lines]


def say(lines: Sequence[str]) -> None:
    """Print lines, whatever the terminal that they go to can show."""
    encoding = sys.stdout.encoding or "utf-8"
    text = "".join(f"{line}\n" for line in lines)
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))


if __name__ == "__main__":
    sys.exit(main())
