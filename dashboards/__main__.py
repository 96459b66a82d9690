"""`make dashboards`: write each dashboard's JSON to `generated/`."""

from pathlib import Path

from dashboards import DASHBOARDS

GENERATED = Path(__file__).parent / "generated"

if __name__ == "__main__":
    GENERATED.mkdir(exist_ok=True)
    for dashboard in DASHBOARDS:
        (GENERATED / f"{dashboard.uid}.json").write_text(dashboard.text(), encoding="utf-8", newline="\n")
