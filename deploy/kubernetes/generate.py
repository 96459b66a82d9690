"""Write prometheusrule.yaml anew: each file of alerts/rules as a PrometheusRule, its text indented."""

from pathlib import Path

HERE = Path(__file__).resolve().parent
RULES = HERE.parents[1] / "alerts" / "rules"
INDENT = "  "

HEAD = """\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: mt5-{name}
spec:
"""


def indented(text: str) -> str:
    """Return a text two columns to the right, empty lines left empty."""
    return "".join(f"{INDENT}{line}" if line.strip() else line for line in text.splitlines(keepends=True))


def manifests() -> str:
    """Return the manifests of all rule files."""
    parts = [
        HEAD.format(name=path.name.removesuffix(".rules.yml")) + indented(path.read_text(encoding="utf-8"))
        for path in sorted(RULES.glob("*.rules.yml"))
    ]
    return "# Written from alerts/rules by `make kubernetes`; edit those.\n" + "---\n".join(parts)


if __name__ == "__main__":
    (HERE / "prometheusrule.yaml").write_text(manifests(), encoding="utf-8")
