"""The rules that docker-compose.yml keeps: C1 to C8 of what a Compose project should be."""

import re
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.shipping.conftest import Checker
from tests.shipping.files import COMPOSE

TEXT = COMPOSE.read_text(encoding="utf-8")
PROJECT = yaml.safe_load(TEXT)
SERVICES = PROJECT["services"]
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
each_service = pytest.mark.parametrize("name", sorted(SERVICES))


def default(value: str) -> str:
    """Return a text with each variable's default in its place."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


def test_the_file_keeps_the_compose_specification(check: Checker) -> None:
    assert "version" not in PROJECT
    check("check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE)


def test_a_misspelt_key_would_be_noticed(check: Checker, tmp_path: Path) -> None:
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(TEXT.replace("read_only: true", "read_onyl: true", 1), encoding="utf-8")

    with pytest.raises(AssertionError, match="read_onyl"):
        check("check-jsonschema", "--builtin-schema", "vendor.compose-spec", wrong)


@pytest.mark.parametrize("folder", ["docker-compose.yml", "deploy"])
def test_yaml_is_spelled_as_it_is_meant(check: Checker, folder: str) -> None:
    rules = (
        "{extends: default, rules: {document-start: disable, line-length: disable, braces: disable,"
        " brackets: disable, comments: disable, comments-indentation: disable,"
        " indentation: {indent-sequences: consistent}}}"
    )
    check("yamllint", "--strict", "-d", rules, ROOT / folder)


@each_service
def test_an_image_is_a_variable_with_a_whole_version_as_default(name: str) -> None:
    # C1; digests cannot be known beforehand: deploy/pin-images writes them.
    image = SERVICES[name]["image"]

    assert re.fullmatch(r"\$\{[A-Z]+_IMAGE:-.+\}", image)
    assert re.fullmatch(r"[\w/.-]+:v?\d+\.\d+\.\d+|mt5-exporter:local", default(image))


@each_service
def test_a_service_has_a_health_check_with_time_to_start(name: str) -> None:
    # C2
    check = SERVICES[name]["healthcheck"]

    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "start_period", "retries"} <= check.keys()


def test_what_is_waited_for_is_health() -> None:
    waits = {
        name: {other: wait["condition"] for other, wait in service.get("depends_on", {}).items()}
        for name, service in SERVICES.items()
    }

    assert {wait for found in waits.values() for wait in found.values()} == {"service_healthy"}
    assert waits["prometheus"].keys() == {"alertmanager"}
    assert waits["grafana"].keys() == {"prometheus"}


@each_service
def test_a_service_is_confined(name: str) -> None:
    # C3
    service = SERVICES[name]

    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert {"mem_limit", "cpus", "pids_limit", "stop_grace_period"} <= service.keys()
    assert {"max-size", "max-file"} <= service["logging"]["options"].keys()
    assert not {"privileged", "cap_add", "devices", "pid", "ipc", "userns_mode"} & service.keys()


@each_service
def test_what_is_mounted_of_this_machine_is_there_and_read_only(name: str) -> None:
    for mount in SERVICES[name]["volumes"]:
        if not isinstance(mount, dict):
            assert mount.split(":")[0] in PROJECT["volumes"]
            continue
        assert mount["read_only"] is True
        assert mount["bind"] == {"create_host_path": False}
        assert (ROOT / default(mount["source"])).exists(), mount["source"]


def test_a_password_is_a_file_that_must_be_named() -> None:
    # C4
    secret = PROJECT["secrets"]["grafana_admin_password"]["file"]

    assert secret.startswith("${GRAFANA_ADMIN_PASSWORD_FILE:?")
    environment = SERVICES["grafana"]["environment"]
    assert environment["GF_SECURITY_ADMIN_PASSWORD__FILE"] == "/run/secrets/grafana_admin_password"
    words = re.compile(r"password|secret|token|key", re.IGNORECASE)
    for service in SERVICES.values():
        named = {key for key in service.get("environment", {}) if words.search(key)}
        assert all(key.endswith("__FILE") or key == "GF_SECURITY_DISABLE_GRAVATAR" for key in named - COOKIES)


COOKIES = frozenset({"GF_SECURITY_COOKIE_SAMESITE"})


def test_only_grafana_is_published_and_on_loopback() -> None:
    # C5
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}

    assert published == {"grafana": ["127.0.0.1:${GRAFANA_PORT:-3000}:3000"]}


def test_two_networks_of_which_one_leads_nowhere() -> None:
    networks = PROJECT["networks"]

    assert networks["backend"] == {"internal": True}
    assert networks.keys() == {"backend", "frontend"}
    outside = {name for name, service in SERVICES.items() if "frontend" in service.get("networks", ())}
    assert outside == {"alertmanager", "exporter", "grafana"}


def test_grafana_lets_nobody_in_unasked_and_calls_nobody() -> None:
    # C6; what is provisioned is held by the tests of the dashboards.
    environment = SERVICES["grafana"]["environment"]

    off = [
        "GF_AUTH_ANONYMOUS_ENABLED",
        "GF_USERS_ALLOW_SIGN_UP",
        "GF_ANALYTICS_REPORTING_ENABLED",
        "GF_ANALYTICS_CHECK_FOR_UPDATES",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES",
    ]
    assert [environment[name] for name in off] == ["false"] * len(off)


def test_grafana_finds_what_its_provisioning_names() -> None:
    targets = {mount["target"] for mount in SERVICES["grafana"]["volumes"] if isinstance(mount, dict)}
    environment = SERVICES["grafana"]["environment"]
    provisioning = [
        path.read_text(encoding="utf-8") for path in (ROOT / "dashboards" / "provisioning").rglob("*.y*ml")
    ]
    assert provisioning

    for text in provisioning:
        paths = set(re.findall(r"^ +path: (\S+)", text, re.MULTILINE))
        assert paths <= targets
        assert set(re.findall(r"\$\{?(MT5_\w+)", text)) <= environment.keys()
    home = Path(environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) in targets
    assert (ROOT / "dashboards" / "generated" / home.name).exists()


def test_profiles_choose_between_a_demo_and_a_desk() -> None:
    # C7
    profiles = {name: service.get("profiles", []) for name, service in SERVICES.items()}

    assert profiles == {
        "alertmanager": [],
        "exporter": ["desk"],
        "exporter-demo": ["demo"],
        "grafana": [],
        "prometheus": [],
        "webhook": ["demo"],
    }
    assert "COMPOSE_PROFILES=demo\n" in EXAMPLE


def test_prometheus_keeps_what_it_is_told_to_by_time_and_by_size() -> None:
    flags = " ".join(SERVICES["prometheus"]["command"])

    assert "--storage.tsdb.retention.time=" in flags
    assert "--storage.tsdb.retention.size=" in flags


def test_the_example_of_the_environment_names_every_variable_with_its_default() -> None:
    used = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", TEXT))

    shown = dict(re.findall(r"^#(\w+)=(.*)$", EXAMPLE, re.MULTILINE))
    assert shown == used


def test_prometheus_is_configured_as_beside_compose_but_for_addresses() -> None:
    # C8
    plain = (ROOT / "alerts" / "prometheus.yml").read_text(encoding="utf-8")
    plain = plain[plain.index("global:") :]
    for address, name in (("127.0.0.1:9093", "alertmanager:9093"), ("127.0.0.1:10685", "exporter:10685")):
        plain = plain.replace(address, name)

    ours = (ROOT / "deploy" / "compose" / "prometheus.yml").read_text(encoding="utf-8")

    assert ours[ours.index("global:") :] == plain
