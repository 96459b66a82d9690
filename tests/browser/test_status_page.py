"""The status page in a real browser: as wide as a phone, and nothing of it beyond the edge."""

import dataclasses
import html
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from tests.web.asgi import Front
from tests.web.test_status import ILL, WELL, answer

DARK, LIGHT = "0", "1"


class Look(Protocol):
    """Opens the page in a frame of some width."""

    def __call__(self, width: int, scheme: str = LIGHT) -> list[str]: ...


MEASURE = """<!doctype html><title>waiting</title>
<iframe width="{width}" height="800" style="border:0" srcdoc="{page}"></iframe>
<script>
addEventListener("load", () => {{
  const page = document.querySelector("iframe").contentDocument;
  const shown = page.documentElement;
  const font = getComputedStyle(page.body);
  document.title = [shown.scrollWidth, shown.clientWidth, font.color, font.backgroundColor].join("|");
}});
</script>
"""


@pytest.fixture
def look(tool: Callable[[str], str], tmp_path: Path) -> Look:
    """Return what a browser measures of the page in a frame of some width."""
    chromium = tool("chromium")

    def measure(width: int, scheme: str = LIGHT) -> list[str]:
        longest = dataclasses.replace(ILL, name="w" * 63)
        page = answer(Front(terminals=(WELL, ILL, longest))).text
        # Unfolded, so that everything is measured.
        page = page.replace("<details>", "<details open>")
        file = tmp_path / "measure.html"
        file.write_text(MEASURE.format(width=width, page=html.escape(page)))
        command = [
            chromium,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={tmp_path}/profile",
        ]
        found = subprocess.run(
            [*command, f"--blink-settings=preferredColorScheme={scheme}", "--dump-dom", file.as_uri()],
            capture_output=True,
            text=True,
            check=True,
            timeout=50,
        )
        title = re.search(r"<title>([^<]*)</title>", found.stdout)
        assert title
        return title[1].split("|")

    return measure


@pytest.mark.parametrize("width", [320, 375, 1100])
def test_nothing_is_wider_than_the_screen(width: int, look: Look) -> None:
    wide, visible, _, _ = look(width)

    assert int(wide) <= int(visible) <= width


def test_at_night_it_is_light_on_dark(look: Look) -> None:
    day = look(375, LIGHT)[2:]
    night = look(375, DARK)[2:]

    assert day == ["rgb(27, 31, 36)", "rgb(255, 255, 255)"]
    assert night == ["rgb(230, 237, 243)", "rgb(13, 17, 23)"]
