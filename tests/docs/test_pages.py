"""What the pages of docs/ show is what there is: commands, configurations, links, codes, figures."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
import yaml

from mt5_exporter import config_file
from mt5_exporter.errors import COUNTED, VERDICTS, classify
from mt5_exporter.schema import schema
from tests.conftest import ROOT
from tests.docs import commands, pages
from tests.docs.pages import DOCS, PAGES, Block
from tests.far.bridge import PATH, attach, bridge, driver
from tests.process.running import RunningExporter
from tests.scripted.world import World
from tests.unit.test_schema import plain

EXPECTED = {"containers.md", "robustness.md", "scale-out.md", "security.md"}
"""Pages that others bring: a link to one may lead nowhere until it is there."""

CONFIGURATION = "terminals: [{name: desk-1, driver: simulated, symbols: [BTCUSD], market: crypto}]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the files that the commands of the pages are about."""
    (tmp_path / "mt5-exporter.yml").write_text(CONFIGURATION)
    (tmp_path / "mt5-exporter.state.db").write_bytes(b"")
    (tmp_path / "desk-2.password").write_text("hunter2")
    return tmp_path


def test_every_block_is_of_a_kind_that_is_run_or_checked() -> None:
    kinds = {block.language for block in pages.blocks()}

    assert kinds == {"python", "yaml", "console", "powershell"}


def typed() -> list[tuple[str, str]]:
    """Return every command once, but for those of certificates, which follow from each other."""
    found = {line: block for block, line in pages.commands() if "openssl" not in block.text}
    return [(block.language, line) for line, block in found.items()]


@pytest.mark.parametrize(("language", "line"), typed(), ids=[line for _, line in typed()])
def test_a_command_works_or_its_program_takes_it(language: str, line: str, folder: Path) -> None:
    commands.check(commands.words(line, windows=language == "powershell"), folder)


def test_what_is_not_run_is_on_a_page() -> None:
    programs = {
        commands.words(line, windows=block.language == "powershell")[0] for block, line in pages.commands()
    }

    assert set(commands.NOT_HERE) <= programs


def test_the_health_check_of_the_pages_finds_a_healthy_exporter(tmp_path: Path) -> None:
    [line] = {line for _, line in pages.commands() if line.startswith("mt5tool check health")}
    (tmp_path / "mt5-exporter.yml").write_text(CONFIGURATION)
    with RunningExporter(["--config.file=mt5-exporter.yml"], directory=tmp_path) as running:
        words = commands.words(line.replace("http://127.0.0.1:10685", running.url))

        commands.run([str(commands.BIN / words[0]), *words[1:]], tmp_path)

        state = tmp_path / "mt5-exporter.state.db"
        running.wait_for(lambda _: state.exists(), seconds=30, what="a state file")
        assert running.stop() == 0
    # What the page on backups says of a stopped exporter.
    assert state.exists()
    assert not (tmp_path / "mt5-exporter.state.db-wal").exists()


def certificates() -> Block:
    [block] = [block for block in pages.blocks("console") if "openssl" in block.text]
    return block


def test_the_certificates_of_the_page_let_us_through_and_nobody_without_one(
    tmp_path: Path, tool: Callable[[str], str]
) -> None:
    tool("openssl")
    lines = [line for block, line in pages.commands() if block == certificates()]
    for line in lines:
        commands.check(commands.words(line), tmp_path)
    shown = next(block for block in pages.blocks("yaml") if "server_name" in block.text)
    [terminal] = config_file.loads(shown.text, "page", {}, tmp_path).terminals
    assert terminal.bridge is not None
    assert terminal.bridge.tls is not None
    tls = {key: str(value) for key, value in dataclasses.asdict(terminal.bridge.tls).items()}
    flags = [commands.absolute(word, tmp_path) for word in commands.words(lines[-1])]
    world = World(tmp_path / "world.db")

    with bridge(tmp_path, world, flags=flags[flags.index("--ssl-keyfile") :]) as running:
        ours = driver(running.port, tls=tls)
        through = attach(ours)
        stranger = attach(driver(running.port, tls={"ca_file": tls["ca_file"], "server_name": "bridge.desk"}))
        ours.api.shutdown()
    world.close()

    assert terminal.path != PATH
    assert through == (True, 1)
    assert not stranger[0]


