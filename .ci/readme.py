"""Writes the README's metric table anew from the catalogue; `make readme`."""

import re
from pathlib import Path

from mt5_exporter import catalogue

README = Path(__file__).parents[1] / "README.md"
SECTION = re.compile(r"(<!-- metrics -->\n).*(<!-- /metrics -->)", re.DOTALL)


def written(text: str) -> str:
    """Return the README's text with the table of today."""
    return SECTION.sub(lambda found: f"{found[1]}\n{catalogue.table()}\n{found[2]}", text)


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
