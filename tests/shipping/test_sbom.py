"""`make sbom`: a bill of exactly what is pinned."""

import json
import re
import subprocess
from pathlib import Path

from tests.conftest import ROOT
from tests.shipping.conftest import Checker
from tests.shipping.files import canonical, lock

LOCK = ROOT / "exporter" / "requirements.lock"


def test_the_bill_names_what_the_lock_pins_with_its_hashes(check: Checker, tmp_path: Path) -> None:
    recipe = subprocess.run(
        ["make", "--dry-run", "sbom"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=20
    ).stdout
    [flags] = re.findall(r"cyclonedx-py (requirements .*?)-o ", recipe.replace("\\\n", " "), re.DOTALL)
    bill = tmp_path / "bill.json"
    arguments = [word.replace("pyproject.toml", str(ROOT / "pyproject.toml")) for word in flags.split()]

    check("cyclonedx-py", *arguments, "-o", bill, LOCK)

    read = json.loads(bill.read_text(encoding="utf-8"))
    assert read["metadata"]["component"]["name"] == "mt5-exporter"
    components = {
        (canonical(part["name"]), part["version"]): {
            entry["content"]
            for reference in part["externalReferences"]
            for entry in reference.get("hashes", ())
        }
        for part in read["components"]
    }
    assert components == {(pin.name, pin.version): pin.hashes for pin in lock(LOCK)}
