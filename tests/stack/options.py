"""What alertmanager.yml offers: blocks of lines that begin with `#:`, switched on by taking that away."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

OFFERED = re.compile(r"^( *)#: ?(.*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One block.

    Attributes:
        lines: The numbers of its lines, from 0.
        text: Its content.
    """

    lines: tuple[int, ...]
    text: str

    @property
    def starts_route(self) -> bool:
        """Tell whether it is a route."""
        return self.text.lstrip().startswith("- matchers:")

    @property
    def starts_receiver(self) -> bool:
        """Tell whether it is a list of receivers."""
        return self.text.lstrip().startswith("- name:")


def options(text: str) -> list[Option]:
    """Return the blocks in order; one ends with another key of the same receiver, or where its lines end."""
    blocks: list[list[int]] = []
    lines = text.splitlines()
    before = -2
    for number, line in enumerate(lines):
        found = OFFERED.match(line)
        if found is None:
            continue
        fresh = number != before + 1 or re.match(r"\w+_configs:", found[2])
        if fresh:
            blocks.append([])
        blocks[-1].append(number)
        before = number
    return [
        Option(lines=tuple(block), text="\n".join(OFFERED.sub(r"\1\2", lines[number]) for number in block))
        for block in blocks
    ]


def with_options(text: str, numbers: Iterable[int], version: tuple[int, int]) -> str:
    """Return the configuration with some options switched on.

    Args:
        text: As it is shipped.
        numbers: Which.
        version: Alertmanager's: before 0.26 some secrets can only stand in the file itself.
    """
    chosen = {line for number in numbers for line in options(text)[number].lines}
    lines = [
        OFFERED.sub(r"\1\2", line) if number in chosen else line
        for number, line in enumerate(text.splitlines())
    ]
    found = "\n".join(lines) + "\n"
    if version < (0, 26):
        found = found.replace("bot_token_file: /etc/alertmanager/secrets/telegram", "bot_token: secret")
        found = found.replace(
            "url_file: /etc/alertmanager/secrets/deadman", "url: http://127.0.0.1:10686/secret"
        )
    return found
