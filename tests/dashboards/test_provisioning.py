"""Grafana finds the data sources and the dashboards, and nobody changes them behind our back."""

import re

import yaml

from tests.alerts.holding import DASHBOARDS
from tests.alerts.shipped import ALERTS
from tests.dashboards.reading import ROOT, committed, listed, mapping

PROVISIONING = ROOT / "dashboards" / "provisioning"


def read(path: str) -> dict[str, object]:
    """Return one of the files."""
    return mapping(yaml.safe_load((PROVISIONING / path).read_text(encoding="utf-8")))


def test_the_data_sources_have_names_that_stay_and_addresses_of_the_environment() -> None:
    sources = listed(read("datasources/mt5.yml")["datasources"])

    assert [(source["type"], source["uid"]) for source in sources] == [
        ("prometheus", "mt5-prometheus"),
        ("alertmanager", "mt5-alertmanager"),
    ]
    for source in sources:
        assert re.fullmatch(r"\$\{MT5_[A-Z]+_URL\}", str(source["url"]))
        assert source["editable"] is False


def test_grafana_knows_how_often_is_scraped() -> None:
    prometheus = mapping(listed(read("datasources/mt5.yml")["datasources"])[0]["jsonData"])
    scraped = yaml.safe_load((ALERTS / "prometheus.yml").read_text(encoding="utf-8"))

    assert prometheus["timeInterval"] == scraped["global"]["scrape_interval"]


def test_dashboards_are_changed_in_their_files_alone() -> None:
    [provider] = listed(read("dashboards/mt5.yml")["providers"])

    assert (provider["allowUiUpdates"], provider["disableDeletion"]) == (False, True)
    assert mapping(provider["options"])["path"] == "/etc/grafana/dashboards/mt5"


def test_the_alerts_know_every_dashboard() -> None:
    assert sorted(str(board["uid"]) for board in committed()) == sorted(DASHBOARDS)
