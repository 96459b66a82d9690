"""A bridge that is gone, hangs, lies, is another one, or asks for a certificate."""

import ast
import hashlib
import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import rpyc
import rpyc.utils.factory
import trustme

from mt5_exporter.far import call, wire
from mt5_exporter.far.drivers import rpyc_bridge
from tests.far.bridge import MODULE, PATH, WINDOWS, attach, bridge, driver
from tests.far.test_driver_contract import scripted
from tests.scripted.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with scripted(tmp_path) as found:
        yield found


def pipe_name(path: str) -> str:
    """Return the name of a terminal's pipe, by the rule that the genuine module has."""
    digest = hashlib.sha256(f"\\\\?\\{path}".lower().encode("utf-16-le")).hexdigest().upper()
    return f"\\\\.\\pipe\\MT5.Terminal.{digest}"


@contextmanager
def server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve each connection by hand, and return the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                # They may have left in the middle.
                with connection, suppress(OSError, EOFError):
                    talk(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            assert not thread.is_alive()


@contextmanager
def classic(service: type[rpyc.Service]) -> Iterator[int]:
    """Run an rpyc server of our own making in this process, and return its port."""

    def talk(connection: socket.socket) -> None:
        stream = rpyc.SocketStream(connection)
        rpyc.utils.factory.connect_stream(stream, service, {"allow_all_attrs": True}).serve_all()

    with server(talk) as port:
        yield port


def test_a_bridge_that_dies_in_a_call_is_lost_until_it_is_back(tmp_path: Path, world: World) -> None:
    with bridge(tmp_path, world) as first:
        ours, port = first.driver(), first.port
        assert attach(ours) == (True, 1)
        died = ours.read("symbol_info", ["DIE"], {}, ["name"])
        after = ours.read("symbol_info", ["EURUSD"], {}, ["name"])
        refused = attach(ours)
    with bridge(tmp_path, world, port=port):
        again = attach(ours)
        value = ours.read("symbol_info", ["EURUSD"], {}, ["name"])
        ours.api.shutdown()

    assert died[:2] == after[:2] == (None, wire.NO_BRIDGE)
    assert died[2].startswith(f"the bridge at 127.0.0.1:{port}: EOFError")
    assert after[2] == f"no connection to the bridge at 127.0.0.1:{port}"
    assert refused == (False, wire.NO_BRIDGE)
    assert again == (True, 1)
    assert value == (["EURUSD"], 1, "Success")


def test_an_exception_over_there_is_the_calls_and_one_line(tmp_path: Path, world: World) -> None:
    with bridge(tmp_path, world) as running:
        ours = running.driver()
        attach(ours)
        raised = ours.read("symbol_info", ["RAISE"], {}, ["name"])
        unsendable = ours.read("symbol_info", ["BYTES"], {}, ["name"])
        value = ours.read("symbol_info", ["EURUSD"], {}, ["name"])
        ours.api.shutdown()

    assert raised[:2] == unsendable[:2] == (None, wire.RAISED)
    assert raised[2].startswith("SystemError: a result with an exception set")
    assert unsendable[2] == "TypeError: cannot send a bytes"
    assert value[1] == 1


def test_to_leave_a_bridge_does_not_detach_who_else_uses_it(tmp_path: Path, world: World) -> None:
    with bridge(tmp_path, world) as running:
        ours, theirs = running.driver(), running.driver()
        attach(ours)
        attach(theirs)

        ours.api.shutdown()

        assert theirs.read("positions_total", [], {}, []) == (0, 1, "Success")
        theirs.api.shutdown()


def test_a_module_that_is_missing_over_there_is_named(tmp_path: Path, world: World) -> None:
    with bridge(tmp_path, world, module="raise ImportError('numpy is missing')") as running:
        ours = running.driver()

        attached = attach(ours)
        text = ours.api.last_error()[1]

    assert attached == (False, wire.NO_MODULE)
    assert text == f"the bridge at 127.0.0.1:{running.port}: ImportError: numpy is missing"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\0\0\0\x05\0hello\n",
        b"\0\0\0\x05\1hello\n",
        b"\xff\xff\xff\xff\1",
        bytes(range(256)) * 8,
    ],
)
def test_a_port_of_something_else_is_no_bridge(said: bytes) -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(said)

    with server(talk) as port:
        ours = driver(port)

        attached = attach(ours)

    assert attached == (False, wire.NO_BRIDGE)
    text = ours.api.last_error()[1]
    assert text.startswith(f"the bridge at 127.0.0.1:{port}: ")
    assert text.isprintable()
    assert len(text) < 300


