"""The Kubernetes manifests: of a form that a cluster takes, and the rules word for word."""

import importlib.util
import json
from pathlib import Path

import pytest
import yaml

from mt5_exporter import config_file
from tests.conftest import ROOT
from tests.shipping.conftest import Checker
from tests.shipping.files import DEPLOY, documents

FOLDER = DEPLOY / "kubernetes"
RULES = ROOT / "alerts" / "rules"
OPERATOR = Path(__file__).with_name("operator_kinds.schema.json")
VERSIONS = ("1.30", "1.34")
MANIFESTS = sorted(path for path in FOLDER.glob("*.yaml") if path.name != "kustomization.yaml")
OWN = [path for path in MANIFESTS if documents(path)[0]["apiVersion"] != "monitoring.coreos.com/v1"]
FOREIGN = [path for path in MANIFESTS if path not in OWN]
SINGLE = {
    name: yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    for name in ("deployment", "networkpolicy", "service", "servicemonitor")
}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_manifest_is_of_a_form_that_kubernetes_knows(check: Checker, version: str) -> None:
    assert len(OWN) > 6

    check("kubernetes-validate", "--strict", "--no-warn", "-k", version, *OWN)


def test_the_operators_kinds_are_of_a_form_that_it_knows(check: Checker, tmp_path: Path) -> None:
    found = [document for path in FOREIGN for document in documents(path)]
    assert {document["kind"] for document in found} == {"PrometheusRule", "ServiceMonitor"}

    files = []
    for number, document in enumerate(found):
        files.append(tmp_path / f"{number}.json")
        files[-1].write_text(json.dumps(document))
    check("check-jsonschema", "--schemafile", OPERATOR, *files)


def test_a_rule_with_a_key_that_the_operator_does_not_know_would_be_noticed(
    check: Checker, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.json"
    [document, *_] = documents(FOLDER / "prometheusrule.yaml")
    wrong.write_text(json.dumps(document).replace('"expr"', '"expression"', 1))

    with pytest.raises(AssertionError, match="expression"):
        check("check-jsonschema", "--schemafile", OPERATOR, wrong)


def test_the_rules_are_those_of_alerts_byte_for_byte() -> None:
    text = (FOLDER / "prometheusrule.yaml").read_text(encoding="utf-8")
    parts = text.split("\nspec:\n")[1:]
    originals = sorted(RULES.glob("*.rules.yml"))
    assert len(parts) == len(originals)

    for part, path in zip(parts, originals, strict=True):
        lines = part.split("---\napiVersion:")[0].splitlines(keepends=True)
        original = "".join(line.removeprefix("  ") for line in lines)
        assert original == path.read_text(encoding="utf-8"), f"{path.name}: run `make kubernetes`"


def test_the_generator_would_write_what_is_there() -> None:
    spec = importlib.util.spec_from_file_location("generate", FOLDER / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)

    assert generate.manifests() == (FOLDER / "prometheusrule.yaml").read_text(encoding="utf-8")


def test_a_cluster_sees_the_same_rules_as_prometheus_does() -> None:
    seen = [document["spec"] for document in documents(FOLDER / "prometheusrule.yaml")]

    assert seen == [yaml.safe_load(path.read_bytes()) for path in sorted(RULES.glob("*.rules.yml"))]


def test_the_kustomization_takes_every_manifest_but_the_example() -> None:
    kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))

    wanted = {path.name for path in MANIFESTS} - {"secret.example.yaml"}
    assert sorted(kustomization["resources"]) == sorted(wanted)


def test_the_pod_is_confined_and_its_ports_and_volumes_have_names_that_meet() -> None:
    pod = SINGLE["deployment"]["spec"]["template"]["spec"]
    [container] = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10685
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {mount["name"] for mount in container["volumeMounts"]} == {
        volume["name"] for volume in pod["volumes"]
    }
    [port] = container["ports"]
    probes = {"startupProbe": "healthy", "livenessProbe": "healthy", "readinessProbe": "ready"}
    for probe, path in probes.items():
        assert container[probe]["httpGet"] == {"path": f"/-/{path}", "port": port["name"]}


def test_monitor_service_and_policy_select_the_pod() -> None:
    labels = SINGLE["deployment"]["spec"]["template"]["metadata"]["labels"]
    service = SINGLE["service"]
    monitor = SINGLE["servicemonitor"]
    policy = SINGLE["networkpolicy"]

    assert service["spec"]["selector"] == labels
    assert policy["spec"]["podSelector"]["matchLabels"] == labels
    assert monitor["spec"]["selector"]["matchLabels"] == service["metadata"]["labels"]
    assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
    # The rules know the job by this name, and the operator names it after the service.
    assert service["metadata"]["name"] == "mt5-exporter"


@pytest.mark.parametrize("folder", ["kubernetes", "wine"])
def test_a_shipped_configuration_is_valid(folder: str) -> None:
    found = config_file.load(DEPLOY / folder / "mt5-exporter.yml", {})

    assert found.terminals
    assert not found.warnings
