"""The front page and its neighbours, as a browser gets them."""

import dataclasses
import html.parser

import pytest

from mt5_exporter.overview import ProbeView, ReadingView, TerminalView
from mt5_exporter.recent import Failure, Look
from mt5_exporter.reload import Outcome
from mt5_exporter.web.status import FEW
from tests.exposition.world import run
from tests.web.asgi import Answer, Front, Headers, ask

EVIL = "<script>alert(1)</script><img src=x onerror='alert(2)'>&amp;\""
NOW = 1_764_849_600.0

WELL = TerminalView(
    name="desk-1",
    driver="metatrader5",
    up=True,
    state="ready",
    since=NOW - 86_400,
    breaker="closed",
    failed_attempts=0,
    probes=(ProbeView(name="connection", status="passed", last_run=NOW - 5, last_success=NOW - 5),),
    readings=(ReadingView(name="account", age=5.0, stale_after=45.0),),
    recent=(Look(at=NOW - 5, seconds=0.125, failures=()),),
)
ILL = TerminalView(
    name="desk-2",
    driver="simulated",
    up=False,
    state="backoff",
    since=NOW - 60,
    breaker="half_open",
    failed_attempts=4,
    probes=(
        ProbeView(name="connection", status="failed", reason="no_ipc", message=EVIL, last_run=NOW - 5),
        ProbeView(name="data_feed", status="skipped", reason="connection_failed", last_success=NOW - 7300),
    ),
    readings=(
        ReadingView(name="account", age=61.0, stale_after=45.0, message=EVIL),
        ReadingView(name="deals", age=None, stale_after=45.0),
    ),
    recent=(
        Look(
            at=NOW - 5, seconds=None, failures=(Failure(probe="connection", reason="no_ipc", message=EVIL),)
        ),
        Look(at=NOW - 20, seconds=0.25, failures=()),
    ),
)


class Reader(html.parser.HTMLParser):
    """Collects a page's tags, attributes and texts, and whether each tag is closed in its turn."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.open: list[str] = []
        self.unfolded = 0
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.unfolded += tag == "details" and ("open", None) in attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        """What is read on it."""
        return " ".join(" ".join(self.texts).split())


def answer(front: Front, path: str = "/", *, method: str = "GET", headers: Headers = ()) -> Answer:
    return run(lambda: ask(front.application(), path, method=method, headers=headers))


def read(*terminals: TerminalView, outcome: Outcome | None = None) -> Reader:
    front = Front(terminals=terminals)
    front.outcome = outcome or front.outcome
    return Reader(answer(front).text)


def test_a_terminal_shows_its_session_breaker_probes_readings_and_past() -> None:
    text = read(WELL, ILL).text

    assert "2 terminals, 1 not well" in text
    assert "desk-1 up session ready since 2025-12-03 12:00:00 UTC , breaker closed" in text
    assert "desk-2 down simulated session backoff" in text
    assert "breaker half-open , 4 failed attempts in a row" in text
    assert "account fresh 5 s" in text
    assert "account stale 1 min 1 s" in text
    assert "deals stale never read" in text
    assert "data_feed skipped 2 h 1 min ago connection_failed" in text
    assert "The last 2 rounds, 1 failed" in text
    assert "between two failed connection no_ipc" in text
    assert "The last 1 rounds, none failed" in text


def test_all_is_well_where_nothing_failed() -> None:
    assert "1 terminal, all well" in read(WELL).text


def test_nothing_that_a_broker_says_is_html() -> None:
    reader = read(ILL)

    assert {"script", "img"}.isdisjoint(reader.tags)
    assert "onerror" not in reader.attributes
    assert reader.text.count(EVIL) == 3


def test_every_tag_is_closed_and_there_is_no_script() -> None:
    reader = read(WELL, ILL)

    assert reader.open == []
    assert "script" not in reader.tags
    assert {name for name in reader.attributes if name.startswith("on")} == set()
    assert "style" not in reader.attributes


def test_of_many_terminals_only_those_that_want_to_be_looked_at_are_unfolded() -> None:
    many = [dataclasses.replace(WELL, name=f"desk-{number}") for number in range(3, FEW + 3)]

    assert read(*many).unfolded == FEW
    assert read(*many, ILL).unfolded == 1


def test_a_large_fleet_has_a_page_of_bearable_size() -> None:
    many = tuple(dataclasses.replace(ILL, name=f"desk-{number}") for number in range(200))

    page = answer(Front(terminals=many))

    assert len(page.body) < 1_000_000
    assert Reader(page.text).unfolded == 200


def test_a_reload_that_failed_is_said_with_its_reason() -> None:
    failed = Outcome(successful=False, message=f"desk.yml:3: {EVIL}", at=NOW - 5)

    reader = read(WELL, outcome=failed)

    assert f"Not reloaded 5 s ago, the one before goes on: desk.yml:3: {EVIL}" in reader.text
    assert "script" not in reader.tags


def test_the_pages_let_nothing_foreign_in() -> None:
    page = answer(Front(terminals=(WELL,)))

    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["form-action"] == "'none'"
    assert policy["style-src"].startswith("'sha256-")
    assert "unsafe" not in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["content-type"] == "text/html; charset=utf-8"


# -- the configuration and its reload -------------------------------------------------------------------


def test_the_configuration_is_served_as_it_is_spelled() -> None:
    page = answer(Front(spelled="terminals: []\n"), "/config")

    assert (page.status, page.text) == (200, "terminals: []\n")
    assert page.headers["content-type"] == "text/plain; charset=utf-8"
    assert page.headers["x-content-type-options"] == "nosniff"


def test_a_reload_answers_with_what_has_changed() -> None:
    done = answer(Front(), "/-/reload", method="POST")

    assert (done.status, done.text) == (200, "configuration reloaded: no difference\n")


def test_a_reload_that_failed_answers_with_its_reason() -> None:
    failed = Outcome(successful=False, message="desk.yml:3: terminals: is missing", at=NOW)

    found = answer(Front(outcome=failed), "/-/reload", method="POST")

    assert found.status == 500
    assert found.text == (
        "configuration not reloaded, the one before goes on: desk.yml:3: terminals: is missing\n"
    )


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_looking_changes_nothing(method: str) -> None:
    refused = answer(Front(), "/-/reload", method=method)

    assert (refused.status, refused.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("site", "status"), [(b"cross-site", 403), (b"same-site", 403), (b"same-origin", 200), (b"none", 200)]
)
def test_another_sites_page_cannot_reload(site: bytes, status: int) -> None:
    found = answer(Front(), "/-/reload", method="POST", headers=[(b"sec-fetch-site", site)])

    assert found.status == status