def test_a_port_that_nobody_has_is_no_bridge() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    ours = driver(port)

    looked, attached = ours.presence(), attach(ours)

    assert (looked, attached) == ("unknown", (False, wire.NO_BRIDGE))
    assert "ConnectionRefusedError" in ours.api.last_error()[1]


LIES: list[object] = [
    None,
    7,
    b"[true, 1, '', '']",
    "no JSON",
    "[]",
    '["value", "1", "Success", ""]',
    '{"value": 1}',
    "[" * 5000,
    [True, 1, "Success", ""],
    object(),
]


@pytest.mark.parametrize("lie", LIES, ids=range(len(LIES)))
def test_an_answer_of_another_shape_is_a_lost_bridge(lie: object) -> None:
    class Liar(rpyc.Service):  # type: ignore[misc]
        def exposed_execute(self, source: str) -> None:
            pass

        def exposed_eval(self, source: str) -> object:
            return lie

    with classic(Liar) as port:
        ours = driver(port)

        attached = attach(ours)

    assert attached == (False, wire.NO_BRIDGE)


@pytest.mark.parametrize("lie", ["served and more", object(), 7, None])
def test_a_presence_that_nobody_knows_is_not_taken_for_one(lie: object) -> None:
    class Liar(rpyc.Service):  # type: ignore[misc]
        def exposed_execute(self, source: str) -> None:
            pass

        def exposed_eval(self, source: str) -> object:
            return True if source.startswith("sys.") else lie

    with classic(Liar) as port:
        ours = driver(port)

        found = ours.presence()
        ours.api.shutdown()

    assert found == "unknown"


def test_a_bridge_that_fails_when_it_looks_is_a_lost_one() -> None:
    class Broken(rpyc.Service):  # type: ignore[misc]
        def exposed_execute(self, source: str) -> None:
            pass

        def exposed_eval(self, source: str) -> object:
            if source.startswith("sys."):
                return True
            raise OSError("no such library")

    with classic(Broken) as port:
        ours = driver(port)

        found = ours.presence()
        code, text = ours.api.last_error()

    assert (found, code) == ("unknown", wire.NO_BRIDGE)
    assert text == f"the bridge at 127.0.0.1:{port}: OSError: no such library"


def test_the_bridge_gets_nothing_of_ours() -> None:
    got: list[object] = []

    class Curious(rpyc.Service):  # type: ignore[misc]
        def on_connect(self, conn: rpyc.Connection) -> None:
            self.theirs = conn

        def exposed_execute(self, source: str) -> None:
            pass

        def exposed_eval(self, source: str) -> object:
            if source.startswith("answer"):
                root = self.theirs.root
                got.extend(getattr(root, name) for name in ("execute", "eval", "getmodule", "namespace"))
                for name in ("__class__", "__init__", "_connect", "__dict__", "__str__"):
                    try:
                        got.append(self.theirs.sync_request(rpyc.core.consts.HANDLE_GETATTR, root, name))
                    except AttributeError:
                        got.append(None)
            return json.dumps([True, 1, "Success", ""])

    with classic(Curious) as port:
        ours = driver(port)

        attached = attach(ours)
        ours.api.shutdown()

    assert attached == (True, 1)
    assert got == [None] * 9


@pytest.mark.parametrize(
    ("pipe", "error", "found"), [(PATH, 0, "served"), ("", 121, "busy"), ("", 2, "absent")]
)
def test_a_bridge_on_windows_looks_for_the_pipe_before_it_touches_the_terminal(
    tmp_path: Path, world: World, pipe: str, error: int, found: str
) -> None:
    module = WINDOWS.format(pipe=pipe_name(pipe) if pipe else "", error=error) + MODULE
    with bridge(tmp_path, world, module=module) as running:
        ours = running.driver()

        presence = ours.presence()
        ours.api.shutdown()

    assert presence == found


