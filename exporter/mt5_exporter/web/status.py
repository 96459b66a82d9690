"""The front page: every terminal, what its probes say and said, and how fresh its readings are."""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from html import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mt5_exporter import __version__
from mt5_exporter.overview import Overview, ProbeView, ReadingView, TerminalView
from mt5_exporter.recent import Look
from mt5_exporter.threads import off_loop
from mt5_exporter.web.config_page import CONFIG
from mt5_exporter.web.html_page import page
from mt5_exporter.web.targets import TARGETS

FEW = 8
"""Terminals that are all shown in full; of more, those that want to be looked at are."""

ROWS = 60
"""Rows of a terminal, roughly, which decide whether a thread writes the page."""


def status_page(overview: Callable[[], Overview], telemetry_path: str) -> Route:
    """Return the route."""

    async def show(request: Request) -> Response:
        del request
        found = overview()
        body = await off_loop(ROWS * len(found.terminals), write, found, telemetry_path)
        return page("mt5-exporter", body)

    return Route("/", show)


def write(overview: Overview, telemetry_path: str) -> str:
    """Return the page's body."""
    links = (
        (telemetry_path, "Metrics"),
        (CONFIG, "Configuration"),
        (TARGETS, "Targets"),
        ("/-/healthy", "Healthy"),
        ("/-/ready", "Ready"),
    )
    ill = sum(not terminal.well for terminal in overview.terminals)
    total = len(overview.terminals)
    verdict = f'<span class="bad">{ill} not well</span>' if ill else '<span class="good">all well</span>'
    everything = total <= FEW
    return "".join(
        (
            f"<h1>mt5-exporter {escape(__version__)}</h1>\n",
            f"<p>{total} terminal{'' if total == 1 else 's'}, {verdict}, at {_moment(overview.now)}</p>\n",
            _reload(overview),
            "<nav>",
            *(f'<a href="{escape(path)}">{escape(text)}</a>' for path, text in links),
            "</nav>\n<main>\n",
            *(
                _terminal(terminal, overview.now, unfolded=everything or not terminal.well)
                for terminal in overview.terminals
            ),
            "</main>\n",
        )
    )


def _reload(overview: Overview) -> str:
    said = f'<p class="soft">Configuration {escape(overview.hash)}'
    if not overview.reload_at:
        return f"{said}</p>\n"
    if overview.reload_successful:
        return f"{said}, read {_ago(overview.now, overview.reload_at)}</p>\n"
    return (
        f'{said}</p>\n<p class="bad">Not reloaded {_ago(overview.now, overview.reload_at)}, the one before '
        f"goes on: {escape(overview.reload_message)}</p>\n"
    )


def _terminal(terminal: TerminalView, now: float, *, unfolded: bool) -> str:
    up = '<span class="good">up</span>' if terminal.up else '<span class="bad">down</span>'
    simulated = ' <span class="odd">simulated</span>' if terminal.driver == "simulated" else ""
    state = f"session {escape(terminal.state or 'unknown')}"
    if terminal.since:
        state += f" since {_moment(terminal.since)}"
    attempts = terminal.failed_attempts
    failed = f', <span class="bad">{attempts} failed attempts in a row</span>' if attempts else ""
    breaker = escape(terminal.breaker.replace("_", "-") or "unknown")
    kind = {"closed": "good", "open": "bad"}.get(terminal.breaker, "odd")
    return (
        f'<details class="terminal"{" open" if unfolded else ""}>\n'
        f"<summary><b>{escape(terminal.name)}</b> {up}{simulated}</summary>\n"
        f'<p>{state}, breaker <span class="{kind}">{breaker}</span>{failed}</p>\n'
        f'<div class="sides">\n<section>\n<h3>Probes</h3>\n{_probes(terminal.probes, now)}</section>\n'
        f"<section>\n<h3>Readings</h3>\n{_readings(terminal.readings)}</section>\n</div>\n"
        f"{_recent(terminal.recent)}</details>\n"
    )


def _probes(probes: Iterable[ProbeView], now: float) -> str:
    rows = (
        (
            escape(probe.name),
            f'<span class="{_kind(probe.status)}">{escape(probe.status)}</span>',
            _ago(now, probe.last_success) if probe.last_success else "never",
            _why(probe.reason, probe.message),
        )
        for probe in probes
    )
    return _table(("Probe", "Result", "Last passed"), rows)


def _readings(readings: Iterable[ReadingView]) -> str:
    rows = (
        (
            escape(reading.name),
            '<span class="good">fresh</span>' if reading.fresh else '<span class="bad">stale</span>',
            "never read" if reading.age is None else _span(reading.age),
            escape(reading.message),
        )
        for reading in readings
    )
    return _table(("Reading", "Is", "Age"), rows)


def _recent(recent: Sequence[Look]) -> str:
    failed = sum(bool(look.failures) for look in recent)
    rows = ((_moment(look.at), _took(look), _result(look), _found(look)) for look in recent)
    word = f'<span class="bad">{failed} failed</span>' if failed else "none failed"
    return (
        f"<details>\n<summary>The last {len(recent)} rounds, {word}</summary>\n"
        '<p class="soft">Failed ones are kept for longer.</p>\n'
        f"{_table(('When', 'Took', 'Result'), rows)}</details>\n"
    )


def _took(look: Look) -> str:
    return "between two" if look.seconds is None else f"{look.seconds:.3f} s"


def _result(look: Look) -> str:
    return '<span class="bad">failed</span>' if look.failures else '<span class="good">passed</span>'


def _found(look: Look) -> str:
    return "<br>".join(
        f"{escape(failure.probe)} {_why(failure.reason, failure.message)}" for failure in look.failures
    )


def _why(reason: str, message: str) -> str:
    return escape(f"{reason}: {message}" if reason and message else reason or message)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of HTML; a row's first cell is its head, its last has the width to itself."""
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>\n'
        + (f'<tr class="why"><td colspan="{len(heads)}">{why}</td></tr>\n' if why else "")
        for first, *cells, why in rows
    )
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n"


def _kind(status: str) -> str:
    return {"passed": "good", "failed": "bad"}.get(status, "odd")


def _moment(at: float) -> str:
    found = dt.datetime.fromtimestamp(at, dt.UTC)
    return f'<time datetime="{found:%Y-%m-%dT%H:%M:%SZ}">{found:%Y-%m-%d %H:%M:%S} UTC</time>'


def _ago(now: float, at: float) -> str:
    return f"{_span(now - at)} ago"


def _span(seconds: float) -> str:
    """Return a span of time in its two largest units."""
    left = max(0, round(seconds))
    parts: list[str] = []
    for name, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or (name == "s" and not parts):
            parts.append(f"{count} {name}")
    return " ".join(parts[:2])
