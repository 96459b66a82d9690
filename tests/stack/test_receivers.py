"""What each way to reach a person is sent, by a real Alertmanager with everything switched on."""

import json
import re
import shutil
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from mt5_exporter.market import BUILT_IN
from tests.stack.options import options, with_options
from tests.stack.program import Program, free_ports, replaced, wait_for
from tests.stack.receiver import Receiver
from tests.stack.scaling import scaled
from tests.stack.sinks import Mail, Web
from tests.stack.stack import ALERTS
from tests.stack.tools import Pair

SHIPPED = (ALERTS / "alertmanager.yml").read_text()
FACTOR = 12


@contextmanager
def alertmanager(pair: Pair, text: str, folder: Path) -> Iterator[str]:
    """Run Alertmanager with a configuration, and yield its address."""
    shutil.copytree(ALERTS / "templates", folder / "templates")
    (folder / "alertmanager.yml").write_text(scaled(text, FACTOR))
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    arguments = [
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={url.removeprefix('http://')}",
        "--cluster.listen-address=",
    ]
    with Program(
        "alertmanager", pair.alertmanager(arguments), folder=folder, ready=f"{url}/-/ready"
    ) as program:
        program.wait_ready()
        yield url


def post(url: str, *alerts: Mapping[str, object]) -> None:
    """Tell Alertmanager of alerts, as Prometheus does."""
    asked = urllib.request.Request(  # noqa: S310 - our own loopback
        f"{url}/api/v2/alerts",
        data=json.dumps(alerts).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310 - our own loopback
        assert answer.status == 200


class Body:
    """A JSON body, of which one asks by the way to a text in it."""

    def __init__(self, found: object) -> None:
        self._found = found

    def __getitem__(self, way: str | tuple[str | int, ...]) -> str:
        found = self._found
        for step in (way,) if isinstance(way, str) else way:
            if isinstance(step, int):
                assert isinstance(found, list)
                found = found[step]
            else:
                assert isinstance(found, dict)
                found = found[step]
        return str(found)


RUNBOOK = "https://runbooks.example.com/MT5NearStopOut.md"
DASHBOARD = "https://grafana.example.com/d/mt5-risk?var-job=a&var-terminal=desk-1"


def alert(number: int = 1, **labels: str) -> Mapping[str, object]:
    return {
        "labels": {
            "alertname": "MT5NearStopOut",
            "severity": "critical",
            "job": "mt5-exporter",
            "instance": "host:10685",
            "terminal": "desk-1",
            **labels,
        },
        "annotations": {
            "summary": "The broker's margin call is reached.",
            "description": f"<desk & {number}>: 12.50 left",
            "runbook_url": RUNBOOK,
            "dashboard_url": DASHBOARD,
        },
    }


def test_each_receiver_says_what_to_do_in_its_own_form(pair: Pair, tmp_path: Path) -> None:
    with Web() as web, Mail() as mail, Receiver() as webhook:
        text = with_options(SHIPPED, range(len(options(SHIPPED))), pair.alertmanager_version)
        text = replaced(
            text,
            ("127.0.0.1:10686", f"127.0.0.1:{webhook.port}"),
            ("smarthost: smtp.example.com:587", f"smarthost: {mail.address}\n        require_tls: false"),
            (
                "\nroute:\n",
                (
                    f"\nglobal:\n  pagerduty_url: http://{web.address}/pagerduty\n"
                    f"  telegram_api_url: http://{web.address}/telegram\n\nroute:\n"
                ),
            ),
        )
        secrets = tmp_path / "secrets"
        text = text.replace("/etc/alertmanager/secrets", str(secrets))
        secrets.mkdir()
        for name, secret in {
            "pagerduty": "pagerduty-key",
            "slack": f"http://{web.address}/slack",
            "telegram": "secret",
            "smtp": "mail-password",
            "deadman": f"http://127.0.0.1:{webhook.port}/secret",
        }.items():
            (secrets / name).write_text(secret)

        with alertmanager(pair, text, tmp_path) as url:
            post(url, *(alert(number, symbol=f"S{number:02}") for number in range(12)))
            paths = {"/pagerduty", "/slack", "/telegram/botsecret/sendMessage"}
            wait_for(
                lambda: web.bodies.keys() >= paths and bool(mail.letters) and bool(webhook.told()),
                seconds=30,
                what=lambda: f"{web.bodies.keys()}, {len(mail.letters)} mails",
            )

    title = "[CRITICAL] MT5NearStopOut desk-1"
    pagerduty, slack = Body(web.bodies["/pagerduty"]), Body(web.bodies["/slack"])
    telegram = Body(web.bodies["/telegram/botsecret/sendMessage"])
    assert pagerduty["routing_key"] == "pagerduty-key"
    assert pagerduty["client_url"] == DASHBOARD
    assert (pagerduty["payload", "summary"], pagerduty["payload", "severity"]) == (title, "critical")
    told = pagerduty["payload", "custom_details", "alerts"]
    assert "<desk & 0>: 12.50 left" in told
    assert f"Runbook: {RUNBOOK}" in told
    assert told.count("12.50 left") == 10
    assert "12 alerts in all." in told

    assert slack["channel"] == "#mt5-alerts"
    assert (slack["attachments", 0, "title"], slack["attachments", 0, "color"]) == (title, "danger")
    assert "&lt;desk &amp; 0&gt;: 12.50 left" in slack["attachments", 0, "text"]
    assert f"<{RUNBOOK}|Runbook>" in slack["attachments", 0, "text"]

    assert telegram["parse_mode"] == "HTML"
    assert telegram["text"].startswith(f"<b>{title}</b>")
    assert "&lt;desk &amp; 0&gt;: 12.50 left" in telegram["text"]
    assert f'<a href="{RUNBOOK}">Runbook</a>' in telegram["text"]
    assert len(telegram["text"]) < 4096

    letter = mail.letters[0]
    assert mail.logins[0].endswith("mail-password")
    assert letter.subject == title
    assert "<desk & 0>: 12.50 left" in letter.plain
    assert "&lt;desk &amp; 0&gt;: 12.50 left" in letter.html


def interval(name: str, now: datetime, *, on: bool) -> str:
    """Return the shipped file with an interval of that name that is on, or off, all day in New York."""
    day = now.astimezone(ZoneInfo("America/New_York")) + timedelta(days=0 if on else 3)
    fresh = f"  - name: {name}\n    time_intervals: [{{weekdays: [{day:%A}], location: America/New_York}}]\n"
    return re.sub(
        rf"  - name: {name}\n(?:    .*\n)+",
        fresh.lower().replace("america/new_york", "America/New_York"),
        SHIPPED,
    )


@pytest.mark.parametrize("on", [True, False])
def test_a_desk_is_left_alone_in_its_maintenance_and_no_longer(newer: Pair, tmp_path: Path, on: bool) -> None:
    shipped = interval("maintenance", datetime.now(UTC), on=on)
    text = with_options(shipped, range(len(options(shipped))), newer.alertmanager_version)
    # Only the webhooks: nobody else is there.
    text = re.sub(r"(?m)^    (pagerduty|slack|telegram|email)_configs:\n(?:      .*\n)+", "", text)
    text = re.sub(r"(?m)^      - url_file: .*\n        send_resolved: false\n", "", text)
    with Receiver() as webhook:
        text = replaced(text, ("127.0.0.1:10686", f"127.0.0.1:{webhook.port}"))
        with alertmanager(newer, text, tmp_path) as url:
            post(url, alert(desk="metals"), alert(desk="indices"))
            wait_for(
                lambda: len(webhook.told()) >= (1 if on else 2), seconds=20, what=lambda: str(webhook.told())
            )
            # Its group waited no longer than the other.
            time.sleep(2)
        told = {(one.receiver, one.label("desk")) for one in webhook.told()}

    assert told == ({("page", "indices")} | (set() if on else {("metals-page", "metals")}))


def test_the_weekend_is_that_of_the_exporters_own_calendar() -> None:
    (weekend,) = (
        entry for entry in yaml.safe_load(SHIPPED)["time_intervals"] if entry["name"] == "fx-weekend"
    )

    def muted(instant: datetime) -> bool:
        for part in weekend["time_intervals"]:
            local = instant.astimezone(ZoneInfo(part["location"]))
            minute = f"{local:%H:%M}"
            times = part.get("times", [{"start_time": "00:00", "end_time": "24:00"}])
            if f"{local:%A}".lower() in part["weekdays"] and any(
                time["start_time"] <= minute < time["end_time"] for time in times
            ):
                return True
        return False

    start = datetime(2026, 1, 1, tzinfo=UTC)
    for step in range(365 * 24 * 2):
        instant = start + timedelta(minutes=30 * step)
        assert muted(instant) != BUILT_IN["fx"].is_open(instant.timestamp()), instant
