"""What the README shows is what there is."""

import re
import textwrap
from pathlib import Path

import pytest

from mt5_exporter import catalogue, config_file
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [textwrap.dedent(block) for block in re.findall(r"(?:^ {4}.*\n|^\n)+", README, re.MULTILINE)]


def test_the_metric_table_is_the_catalogue() -> None:
    found = re.search(r"<!-- metrics -->\n\n(.*)\n<!-- /metrics -->", README, re.DOTALL)

    assert found is not None
    assert found[1] == catalogue.table(), "run `make readme`"


def test_the_scrape_excerpt_names_metrics_that_exist() -> None:
    found = re.search(r"<!-- scrape -->(.*)<!-- /scrape -->", README, re.DOTALL)

    assert found is not None
    names = set(re.findall(r"^ {4}(mt5_\w+)", found[1], re.MULTILINE))
    assert names
    assert names <= set(catalogue.METRICS)


def test_the_configuration_example_is_valid() -> None:
    [block] = [block for block in BLOCKS if block.strip().startswith("terminals:")]

    found = config_file.loads(block, "README.md", {}, Path())

    assert found.terminals[0].name == "desk-1"


@pytest.mark.parametrize("target", ["demo", "test", "test-all", "pictures"])
def test_a_command_of_the_readme_is_a_target_of_the_makefile(target: str) -> None:
    assert f"make {target}" in README
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_links_of_the_documents_lead_somewhere() -> None:
    for document in ROOT.glob("*.md"):
        for link in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (ROOT / link).exists(), f"{document.name}: {link}"
