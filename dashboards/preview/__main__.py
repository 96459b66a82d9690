"""Draw the dashboards with the values of a Prometheus: `python -m dashboards.preview --prometheus=URL`."""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from dashboards import DASHBOARDS
from dashboards.lib import Dashboard
from dashboards.preview.asking import Prometheus
from dashboards.preview.page import listed, page
from dashboards.preview.values import at

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 60


SCALE, COLOURS = 0.8, 128
"""A picture is smaller than a screen, and has no more colours than it needs."""


def draw(dashboard: Dashboard, server: Prometheus, folder: Path, browser: str) -> None:
    """Write a picture of a dashboard to a folder."""
    board = dashboard.json()
    variables = listed(at(board, "templating", "list"))
    for found in variables:
        if found["name"] in server.chosen:
            found["current"] = {"text": [server.chosen[str(found["name"])]]}
    shown, width, height = page(
        board, lambda target: server.ask(target, variables), start=server.start, end=server.end
    )
    picture = folder / f"{dashboard.uid}.png"
    with tempfile.TemporaryDirectory() as place:
        source = Path(place) / "page.html"
        source.write_text(shown, encoding="utf-8")
        command = [
            browser,
            "--headless",
            "--no-sandbox",
            "--hide-scrollbars",
            "--disable-lcd-text",
            f"--force-device-scale-factor={SCALE}",
            f"--user-data-dir={place}/profile",
            f"--window-size={width},{height}",
            f"--screenshot={picture}",
            source.as_uri(),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)  # noqa: S603 - found above
    with Image.open(picture) as full:
        full.convert("RGB").quantize(COLOURS, kmeans=2, dither=Image.Dither.NONE).save(picture, optimize=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw dashboards; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("uid", nargs="*", help="which; all when left out")
    parser.add_argument("--prometheus", default="http://127.0.0.1:9090", metavar="URL")
    parser.add_argument("--minutes", type=float, default=30, help="how far to look back")
    parser.add_argument("--scrape-seconds", type=float, default=15, help="Prometheus' scrape interval")
    parser.add_argument("--choose", action="append", default=[], metavar="VARIABLE=REGEX")
    parser.add_argument("--folder", type=Path, default=Path("docs/pictures"))
    options = parser.parse_args(arguments)
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        sys.stderr.write(f"preview: none of {', '.join(BROWSERS)} is here: apt-get install chromium\n")
        return 1
    now = time.time()
    server = Prometheus(
        url=options.prometheus,
        start=now - 60 * options.minutes,
        end=now,
        scrape=options.scrape_seconds,
        chosen=dict(choice.split("=", 1) for choice in options.choose),
    )
    options.folder.mkdir(parents=True, exist_ok=True)
    for dashboard in DASHBOARDS:
        if not options.uid or dashboard.uid in options.uid:
            draw(dashboard, server, options.folder, browser)
    return 0


if __name__ == "__main__":
    sys.exit(main())
