"""docs/security.md and the example of a web configuration: what they say is what there is."""

import re
import shlex
import textwrap
from pathlib import Path

import bcrypt
import pytest

from mt5_exporter import cli, tool
from mt5_exporter.web import passwords, protocol, server, web_config_file
from mt5_exporter.web.front import REFUSALS
from tests.conftest import ROOT
from tests.docs import pages
from tests.web.pki import Authority

EXAMPLE = ROOT / "exporter" / "web-config.example.yml"
PAGE = pages.read("security.md")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files that the examples name."""
    found = tmp_path_factory.mktemp("pki")
    Authority(found).server()
    (found / "ca.pem").rename(found / "client-ca.crt")
    return found


def test_the_example_is_taken_as_it_is_and_has_every_key(folder: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    path = folder / "web.yml"
    path.write_text(text)
    path.chmod(0o600)

    found = web_config_file.load(path)

    assert found.warnings == ()
    assert found.authenticates
    assert bcrypt.checkpw(b"change me", found.users[b"prometheus"].reveal().encode())
    source = Path(web_config_file.__file__).read_text(encoding="utf-8")
    keys = set(re.findall(r'^ +"(\w+)",$', source, re.MULTILINE)) - {
        "RequireClientCert",
        "RequireAnyClientCert",
    }
    assert len(keys) > 12
    assert not [key for key in keys if not re.search(rf"\b{key}\b", text)]


def test_the_small_one_of_the_page_is_taken_with_a_real_hash(folder: Path) -> None:
    found = re.search(r"^    tls_server_config:\n(?:    .*\n)+", PAGE, re.MULTILINE)
    assert found is not None
    path = folder / "small.yml"
    path.write_text(textwrap.dedent(found[0]).replace("$2y$10$...", "$2y$10$" + "a" * 53))
    path.chmod(0o600)

    assert web_config_file.load(path).warnings == ()


def test_every_command_of_the_page_is_one() -> None:
    text = PAGE.replace("\\\n", " ")
    lines = [line.strip() for line in re.findall(r"^    mt5.*$", text, re.MULTILINE)]

    assert len(lines) == 2
    for line in lines:
        program, *arguments = shlex.split(line)
        {"mt5-exporter": cli.parser({}), "mt5tool": tool.parser()}[program].parse_args(arguments)


def test_every_limit_of_the_page_is_the_one_that_holds() -> None:
    kilobytes = protocol.HEADER_LIMIT >> 10
    for words in (
        f"{protocol.HEADER_DEADLINE:.0f} s, {kilobytes} KiB, {protocol.HEADER_COUNT} headers",
        f"| {protocol.RESPONSE_DEADLINE:.0f} s | closed |",
        f"`--web.max-connections`, {server.MAX_CONNECTIONS} |",
        f"sent ahead of their answers | {protocol.PIPELINED} |",
        f"a pause of {server.ACCEPT_PAUSE * 1000:.0f} ms",
        f"idle connection | {protocol.KEEP_ALIVE} s |",
        f"{passwords.REMEMBERED} right and {passwords.REMEMBERED} wrong",
        f"all together {passwords.WAITING};",
    ):
        assert words in " ".join(PAGE.split())
    assert int(str(vars(cli.parser({}).parse_args([]))["web.max-connections"])) == server.MAX_CONNECTIONS


def test_the_page_names_every_cause_of_a_refusal() -> None:
    [paragraph] = [part for part in PAGE.split("\n\n") if "mt5_exporter_web_refused_total" in part]

    assert set(re.findall(r"`([a-z_]+)`", paragraph)) == set(REFUSALS)


def test_the_page_says_where_each_test_of_the_list_is() -> None:
    rows = re.findall(r"^\| (T[0-9, T]+) \| .+ \| (.+) \|$", PAGE, re.MULTILINE)

    numbers = {int(number) for spelled, _ in rows for number in re.findall(r"[0-9]+", spelled)}
    assert numbers == {*range(1, 17), 20, 21}
    for spelled, where in rows:
        named = re.findall(r"(?:tests/\w+/)?test_\w+\.py", where)
        assert named, spelled
        for name in named:
            path = ROOT / (name if "/" in name else f"tests/web/{name}")
            assert path.is_file(), name
