"""From flags and environment to a running exporter, and its exit status.

0: stopped as asked. 1: it could not run, say for a port in use. 2: the flags or the configuration are wrong.
"""

import argparse
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mt5_exporter import __version__

if TYPE_CHECKING:
    from mt5_exporter.config import Config
    from mt5_exporter.web.server import Address
    from mt5_exporter.web.watch import WebConfigFile

ENVIRONMENT = "MT5_EXPORTER_"
DEFAULT_ADDRESS = "127.0.0.1:10685"
PATH = re.compile(r"/|(?:/[A-Za-z0-9._~-]+)+/?")
TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"", "0", "false", "no", "off"})


class UsageError(Exception):
    """What the user must change; its text is the one line that is shown."""


def parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    """Return the flags, each with its twin in the environment as the default."""
    flags = argparse.ArgumentParser(
        prog="mt5-exporter",
        description="Prometheus exporter for MetaTrader 5 terminals.",
        epilog="Every flag has a twin in the environment: --log.level is MT5_EXPORTER_LOG_LEVEL.",
        allow_abbrev=False,
    )
    texts = (
        ("--config.file", "", "FILE", "configuration in YAML"),
        (
            "--config.auto-reload-interval",
            "30s",
            "SPAN",
            "how often to look for a change of it; 0s for never",
        ),
        ("--web.listen-address", DEFAULT_ADDRESS, "HOST:PORT", "where to serve; loopback by default"),
        ("--web.telemetry-path", "/metrics", "PATH", "where the metrics are"),
        ("--web.config.file", "", "FILE", "TLS, passwords and rate limit, in exporter-toolkit's format"),
        ("--web.max-requests", "40", "N", "scrapes at once before 503; 0 for no limit"),
        ("--web.max-connections", "512", "N", "connections at once; an idle one makes room; 0 for no limit"),
        ("--log.level", "info", "LEVEL", "debug, info, warn or error"),
        ("--log.format", "logfmt", "FORMAT", "logfmt or json"),
    )
    for flag, default, metavar, text in texts:
        twin = environ.get(variable(flag), default)
        shown = f"{text} (default: {default})" if default else text
        flags.add_argument(flag, dest=flag[2:], default=twin, metavar=metavar, help=shown)
    switches = (
        ("--config.check", "check the configuration and exit"),
        ("--demo", "run three simulated terminals instead of a configuration"),
        ("--web.disable-exporter-metrics", "leave out the metrics about the exporter itself"),
        ("--web.unauthenticated-health", "serve /-/healthy and /-/ready, their status alone, to anybody"),
        ("--web.allow-unauthenticated", "serve another address than loopback without authentication"),
    )
    for flag, text in switches:
        flags.add_argument(
            flag, dest=flag[2:], action="store_true", default=switched(flag, environ), help=text
        )
    version = f"mt5-exporter {__version__} (python {sys.version.split()[0]})"
    flags.add_argument("--version", action="version", version=version)
    return flags


def variable(flag: str) -> str:
    """Return a flag's name in the environment."""
    return ENVIRONMENT + flag.removeprefix("--").replace(".", "_").replace("-", "_").upper()


def switched(flag: str, environ: Mapping[str, str]) -> bool:
    """Return a switch's default.

    Raises:
        UsageError: The variable is neither a yes nor a no.
    """
    value = environ.get(variable(flag), "").lower()
    if value not in TRUE | FALSE:
        raise UsageError(f"{variable(flag)}: expected true or false")
    return value in TRUE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    try:
        return run(parser(os.environ).parse_args(arguments))
    except UsageError as wrong:
        sys.stderr.write(f"mt5-exporter: {wrong}\n")
        return 2


def run(flags: argparse.Namespace) -> int:
    """Do what the flags say.

    Raises:
        UsageError: They contradict each other, or the configuration is wrong.
    """
    options: dict[str, str | bool] = vars(flags)
    config = configuration(options)
    for warning in config.warnings:
        sys.stderr.write(f"mt5-exporter: warning: {warning}\n")
    if options["config.check"]:
        web_configuration(options)
        sys.stdout.write(f"{config.source}: {len(config.terminals)} terminals, no problem\n")
        return 0
    return serve(config, options)


def configuration(options: Mapping[str, str | bool]) -> "Config":
    """Return the configuration that the flags name."""
    from mt5_exporter.config import ConfigError  # noqa: PLC0415 - `--version` needs none of it

    if bool(options["config.file"]) == bool(options["demo"]):
        raise UsageError("give either --config.file=FILE or --demo")
    try:
        return load(options)
    except ConfigError as wrong:
        raise UsageError(str(wrong)) from wrong


def load(options: Mapping[str, str | bool]) -> "Config":
    """Return the configuration as it is now, at the start and whenever it is read again.

    Raises:
        ConfigError: It is wrong.
    """
    from mt5_exporter import config_file  # noqa: PLC0415 - as above

    file = str(options["config.file"])
    return config_file.load(file, os.environ) if file else config_file.demo()


