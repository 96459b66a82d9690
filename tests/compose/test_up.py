"""`docker compose up` with the shipped file: what comes up, what it may, whom it tells, what it leaves.

The first test waits for the images as well: a Debian is made, and the exporter's image is built from its
Dockerfile.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping

import pytest

from tests.compose.engine import docker, run
from tests.compose.project import Project, documented
from tests.stack.program import wait_for

SERVICES = {"alertmanager", "exporter-demo", "grafana", "prometheus", "webhook"}

pytestmark = pytest.mark.timeout(600)


def status(project: Project, container: str) -> Mapping[str, str]:
    """Return /proc/PID/status of the service itself, whose parent is Docker's init."""
    found = docker(
        "exec", container, "sh", "-c", "cat /proc/$(cat /proc/1/task/1/children | cut -d' ' -f1)/status"
    )
    return {key: value.strip() for key, _, value in (line.partition(":") for line in found.splitlines())}


def test_every_service_of_the_demo_comes_up_healthy(project: Project) -> None:
    health = project.health()

    assert health == dict.fromkeys(SERVICES, "healthy")


def test_no_process_is_root_or_can_become_it(project: Project) -> None:
    for service, container in project.containers().items():
        found = status(project, container)

        assert "0" not in found["Uid"].split(), service
        assert int(found["CapEff"], 16) == int(found["CapBnd"], 16) == 0, service
        assert found["NoNewPrivs"] == "1", service


def test_no_service_can_write_to_its_own_image(project: Project) -> None:
    for service, container in project.containers().items():
        # As root, whom permissions would not stop.
        tried = ["exec", "--user", "0", container, "sh", "-c", "touch /usr/bin/x 2>&1 || true"]

        assert "Read-only file system" in docker(*tried), service


def test_only_grafana_is_published_and_on_loopback_alone(project: Project) -> None:
    published = {
        service: docker("port", container).split() for service, container in project.containers().items()
    }

    assert published.pop("grafana") == ["3000/tcp", "->", f"127.0.0.1:{project.port}"]
    assert not any(published.values())
    with urllib.request.urlopen(f"http://127.0.0.1:{project.port}/api/health", timeout=10) as answer:
        assert json.load(answer) == {"database": "ok", "version": "stub"}


def test_what_need_not_leave_is_on_the_internal_network_alone(project: Project) -> None:
    containers = project.containers()
    names = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}"

    for service in ("exporter-demo", "prometheus"):
        networks = docker("inspect", "--format", names, containers[service]).split()

        assert networks == [f"{project.name}_backend"], service
    assert (
        docker("network", "inspect", "--format", "{{.Internal}}", f"{project.name}_backend").strip() == "true"
    )


def test_the_password_is_in_no_environment_and_no_log(project: Project) -> None:
    inspected = docker("inspect", *project.containers().values())

    assert project.password not in inspected
    assert project.password not in project.logs()


def test_prometheus_scrapes_all_three_and_has_loaded_every_rule(project: Project) -> None:
    def up() -> bool:
        return project.query("up") == {"mt5-exporter": 1, "prometheus": 1, "alertmanager": 1}

    wait_for(up, seconds=60, what=lambda: str(project.query("up")))
    wait_for(
        lambda: project.query("mt5_up") == {"demo-1": 1, "demo-2": 1, "demo-3": 1},
        seconds=60,
        what=lambda: str(project.query("mt5_up")),
    )
    groups = project.query("count(prometheus_rule_group_rules) by (job)")
    assert groups["prometheus"] >= len(list((project.folder / "alerts" / "rules").iterdir()))
    assert project.query("prometheus_config_last_reload_successful")["prometheus"] == 1


def test_a_terminal_that_goes_away_rings_the_webhook_until_it_is_back(project: Project) -> None:
    # An account with open positions is blind while at risk, which mutes that its terminal is down.
    ways = ("MT5TerminalDown", "MT5BlindWhileAtRisk")

    def rung(state: str) -> bool:
        wanted = tuple(f"page: {state} {alert} demo-2: " for alert in ways)
        return any(line.startswith(wanted) for line in project.told())

    run(["sh", "-euc", *documented("printf 'faults:")], seconds=30, folder=project.folder)
    wait_for(lambda: rung("firing"), seconds=120, what=lambda: "\n".join(project.told()))
    assert project.query("mt5_up") == {"demo-1": 1, "demo-2": 0, "demo-3": 1}
    project.play()
    wait_for(
        lambda: project.query("mt5_up")["demo-2"] == 1, seconds=90, what=lambda: project.logs("exporter-demo")
    )


def test_prometheus_can_be_asked_as_the_guide_says(project: Project) -> None:
    [command] = documented("docker compose exec prometheus promtool")

    answer = project.compose("exec", "-T", *command.split()[3:])

    assert 'terminal="demo-1"' in answer


def test_a_stopped_exporter_ends_well_and_its_container_comes_back_healthy(project: Project) -> None:
    container = project.containers()["exporter-demo"]

    project.compose("stop", "exporter-demo", seconds=90)
    stopped = docker("inspect", "--format", "{{.State.ExitCode}} {{.State.OOMKilled}}", container).split()
    project.compose("start", "exporter-demo")

    assert stopped == ["0", "false"]
    wait_for(
        lambda: project.health()["exporter-demo"] == "healthy",
        seconds=120,
        what=lambda: project.logs("exporter-demo"),
    )


def test_down_leaves_nothing_behind(project: Project) -> None:
    # The last of this file: the project ends here.
    volumes = project.volumes()
    assert len(volumes) > 3

    project.down()

    assert project.left() == []
    assert not set(volumes) & set(docker("volume", "ls", "--quiet").split())
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://127.0.0.1:{project.port}/api/health", timeout=10)
