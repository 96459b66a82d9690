"""Passwords that cannot be shown by accident."""

import json
import re
from typing import NoReturn

HIDDEN = "<secret>"


class Secret:
    """A text that no repr, log, page, pickle or traceback shows; `reveal` is the only way in."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """Return the text itself, for the frame that carries it to the worker."""
        return self.__value

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.__value == other.reveal()

    def __hash__(self) -> int:
        return hash(self.__value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


class Redactor:
    """Replaces every known secret in a text; what a worker prints goes through it before it is logged."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def learn(self, secret: Secret) -> None:
        """Hide `secret` from now on, also as Python or JSON quotes it; the empty one hides nothing."""
        value = secret.reveal()
        if value:
            self._known |= {value, repr(value)[1:-1], json.dumps(value)[1:-1]}
            longest_first = sorted(self._known, key=len, reverse=True)
            self._pattern = re.compile("|".join(re.escape(known) for known in longest_first))

    def redact(self, text: str) -> str:
        """Return `text` without any known secret."""
        return self._pattern.sub(HIDDEN, text) if self._pattern else text
