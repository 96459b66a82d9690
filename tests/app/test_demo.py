"""The healthy demo serves every value of the catalogue, and nothing beside the catalogue."""

import pytest

from mt5_exporter import config_file
from mt5_exporter.catalogue import METRICS
from tests.app.living import living
from tests.exposition.world import run
from tests.process.running import Scrape

PARTS = ("_bucket", "_count", "_sum")
FOREIGN = ("process_", "python_")
DEMOS = ("demo-1", "demo-2", "demo-3")


def well(found: Scrape) -> bool:
    """Whether every reading of every terminal is there."""
    readings = ("terminal", "account", "symbols", "positions", "orders")
    return all(
        found.get("mt5_up", terminal=name) == 1
        and all(found.get("mt5_reading_stale", terminal=name, reading=reading) == 0 for reading in readings)
        for name in DEMOS
    )


def family(name: str) -> str:
    """Return a series' row in the catalogue."""
    return next((name.removesuffix(part) for part in PARTS if name.removesuffix(part) in METRICS), name)


@pytest.fixture(scope="module")
def demo() -> Scrape:
    async def main() -> Scrape:
        async with living(config_file.demo()) as exporter:
            return await exporter.wait_for(well)

    return run(main)


def test_the_demo_serves_every_value_of_the_catalogue(demo: Scrape) -> None:
    names = {name for name, _ in demo.samples}
    margins = {demo.get("mt5_account_margin", terminal=name) for name in DEMOS}

    missing = {row.name for row in METRICS.values() if row.group == "value"} - names

    # A level means nothing without a position, and the demo's traders are flat at times.
    assert missing == ({"mt5_account_margin_level_ratio"} if margins == {0} else set())


def test_the_demo_serves_nothing_beside_the_catalogue(demo: Scrape) -> None:
    names = {family(name) for name, _ in demo.samples}

    assert {name for name in names if name not in METRICS and not name.startswith(FOREIGN)} == set()


def test_a_demo_terminal_says_that_it_is_simulated(demo: Scrape) -> None:
    drivers = {dict(labels)["driver"] for name, labels in demo.samples if name == "mt5_terminal_info"}

    assert drivers == {"simulated"}