def test_a_password_never_goes_there() -> None:
    ours = driver(1)

    logged_in = ours.api.login(1, password="hunter2", server="Broker", timeout=1)

    assert not logged_in
    assert ours.api.last_error() == (wire.REFUSED, "a password does not travel over a bridge")


def test_it_starts_no_terminal_elsewhere() -> None:
    ours = driver(1)

    ours.launch()

    assert ours.api.last_error() == (0, "")


class Certificates:
    """An authority with a certificate for the bridge and one for us, and an authority that nobody knows."""

    def __init__(self, folder: Path) -> None:
        ours, strange = trustme.CA(), trustme.CA()
        self.authority = str(folder / "ca.pem")
        self.stranger = str(folder / "stranger.pem")
        ours.cert_pem.write_to_path(self.authority)
        strange.cert_pem.write_to_path(self.stranger)
        self.bridge = self._issue(ours, folder, "bridge")
        self.exporter = self._issue(ours, folder, "exporter")

    @staticmethod
    def _issue(authority: trustme.CA, folder: Path, name: str) -> tuple[str, str]:
        issued = authority.issue_cert(name)
        files = str(folder / f"{name}.pem"), str(folder / f"{name}.key")
        issued.cert_chain_pems[0].write_to_path(files[0])
        issued.private_key_pem.write_to_path(files[1])
        return files


def test_with_mutual_tls_only_who_has_a_certificate_gets_through(tmp_path: Path, world: World) -> None:
    found = Certificates(tmp_path)
    certificate, key = found.bridge
    flags = ("--ssl-certfile", certificate, "--ssl-keyfile", key, "--ssl-cafile", found.authority)
    mine = {"cert_file": found.exporter[0], "key_file": found.exporter[1], "server_name": "bridge"}
    with bridge(tmp_path, world, flags=flags) as running:
        plain = attach(running.driver())
        without = attach(running.driver(tls={"ca_file": found.authority, "server_name": "bridge"}))
        deceived = running.driver(tls={"ca_file": found.stranger, **mine})
        misled = running.driver(tls={"ca_file": found.authority, **mine, "server_name": "another"})
        refused = [attach(deceived), attach(misled)]
        ours = running.driver(tls={"ca_file": found.authority, **mine})
        through = attach(ours)
        value = ours.read("positions_total", [], {}, [])
        ours.api.shutdown()

    assert [plain, without, *refused] == [(False, wire.NO_BRIDGE)] * 4
    assert "CERTIFICATE_VERIFY_FAILED" in deceived.api.last_error()[1]
    assert "Hostname mismatch" in misled.api.last_error()[1]
    assert (through, value) == ((True, 1), (0, 1, "Success"))


def test_without_rpyc_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rpyc", None)

    with pytest.raises(ImportError) as caught:
        rpyc_bridge.open_driver({}, None)

    text = str(caught.value)
    assert text.startswith(
        f"driver rpyc needs a package in {sys.executable}: pip install 'mt5-exporter[rpyc]'"
    )
    assert "\n" not in text


def test_what_a_bridge_runs_says_in_json_what_came_of_a_call() -> None:
    class Api:
        def last_error(self) -> tuple[int, str]:
            return 1, "Success"

        def symbols_total(self) -> int:
            return 3

    good = json.loads(call.answer(Api(), json.dumps(["symbols_total", [], {}, []])))
    bad = json.loads(call.answer(Api(), json.dumps(["nothing", [], {}, []])))

    assert good == [3, 1, "Success", ""]
    assert bad[:3] == [None, 0, ""]
    assert bad[3].startswith("AttributeError: ")


@pytest.mark.parametrize("module", ["mt5_exporter.far.call", "mt5_exporter.far.windows"])
def test_what_a_bridge_runs_imports_nothing_of_ours_when_it_runs(module: str) -> None:
    tree = ast.parse(rpyc_bridge.source(module), feature_version=(3, 8))

    at_once = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {getattr(node, "module", None) or node.names[0].name for node in at_once}
    assert not [name for name in names if name.startswith("mt5_exporter")]