@pytest.mark.parametrize("block", pages.blocks("yaml"), ids=lambda block: block.name)
def test_a_configuration_of_a_page_is_one(block: Block) -> None:
    content = yaml.safe_load(block.text)

    if "scrape_configs" in content:
        [job] = content["scrape_configs"]
        # The rules in alerts/ know the job by this name.
        assert job["job_name"] == "mt5-exporter"
        assert set(job) <= {"job_name", "scrape_interval", "static_configs"}
    else:
        found = config_file.loads(block.text, block.name, {}, Path())
        assert found.warnings == ()
        assert not list(jsonschema.Draft7Validator(schema()).iter_errors(plain(block.text)))


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for link in pages.links(page):
        file, _, anchor = link.partition("#")
        path = (DOCS / file).resolve() if file else DOCS / page
        if file in EXPECTED and not path.exists():
            continue
        assert path.exists(), link
        assert not anchor or anchor in pages.anchors(path), link


def test_the_index_has_every_page() -> None:
    there = {path.name for path in DOCS.glob("*.md")} - {"README.md"}

    assert there <= set(pages.links("README.md"))


def test_every_reason_of_the_troubleshooting_is_one_that_is_counted() -> None:
    rows = [line for line in pages.read("troubleshooting.md").splitlines() if line.startswith("| `")]
    named = {word for row in rows for word in re.findall(r"`(\w+)`", row.split("|")[1])}

    counted = {reason for _, reason in COUNTED}
    assert len(named) > 10
    assert named <= counted
    assert {reason for kind, reason in COUNTED if kind == "connection"} - {"call_failed"} <= named


def test_every_code_of_mt5_is_there_with_what_it_is_counted_as() -> None:
    rows = re.findall(r"^\| (-\d+) \|[^|]*\| ([^|]*) \|", pages.read("troubleshooting.md"), re.MULTILINE)
    told = {int(code): set(re.findall(r"(\w+) `(\w+)`", counted)) for code, counted in rows}

    assert set(told) == {code for code in VERDICTS if -20000 < code < 0}
    for code, counted in told.items():
        for operation in ("symbol_info", "account_info", "symbols_get"):
            for connected in (True, False):
                verdict = classify(code, operation, connected=connected)
                assert (verdict.error.kind, verdict.reason) in counted, code


FIGURES = {
    "series": "series",
    "exporter, % of a core, interval 15 s": "exporter CPU, % of a core",
    "workers together, % of a core": "all workers' CPU, % of a core",
    "exporter's memory, MiB": "exporter RSS, MiB",
    "scrape p99, ms": "scrape p99, ms",
}


@pytest.mark.parametrize(("shown", "measured"), FIGURES.items(), ids=FIGURES)
def test_the_figures_of_the_sizing_are_those_of_the_benchmarks(shown: str, measured: str) -> None:
    ours = cells((DOCS / "operations.md").read_text(encoding="utf-8"), shown)
    theirs = cells((ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8"), measured)

    # Rounded to fewer digits, if at all.
    assert all(abs(one - other) <= 0.5 for one, other in zip(ours, theirs, strict=True))


def cells(text: str, name: str) -> list[float]:
    """Return the three figures of a row: of 50, 100 and 200 terminals."""
    row = r" \| ([\d.,]+) \| ([\d.,]+) \| ([\d.,]+) \|$"
    [found] = re.findall(rf"^\| {re.escape(name)}{row}", text, re.MULTILINE)
    return [float(cell.replace(",", "")) for cell in found]
