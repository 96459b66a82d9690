"""The far side as an interpreter gets it that has none of it: over stdin."""

import importlib
import io
import json
import subprocess
import sys
import traceback
from collections.abc import Iterator

import pytest

from mt5_exporter.far import bootstrap, wire
from tests.far import bundle

IMPORTED = ("bundled", "bundled.below", "colorsys")


@pytest.fixture(autouse=True)
def _no_trace(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget what a test mounts and imports."""
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    before = {name: sys.modules.pop(name) for name in IMPORTED if name in sys.modules}
    yield
    for name in IMPORTED:
        sys.modules.pop(name, None)
    sys.modules.update(before)


def mount(modules: dict[str, tuple[str, str]]) -> io.BytesIO:
    body = json.dumps(modules).encode()
    stream = io.BytesIO(len(body).to_bytes(4, "big") + body + b"the next frame")
    bootstrap.mount(stream)
    return stream


PACKAGE = {
    "bundled": ("", "/near/bundled/__init__.py"),
    "bundled.below": (
        "from bundled import __name__ as above\n\ndef broken():\n    raise ValueError('below')\n",
        "/near/bundled/below.py",
    ),
}


def test_a_mounted_package_is_imported_with_what_lies_below_it() -> None:
    stream = mount(PACKAGE)

    below = importlib.import_module("bundled.below")

    assert vars(below)["above"] == "bundled"
    assert below.__file__ == "/near/bundled/below.py"
    assert below.__package__ == "bundled"
    assert stream.read() == b"the next frame"


def test_a_traceback_shows_the_senders_file_and_line() -> None:
    mount(PACKAGE)
    below = importlib.import_module("bundled.below")

    with pytest.raises(ValueError, match="below") as raised:
        vars(below)["broken"]()

    shown = "".join(traceback.format_exception(raised.value))
    assert 'File "/near/bundled/below.py", line 4, in broken\n    raise ValueError' in shown


def test_what_came_over_stdin_goes_before_what_is_installed() -> None:
    mount({"colorsys": ("origin = 'bundle'", "/near/colorsys.py")})

    colorsys = importlib.import_module("colorsys")

    assert vars(colorsys)["origin"] == "bundle"


def test_what_is_not_in_the_bundle_is_left_to_others() -> None:
    mount({})

    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("bundled")

    assert vars(importlib.import_module("colorsys"))["rgb_to_hsv"]


def test_an_isolated_interpreter_serves_from_what_came_over_stdin() -> None:
    stdin = bundle.start() + wire.encode({"driver": "simulated"}) + wire.encode(bundle.request("version"))

    ended = subprocess.run(bundle.COMMAND, input=stdin, capture_output=True, timeout=20, check=False)

    hello, reply = bundle.frames(ended.stdout)
    assert hello["hello"] == {
        "protocol": wire.PROTOCOL,
        "python": ".".join(map(str, sys.version_info[:3])),
        "driver": "scripted",
        "package": "5.0.1",
    }
    assert reply["id"] == 1
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_module_that_was_not_sent_does_not_come_from_elsewhere() -> None:
    modules = {name: source for name, source in bundle.modules().items() if not name.endswith(".wire")}

    ended = subprocess.run(
        bundle.COMMAND, input=bundle.start(modules), capture_output=True, timeout=20, check=False
    )

    assert ended.returncode == 1
    assert ended.stdout == b""
    assert b"cannot import name 'wire'" in ended.stderr
    assert b"far/worker.py" in ended.stderr
