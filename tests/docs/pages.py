"""The pages of docs/ in parts: fenced blocks, links, headings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

DOCS = ROOT / "docs"
PAGES = ("README.md", "library.md", "deployment.md", "operations.md", "troubleshooting.md")
"""The pages whose every block is run or checked."""

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block; `name` is its place, for a test's id."""

    page: str
    line: int
    language: str
    text: str

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"


def read(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def blocks(*languages: str) -> list[Block]:
    """Return the blocks of these languages on all pages, of all languages without one."""
    return [
        block for page in PAGES for block in of_page(page) if block.language in languages or not languages
    ]


def of_page(page: str) -> Iterator[Block]:
    text = read(page)
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(page=page, line=line, language=found[1], text=found[2])


def commands() -> list[tuple[Block, str]]:
    """Return each command that a page tells somebody to type."""
    prompts = {"console": "$ ", "powershell": "> "}
    found: list[tuple[Block, str]] = []
    for block in blocks(*prompts):
        prompt = prompts[block.language]
        lines = block.text.splitlines()
        assert all(line.startswith(prompt) for line in lines), block.name
        found += [(block, line.removeprefix(prompt)) for line in lines]
    return found


def links(page: str) -> list[str]:
    """Return where a page links to, other sites left out."""
    text = FENCE.sub("", read(page))
    return [link for link in LINK.findall(text) if "://" not in link]


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-")
        for heading in HEADING.findall(text)
    }