def address(options: Mapping[str, str | bool], *, authenticates: bool = False) -> "Address":
    """Return where to listen, if that may be listened on with no more authentication than there is."""
    from mt5_exporter.web.server import Address, ListenError  # noqa: PLC0415 - as above

    try:
        found = Address.parse(str(options["web.listen-address"]))
    except ListenError as wrong:
        raise UsageError(str(wrong)) from wrong
    if not (found.loopback or authenticates or options["web.allow-unauthenticated"]):
        raise UsageError(
            f"{found} can be reached from other machines and nothing there asks for a password: "
            "listen on 127.0.0.1, give a --web.config.file with basic_auth_users or client certificates, "
            "or say --web.allow-unauthenticated"
        )
    return found


def web_configuration(options: Mapping[str, str | bool]) -> "WebConfigFile | None":
    """Return the web configuration that the flags name, after its warnings."""
    from mt5_exporter.config import ConfigError  # noqa: PLC0415 - as above
    from mt5_exporter.web.watch import WebConfigFile  # noqa: PLC0415

    name = str(options["web.config.file"])
    if not name:
        return None
    try:
        file = WebConfigFile(name)
    except ConfigError as wrong:
        raise UsageError(str(wrong)) from wrong
    for warning in file.current.warnings:
        sys.stderr.write(f"mt5-exporter: warning: {warning}\n")
    return file


def serve(config: "Config", options: Mapping[str, str | bool]) -> int:
    """Serve until a signal comes."""
    early = signals_until_the_loop_runs()
    from mt5_exporter import logs  # noqa: PLC0415 - as above
    from mt5_exporter.app import App  # noqa: PLC0415
    from mt5_exporter.app import serve as serve_app  # noqa: PLC0415
    from mt5_exporter.secret import Redactor  # noqa: PLC0415
    from mt5_exporter.web.front import WebSettings  # noqa: PLC0415
    from mt5_exporter.web.server import ListenError, listen  # noqa: PLC0415

    file = web_configuration(options)
    redactor = Redactor()
    for secret in config.secrets:
        redactor.learn(secret)
    level = one_of(options, "log.level", tuple(logs.LEVELS))
    logs.set_up(level=level, kind=one_of(options, "log.format", logs.FORMATS), redactor=redactor)
    web = WebSettings(
        telemetry_path=path(options, "web.telemetry-path"),
        max_requests=whole_number(options, "web.max-requests"),
        max_connections=whole_number(options, "web.max-connections"),
        exporter_metrics=not options["web.disable-exporter-metrics"],
        open_health=bool(options["web.unauthenticated-health"]),
        file=file,
    )
    where = address(options, authenticates=file is not None and file.current.authenticates)
    try:
        sockets = listen(where)
    except ListenError as wrong:
        sys.stderr.write(f"mt5-exporter: {wrong}\n")
        return 1
    bound = sockets[0].getsockname()[1]
    reload_interval = span(options, "config.auto-reload-interval")
    scheme = "https" if file is not None and file.current.tls else "http"
    logs.announce(config, f"{scheme}://{where.at_port(bound)}{web.telemetry_path}")
    app = App(
        config,
        web=web,
        redactor=redactor,
        load=lambda: load(options),
        reload_interval=reload_interval,
    )
    return serve_app(app, sockets, early)


def signals_until_the_loop_runs() -> list[int]:
    """Return a list that takes signals until the event loop does; a second one to stop means now."""
    early: list[int] = []
    stops = (signal.SIGINT, signal.SIGTERM)

    def take(number: int, frame: object) -> None:
        del frame
        if number in stops and any(before in stops for before in early):
            os._exit(1)
        early.append(number)

    for number in stops:
        signal.signal(number, take)
    if hasattr(signal, "SIGHUP"):
        # It would end us; what it asks for is done as soon as it can be.
        signal.signal(signal.SIGHUP, take)
    return early


def one_of(options: Mapping[str, str | bool], flag: str, words: Sequence[str]) -> str:
    """Return a flag's value out of a few."""
    value = str(options[flag])
    if value not in words:
        raise UsageError(f"--{flag}: expected {', '.join(words)}, was {value!r}")
    return value


def path(options: Mapping[str, str | bool], flag: str) -> str:
    """Return a flag's value as a path of a URL."""
    value = str(options[flag])
    if not PATH.fullmatch(value) or value.startswith("/-/"):
        raise UsageError(f"--{flag}: expected a path such as /metrics, was {value!r}")
    return value


def whole_number(options: Mapping[str, str | bool], flag: str) -> int:
    """Return a flag's value as a number from 0."""
    value = str(options[flag])
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise UsageError(f"--{flag}: expected a whole number, was {value!r}")
    return int(value)


def span(options: Mapping[str, str | bool], flag: str) -> float:
    """Return a flag's value as seconds: 0s, or from 1s to 1h."""
    from mt5_exporter.scalars import read_duration  # noqa: PLC0415 - as above

    value = str(options[flag])
    seconds = read_duration(value)
    if seconds is None or not (seconds == 0 or 1 <= seconds <= 3600):
        raise UsageError(f"--{flag}: expected 0s, or a duration from 1s to 1h, was {value!r}")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
