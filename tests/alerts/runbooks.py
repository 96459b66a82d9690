"""What a runbook must have: its four headings, and questions and commands that are understood."""

import re
import shlex
from collections.abc import Iterable, Iterator
from contextlib import redirect_stderr
from io import StringIO

from mt5_exporter.catalogue.limits import LIMITS
from mt5_exporter.tool import parser
from tests.alerts.promql import Reader, Unsound
from tests.alerts.shipped import Shipped

HEADINGS = ("Meaning", "Impact", "Diagnosis", "Mitigation")


def complaints(shipped: Shipped, reader: Reader) -> Iterator[str]:
    """Yield what is wrong with the runbooks."""
    names = {alert.name for alert in shipped.alerts}
    yield from (f"{name}: has no runbook" for name in sorted(names - set(shipped.runbooks)))
    yield from (f"{name}: is a runbook of no alert" for name in sorted(set(shipped.runbooks) - names))
    for name, text in shipped.runbooks.items():
        found = (*_shape(name, text), *_questions(text, reader), *_commands(text), *_names(text, names))
        yield from (f"{name}: its runbook {complaint}" for complaint in found)


def _shape(name: str, text: str) -> Iterator[str]:
    if not text.startswith(f"# {name}\n"):
        yield "has another title"
    if tuple(re.findall(r"^## (.+)$", text, re.MULTILINE)) != HEADINGS:
        yield f"has other headings than {', '.join(HEADINGS)}"
    if re.search(r"^## \w+\n\s*(?=## |\Z)", text, re.MULTILINE):
        yield "has an empty section"


def _questions(text: str, reader: Reader) -> Iterator[str]:
    for query in _blocks(text, "promql"):
        try:
            reader.labels(query)
        except (Unsound, ValueError) as wrong:
            yield f"asks {query!r}: {wrong}"


def _commands(text: str) -> Iterator[str]:
    for line in _blocks(text, "sh"):
        if line.startswith("mt5tool ") and not _understood(line):
            yield f"says {line!r}, which mt5tool does not understand"


def _names(text: str, alerts: Iterable[str]) -> Iterator[str]:
    for limit in re.findall(r"`limits: \{(\w+)", text):
        if limit not in LIMITS:
            yield f"names the limit {limit}, which is not there"
    for other in re.findall(r"\]\((\w+)\.md\)", text):
        if other not in alerts:
            yield f"leads to {other}, which is not there"


def _blocks(text: str, language: str) -> list[str]:
    """Return the lines of a runbook's code blocks in a language, each a query or a command."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


def _understood(line: str) -> bool:
    try:
        with redirect_stderr(StringIO()):
            parser().parse_args(shlex.split(line, comments=True)[1:])
    except SystemExit:
        return False
    return True
