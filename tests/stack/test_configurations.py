"""Both pairs take the configurations as shipped, and with everything switched on that they offer."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from tests.stack.bounds import Alert, alerts
from tests.stack.options import options, with_options
from tests.stack.stack import ALERTS, RULES
from tests.stack.tools import Pair

ALERTMANAGER = ALERTS / "alertmanager.yml"
RISK = re.compile(
    "MT5(MarginLevelLow|MarginExhaustionPredicted|NearMarginCall|NearStopOut|StopOutHappened|DailyLoss.*|Drawdown.*"
    "|BlindWhileAtRisk)"
)


def run(pair: Pair, program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [pair.program(program), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=30
    )


def check(pair: Pair, text: str, folder: Path) -> str:
    """Return what amtool has against a configuration of Alertmanager, nothing where it takes it."""
    shutil.copytree(ALERTS / "templates", folder / "templates", dirs_exist_ok=True)
    path = folder / "alertmanager.yml"
    path.write_text(text)
    done = run(pair, "amtool", "check-config", path)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_promtool_takes_the_configuration_and_every_rule(pair: Pair) -> None:
    done = run(pair, "promtool", "check", "config", ALERTS / "prometheus.yml")

    assert (done.returncode, done.stderr) == (0, "")
    assert f"{len(list(RULES.glob('*.rules.yml')))} rule files found" in done.stdout


def test_promtool_finds_nothing_to_lint(pair: Pair) -> None:
    done = run(
        pair, "promtool", "check", "rules", "--lint=all", "--lint-fatal", *sorted(RULES.glob("*.rules.yml"))
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_amtool_takes_the_shipped_configuration(pair: Pair, tmp_path: Path) -> None:
    assert check(pair, ALERTMANAGER.read_text(), tmp_path) == ""


@pytest.mark.parametrize("number", range(len(options(ALERTMANAGER.read_text()))))
def test_amtool_takes_each_option_switched_on_alone(pair: Pair, tmp_path: Path, number: int) -> None:
    text = ALERTMANAGER.read_text()
    option = options(text)[number]
    if option.starts_route:
        # A route needs its receivers, which are an option as well.
        numbers = [number, *(n for n, other in enumerate(options(text)) if other.starts_receiver)]
    else:
        numbers = [number]

    problem = check(pair, with_options(text, numbers, pair.alertmanager_version), tmp_path)

    assert problem == "", option.text


def test_amtool_takes_all_options_at_once(pair: Pair, tmp_path: Path) -> None:
    text = ALERTMANAGER.read_text()

    every = with_options(text, range(len(options(text))), pair.alertmanager_version)

    assert check(pair, every, tmp_path) == ""


def test_what_is_switched_on_reads_its_secrets_from_files(pair: Pair) -> None:
    text = ALERTMANAGER.read_text()
    every = with_options(text, range(len(options(text))), (0, 28))

    secret = re.compile(
        r"^\s*(?:- )?(?:routing_key|api_url|bot_token|auth_password|url)(_file)?: (.*)$", re.MULTILINE
    )
    given = {(bool(file), value.split("//")[-1].split(":")[0]) for file, value in secret.findall(every)}

    assert {value for file, value in given if not file} == {"127.0.0.1"}
    assert {value for file, value in given if file} == {
        "/etc/alertmanager/secrets/pagerduty",
        "/etc/alertmanager/secrets/slack",
        "/etc/alertmanager/secrets/telegram",
        "/etc/alertmanager/secrets/smtp",
        "/etc/alertmanager/secrets/deadman",
    }


def expected_receiver(severity: str, name: str) -> str:
    if name == "Watchdog":
        return "deadman"
    return {"critical": "page", "warning": "notice", "info": "nobody", "none": "nobody"}[severity]


def cases() -> Sequence[tuple[str, str]]:
    return [
        (alert.name, severity) for alert in alerts(RULES).values() for severity in sorted(alert.severities)
    ]


@pytest.mark.parametrize(("name", "severity"), cases())
def test_every_alert_reaches_the_receiver_of_its_severity(pair: Pair, name: str, severity: str) -> None:
    labels = [
        f"alertname={name}",
        f"severity={severity}",
        "job=mt5-exporter",
        "instance=a",
        "terminal=desk-1",
    ]

    done = run(pair, "amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER}", *labels)

    assert (done.returncode, done.stdout.strip()) == (0, expected_receiver(severity, name))


def test_an_alert_of_no_known_severity_reaches_somebody(pair: Pair) -> None:
    done = run(pair, "amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER}", "alertname=New")

    assert done.stdout.strip() == "notice"


@pytest.mark.parametrize(
    ("severity", "receiver"), [("critical", "metals-page"), ("warning", "metals-notice"), ("info", "nobody")]
)
def test_a_desk_with_people_of_its_own_is_told_itself(
    pair: Pair, tmp_path: Path, severity: str, receiver: str
) -> None:
    text = ALERTMANAGER.read_text()
    path = tmp_path / "alertmanager.yml"
    path.write_text(with_options(text, range(len(options(text))), pair.alertmanager_version))

    labels = ["alertname=MT5NearStopOut", f"severity={severity}", "desk=metals"]
    done = run(pair, "amtool", "config", "routes", "test", f"--config.file={path}", *labels)

    assert done.stdout.strip() == receiver


def matchers(rule: dict[str, list[str]], side: str) -> list[tuple[str, str, str]]:
    found = [re.fullmatch(r"(\w+)(=~|!~|!=|=)\"(.*)\"", matcher) for matcher in rule[f"{side}_matchers"]]
    return [(match[1], match[2], match[3]) for match in found if match]


def holds(how: str, wanted: str, value: str) -> bool:
    matched = bool(re.fullmatch(wanted, value)) if "~" in how else wanted == value
    return matched != how.startswith("!")


def names(rule: dict[str, list[str]], side: str) -> set[str]:
    """Return the alerts that one side of an inhibition rule is about."""
    asked = [(how, value) for label, how, value in matchers(rule, side) if label == "alertname"]
    return {name for name in alerts(RULES) if all(holds(how, value, name) for how, value in asked)}


INHIBITIONS: list[dict[str, list[str]]] = yaml.safe_load(ALERTMANAGER.read_text())["inhibit_rules"]


@pytest.mark.parametrize("rule", INHIBITIONS, ids=range(len(INHIBITIONS)))
def test_an_inhibition_names_alerts_that_there_are(rule: dict[str, list[str]]) -> None:
    for side in ("source", "target"):
        assert len(matchers(rule, side)) == len(rule[f"{side}_matchers"])
        for label, how, value in matchers(rule, side):
            if label == "alertname" and value != "MT5.+":
                for part in re.split(r"\|(?![^(]*\))", value):
                    assert any(re.fullmatch(part, name) for name in alerts(RULES)), f"{how} {part}"


@pytest.mark.parametrize("rule", INHIBITIONS, ids=range(len(INHIBITIONS)))
def test_an_inhibition_asks_its_source_for_the_labels_that_it_compares(rule: dict[str, list[str]]) -> None:
    sure = {label for label, how, value in matchers(rule, "source") if (how, value) == ("!=", "")}
    optional = {"alertname", "symbol", "expert"}
    if names(rule, "source") == {"InfoInhibitor"} or "severity" in {m[0] for m in matchers(rule, "source")}:
        optional |= {"job", "instance", "terminal"}

    assert set(rule["equal"]) - sure - optional == set()


GRAVER = {
    "MT5NearStopOut": {"MT5NearMarginCall", "MT5MarginLevelLow", "MT5MarginExhaustionPredicted"},
    "MT5NearMarginCall": {"MT5MarginLevelLow", "MT5MarginExhaustionPredicted"},
    "MT5DailyLossCritical": {"MT5DailyLossHigh"},
    "MT5DrawdownCritical": {"MT5DrawdownHigh"},
}


@pytest.mark.parametrize("rule", INHIBITIONS, ids=range(len(INHIBITIONS)))
def test_a_risk_alert_is_muted_by_none_but_a_graver_one_of_its_kind(rule: dict[str, list[str]]) -> None:
    if "alertname" in rule["equal"] or names(rule, "source") == {"InfoInhibitor"}:
        # A graver one of the same name, or of severity info, which no risk alert is.
        return
    hidden = {name for name in names(rule, "target") if RISK.fullmatch(name)}

    assert hidden <= set().union(*(GRAVER.get(source, set()) for source in names(rule, "source")))


def test_nothing_mutes_itself() -> None:
    for rule in INHIBITIONS:
        if "alertname" not in rule["equal"] and names(rule, "source") != {"InfoInhibitor"}:
            assert names(rule, "source") & names(rule, "target") == set()


@pytest.mark.parametrize("found", alerts(RULES).values(), ids=lambda found: found.name)
def test_no_alert_waits_anew_for_so_long_that_it_is_taken_for_resolved(found: Alert) -> None:
    # After a restart Prometheus goes on with what waits ten minutes and more, and begins anew with the rest;
    # Alertmanager takes for resolved what it has not heard of for four minutes.
    assert found.pending <= 150 or found.pending >= 600
