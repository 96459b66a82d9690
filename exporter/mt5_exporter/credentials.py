"""The account that a file expects, and its password: spelled out, from the environment, or from a file."""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from mt5_exporter.config import AccountConfig
from mt5_exporter.files import digest
from mt5_exporter.scalars import LOGIN, SERVER
from mt5_exporter.secret import Secret
from mt5_exporter.strict_yaml import Value, unreadable

MAX_PASSWORD_BYTES = 4096

VARIABLE = r"[A-Za-z_][A-Za-z0-9_()]*"
"""The name of an environment variable."""

_REFERENCE = re.compile(r"(\$?)\$\{([^}]*)(\}?)")


class Accounts:
    """Decodes the accounts of one file; collects their secrets, and warnings on the way.

    Args:
        environ: Where `${NAME}` in a password is looked up.
        directory: What a password's file is relative to.
        exposed: Whether others may read the file.
    """

    def __init__(self, environ: Mapping[str, str], directory: Path, *, exposed: bool) -> None:
        self.secrets: list[Secret] = []
        self.warnings: list[str] = []
        self.files: dict[Path, str] = {}
        """The passwords' files, and the digest of each as it was read."""
        self._environ = environ
        self._directory = directory
        self._exposed = exposed

    def decode(self, value: Value) -> AccountConfig:
        """Return the account, and keep its secret and its warnings."""
        # Nothing under this key is ever shown: a password is easily put beside the wrong word.
        section = value.hide().section(("login", "server", "password", "password_file"))
        if not section.values:
            raise value.error("expected login, server or both")
        if section.has("password") and section.has("password_file"):
            raise section.where("password_file").error("stands beside password; keep one of them")
        password = section.take("password", self._password, None)
        return AccountConfig(
            login=section.take("login", LOGIN, None),
            server=section.take("server", SERVER, None),
            password=section.take("password_file", self._password_file, password),
        )

    def _password(self, value: Value) -> Secret:
        spelled = value.text("a password in quotes or as ${VARIABLE}")
        if value.ends_at_comment():
            raise value.error("'#' begins a comment here: quote the password")
        if self._exposed and not _REFERENCE.search(spelled):
            self._warn(value, "is in a file that others may read; chmod 600, or use ${VARIABLE}")

        def look_up(found: re.Match[str]) -> str:
            escaped, name, closed = found.groups()
            if escaped:
                return found[0][1:]
            if not closed or not re.fullmatch(VARIABLE, name):
                raise value.error("'${' begins no ${VARIABLE}; write '$${' where it is meant literally")
            if name not in self._environ:
                raise value.error(f"the environment variable {name} is not set")
            return self._environ[name]

        return self._secret(value, _REFERENCE.sub(look_up, spelled))

    def _password_file(self, value: Value) -> Secret:
        path = self._directory / value.text("a file's name")
        try:
            with path.open("rb") as file:
                content = file.read(MAX_PASSWORD_BYTES + 1)
            self.files[path] = digest(content)
            password = content.decode("utf-8-sig")
        except OSError as error:
            raise value.error(unreadable(error)) from None
        except ValueError:
            raise value.error("the file is not UTF-8") from None
        if len(content) > MAX_PASSWORD_BYTES:
            raise value.error(f"the file is over {MAX_PASSWORD_BYTES} bytes, which no password is")
        if readable_by_others(path):
            self._warn(value, "the file may be read by others; chmod 600")
        return self._secret(value, password.rstrip("\r\n"))

    def _secret(self, value: Value, password: str) -> Secret:
        if not password:
            raise value.error("the password is empty")
        if any(char < " " or "\ud800" <= char < "\ue000" for char in password):
            raise value.error("the password has characters that no password has")
        secret = Secret(password)
        self.secrets.append(secret)
        return secret

    def _warn(self, value: Value, message: str) -> None:
        self.warnings.append(str(value.error(message)))


def readable_by_others(path: Path) -> bool:
    """Return whether the group or the world may read a file; Windows says it otherwise."""
    with suppress(OSError):
        return os.name == "posix" and bool(path.stat().st_mode & 0o044)
    return False
