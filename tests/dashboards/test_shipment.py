"""`mt5tool bundle` writes what Prometheus, Alertmanager and Grafana take, and no more than was asked."""

from pathlib import Path

import pytest

from mt5_exporter import shipment
from mt5_exporter.tool import main
from tests.dashboards.reading import GENERATED, ROOT


def files(folder: Path) -> set[str]:
    """Return the paths of all files in a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_bundle_has_dashboards_rules_and_runbooks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "a" / "bundle"

    status = main(["bundle", str(folder)])

    rules = {f"rules/{path.name}" for path in (ROOT / "alerts" / "rules").iterdir()}
    runbooks = {f"runbooks/{path.name}" for path in (ROOT / "alerts" / "runbooks").iterdir()}
    dashboards = {f"dashboards/{path.name}" for path in GENERATED.iterdir()}
    others = {
        "alertmanager.yml",
        "prometheus.yml",
        "provisioning/dashboards/mt5.yml",
        "provisioning/datasources/mt5.yml",
        "templates/mt5.tmpl",
    }
    assert status == 0
    assert files(folder) == rules | runbooks | dashboards | others
    assert (folder / "dashboards" / "mt5-fleet.json").read_bytes() == (
        GENERATED / "mt5-fleet.json"
    ).read_bytes()
    told = f"{len(dashboards)} dashboards, {len(rules)} rules, {len(runbooks)} runbooks among them"
    assert told in capsys.readouterr().out


def test_a_bundle_is_written_again_over_itself(tmp_path: Path) -> None:
    assert [main(["bundle", str(tmp_path)]), main(["bundle", str(tmp_path)])] == [0, 0]


def test_what_somebody_has_changed_is_not_replaced_by_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["bundle", str(tmp_path)])
    links = tmp_path / "rules" / "links.rules.yml"
    links.write_text("groups: []\n")
    gone = tmp_path / "prometheus.yml"
    gone.unlink()

    refused = main(["bundle", str(tmp_path)])

    error = capsys.readouterr().err
    assert refused == 1
    assert "rules/links.rules.yml; nothing was written" in error
    assert error.count("\n") == 1
    assert (links.read_text(), gone.exists()) == ("groups: []\n", False)
    assert main(["bundle", "--overwrite", str(tmp_path)]) == 0
    assert links.read_text().startswith("# Where links lead")


@pytest.mark.parametrize("inside", ["", "rules"])
def test_a_folder_that_cannot_be_written_is_one_line(
    inside: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "bundle"
    (folder / inside).parent.mkdir(exist_ok=True)
    (folder / inside if inside else folder).write_text("a file")

    assert main(["bundle", str(folder)]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"mt5tool: bundle: {folder / inside}")
    assert error.count("\n") == 1


def test_an_installed_wheel_has_it_inside_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = tmp_path / "shipped" / "alerts" / "rules" / "a.rules.yml"
    rule.parent.mkdir(parents=True)
    rule.write_text("groups: []\n")
    monkeypatch.setattr(shipment, "INSTALLED", tmp_path / "shipped")

    assert [str(item.path) for item in shipment.items()] == ["rules/a.rules.yml"]
