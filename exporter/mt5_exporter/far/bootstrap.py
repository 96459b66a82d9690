"""Mount the far side from one frame on stdin and run its worker: the first thing the interpreter executes.

`launcher` sends this file's text, then a JSON object of module name to [source, file name], then the
settings. Nothing is installed or written beside the terminal.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import json
import sys
from collections.abc import Sequence
from types import CodeType, ModuleType
from typing import BinaryIO


class Bundle(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds and loads the modules that came over stdin."""

    def __init__(self, modules: dict[str, tuple[str, str]]) -> None:
        self.modules = modules

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of a bundled module."""
        del path, target
        if fullname not in self.modules:
            return None
        spec = importlib.util.spec_from_loader(fullname, self, is_package=self.is_package(fullname))
        if spec is not None:
            spec.origin = self.modules[fullname][1]
            spec.has_location = True
        return spec

    def is_package(self, fullname: str) -> bool:
        """Tell whether other modules lie below this one."""
        return self.modules[fullname][1].endswith("__init__.py")

    def get_source(self, fullname: str) -> str:
        """Return the source; tracebacks show it."""
        return self.modules[fullname][0]

    def get_code(self, fullname: str) -> CodeType:
        """Compile under the sender's file name, so that tracebacks and coverage name a real file."""
        source, filename = self.modules[fullname]
        return compile(source, filename, "exec", dont_inherit=True)


def mount(stream: BinaryIO) -> None:
    """Read the bundle from `stream` and make it importable ahead of anything installed."""
    length = int.from_bytes(stream.read(4), "big")
    modules = {name: (source, file) for name, (source, file) in json.loads(stream.read(length)).items()}
    sys.meta_path.insert(0, Bundle(modules))


if __name__ == "__main__":
    mount(sys.stdin.buffer)
    worker = importlib.import_module("mt5_exporter.far.worker")
    raise SystemExit(worker.main())
