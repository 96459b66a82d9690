"""Mount the far side from one frame on stdin and run its worker: the first thing the interpreter executes.

`launcher` sends this file's text, then a JSON object of module name to [source, file name], then the
settings. Nothing is installed or written beside the terminal.
"""

import importlib.machinery
import json
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import BinaryIO


class Bundle:
    """Finds and loads the modules that came over stdin.

    It is a finder and a loader by its methods alone: the base classes in importlib.abc would bring 4 MiB of
    modules along, in every worker.
    """

    def __init__(self, modules: dict[str, tuple[str, str]]) -> None:
        self.modules = modules

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of a bundled module."""
        del path, target
        if fullname not in self.modules:
            return None
        file = self.modules[fullname][1]
        package = file.endswith("__init__.py")
        spec = importlib.machinery.ModuleSpec(fullname, self, origin=file, is_package=package)  # type: ignore[arg-type]
        spec.has_location = True
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """Leave it to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module under the sender's file name, so that tracebacks and coverage name a real file."""
        source, file = self.modules[module.__name__]
        exec(compile(source, file, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - as any import

    def get_source(self, fullname: str) -> str:
        """Return the source; tracebacks show it."""
        return self.modules[fullname][0]


def mount(stream: BinaryIO) -> None:
    """Read the bundle from `stream` and make it importable ahead of anything installed."""
    length = int.from_bytes(stream.read(4), "big")
    modules = {name: (source, file) for name, (source, file) in json.loads(stream.read(length)).items()}
    sys.meta_path.insert(0, Bundle(modules))


if __name__ == "__main__":
    mount(sys.stdin.buffer)
    from mt5_exporter.far.worker import main

    raise SystemExit(main())
