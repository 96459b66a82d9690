"""The healthy demo serves every value of the catalogue, and nothing beside the catalogue."""

from dataclasses import replace

import pytest

from mt5_exporter import config_file
from mt5_exporter.catalogue import METRICS
from mt5_exporter.config import Config
from mt5_exporter.readings import READINGS
from tests.app.living import living
from tests.exposition.world import run
from tests.process.running import Scrape

PARTS = ("_bucket", "_count", "_sum")
FOREIGN = ("process_", "python_")
DEMOS = ("demo-1", "demo-2", "demo-3")


def well(found: Scrape) -> bool:
    """Whether every reading of every terminal is there, and what takes some polls, too."""
    late = ("mt5_terminal_server_clock_offset_seconds", "mt5_account_profit_today")
    return all(
        found.get("mt5_up", terminal=name) == 1
        and all(found.get(metric, terminal=name) is not None for metric in late)
        and all(
            found.get("mt5_reading_stale", terminal=name, reading=reading.name) == 0 for reading in READINGS
        )
        for name in DEMOS
    )


def brisk() -> Config:
    """Return the demo, polled every second."""
    config = config_file.demo()
    terminals = (
        replace(one, interval=1, account_interval=1, timeout=1, poll_timeout=1, stale_after=3)
        for one in config.terminals
    )
    return replace(config, terminals=tuple(terminals))


def family(name: str) -> str:
    """Return a series' row in the catalogue."""
    return next((name.removesuffix(part) for part in PARTS if name.removesuffix(part) in METRICS), name)


@pytest.fixture(scope="module")
def demo() -> Scrape:
    async def main() -> Scrape:
        async with living(brisk()) as exporter:
            return await exporter.wait_for(well)

    return run(main)


def test_the_demo_serves_every_value_of_the_catalogue(demo: Scrape) -> None:
    names = {name for name, _ in demo.samples}
    margins = {demo.get("mt5_account_margin", terminal=name) for name in DEMOS}

    missing = {row.name for row in METRICS.values() if row.group == "value"} - names

    # No expert advisor, and levels in percent.
    never = {
        "mt5_expert_heartbeat_timestamp_seconds",
        "mt5_account_margin_call_level",
        "mt5_account_stop_out_level",
    }
    # The demo's traders are flat at times, and nobody saw the last reset; the skew needs an hour of ticks.
    flat = {
        "mt5_account_margin_level_ratio",
        "mt5_account_margin_call_distance",
        "mt5_account_stop_out_distance",
    }
    trading = {name for name in missing if name.startswith(("mt5_positions", "mt5_orders"))}
    daily = {name for name in missing if name.startswith("mt5_account_daily_loss")}
    early = {"mt5_terminal_server_clock_skew_seconds"}
    assert missing - trading - daily - early - {"mt5_risk_unavailable_info"} == never | (
        flat if margins == {0} else set()
    )
    assert not daily or "mt5_risk_unavailable_info" not in missing


def test_the_demo_serves_nothing_beside_the_catalogue(demo: Scrape) -> None:
    names = {family(name) for name, _ in demo.samples}

    assert {name for name in names if name not in METRICS and not name.startswith(FOREIGN)} == set()


def test_a_demo_terminal_says_that_it_is_simulated(demo: Scrape) -> None:
    drivers = {dict(labels)["driver"] for name, labels in demo.samples if name == "mt5_terminal_info"}

    assert drivers == {"simulated"}
