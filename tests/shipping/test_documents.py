"""The guides: what they link to is there, and so is what their commands name."""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.shipping.files import DEPLOY

GUIDES = (ROOT / "docs" / "containers.md", *sorted(DEPLOY.rglob("*.md")))


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(guide: Path) -> None:
    path = guide
    text = path.read_text(encoding="utf-8")
    anchors = {
        re.sub(r"[^\w -]", "", head).strip().lower().replace(" ", "-")
        for head in re.findall("^#+ (.*)$", text, re.MULTILINE)
    }

    for link in re.findall(r"\]\(((?!https?:)[^)]+)\)", text):
        file, _, anchor = link.partition("#")
        assert (path.parent / file).exists(), link
        assert not anchor or file or anchor in anchors, link


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_commands_name_is_there(guide: Path) -> None:
    text = guide.read_text(encoding="utf-8").replace("\\", "/")
    named = set(re.findall(r"(?<![\w/.:-])((?:deploy|exporter|alerts|docs|tests)/[\w./-]*\w)", text))
    # What a user makes, and git ignores.
    made = {"deploy/compose/secrets/grafana_admin_password", "deploy/compose/desk/mt5-exporter.yml"}

    assert named
    assert [path for path in sorted(named - made) if not (ROOT / path).exists()] == []


def test_targets_of_make_that_the_guides_name_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    for guide in GUIDES:
        for target in re.findall(r"`make (\w+)", guide.read_text(encoding="utf-8")):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
