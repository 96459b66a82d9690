"""What `last_error` says, the genuine module's codes with its texts; and our own error of bad settings."""

from mt5_exporter.far.drivers.simulated.constants import Constants


class SimulationError(ValueError):
    """Settings that describe no simulated terminal."""


class Refusal(Exception):
    """A call that gives no value; code and text go to `last_error`."""

    def __init__(self, code: int, text: str, *, forgotten: bool = False) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text
        self.forgotten = forgotten
        """The genuine module leaves an exception behind, too, which Python makes a SystemError."""


START = (0, "")
SUCCESS = (Constants.RES_S_OK, "Success")
CALL_FAILED = (Constants.RES_E_FAIL, "Terminal: Call failed")
NOT_FOUND = (Constants.RES_E_NOT_FOUND, "Terminal: Not found")
INCOMPATIBLE = (
    Constants.RES_E_INVALID_VERSION,
    "Terminal: Incompatible versions, please install the latest version of Terminal and Python module",
)
AUTH_FAILED = (Constants.RES_E_AUTH_FAILED, "Terminal: Authorization failed")
RECEIVE_FAILED = (Constants.RES_E_INTERNAL_FAIL_RECEIVE, "IPC recv failed")
NO_CONNECTION = (Constants.RES_E_INTERNAL_FAIL_CONNECT, "No IPC connection")
TIMEOUT = (Constants.RES_E_INTERNAL_FAIL_TIMEOUT, "IPC timeout")


def invalid(text: str, *, forgotten: bool = False) -> Refusal:
    """Return the refusal of bad arguments."""
    return Refusal(Constants.RES_E_INVALID_PARAMS, text, forgotten=forgotten)


def exception_forgotten(function: str) -> SystemError:
    """Return what Python raises when C code has left an exception behind and still gives a result."""
    return SystemError(f"<built-in function {function}> returned a result with an exception set")


def not_launched(reason: str) -> Refusal:
    """Return the refusal of `initialize` when there is no terminal to attach to."""
    return Refusal(Constants.RES_E_INTERNAL_FAIL_INIT, f"IPC initialize failed, {reason}")
