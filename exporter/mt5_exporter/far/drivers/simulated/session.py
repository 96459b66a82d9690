"""The connection between a process and its simulated terminal: attaching, losing it, and `last_error`."""

from collections.abc import Callable
from typing import TypeVar

from mt5_exporter.far.drivers.simulated import arguments, errors
from mt5_exporter.far.drivers.simulated.account import Scenario
from mt5_exporter.far.drivers.simulated.acts import ON_CALL, ON_INITIALIZE, Scene
from mt5_exporter.far.drivers.simulated.arguments import Credentials
from mt5_exporter.far.drivers.simulated.effects import Effects
from mt5_exporter.far.drivers.simulated.errors import Refusal
from mt5_exporter.far.drivers.simulated.faults import Schedule
from mt5_exporter.far.drivers.simulated.moment import Moment, World

T = TypeVar("T")
A = TypeVar("A")


class Session:
    """What one process knows of its terminal; as the genuine module's, there is one a process."""

    def __init__(self, scenario: Scenario, schedule: Schedule, effects: Effects) -> None:
        self.path = ""
        """Of the terminal's program, as `initialize` was given it."""
        self.selected = set(scenario.selected)
        """The symbols in Market Watch."""
        self._world = World(scenario)
        self._schedule = schedule
        self._effects = effects
        self._error = errors.START
        self._attached: int | None = None
        """Since when, in epoch milliseconds."""
        self._leak: list[bytes] = []

    def configure(self, scenario: Scenario, schedule: Schedule) -> None:
        """Play another schedule, or another scenario altogether; the session stays as it is."""
        self._schedule = schedule
        if scenario != self._world.scenario:
            self._world = World(scenario)
            self.selected = set(scenario.selected)

    def prepare(self) -> None:
        """Compute the account's history up to now, so that no call has to: some 20 ms for each day of it."""
        moment = self._world.at(self._now(), self._schedule)
        moment.book.ledger.balance(moment.instant)
        moment.book.pending.waiting(moment.instant)

    def initialize(self, *args: object, **kwargs: object) -> bool:
        """Attach to the terminal, and log in where `login` is given; `timeout` is in milliseconds."""
        self._attached = None

        def attach() -> bool:
            asked = arguments.attachment_of(args, kwargs)
            scene = Scene(
                effects=self._effects,
                instant=self._now(),
                path=asked.path,
                timeout=asked.timeout,
                leak=self._leak,
            )
            for fault in self._schedule.striking(
                "initialize", "", since=scene.instant, instant=scene.instant
            ):
                if fault.name in ON_INITIALIZE:
                    self._effects.note(fault.name, "initialize")
                    ON_INITIALIZE[fault.name](fault, scene)
            if asked.login:
                self._log_in(asked)
            self.path, self._attached = asked.path, scene.instant
            return True

        return self._answer("initialize", attach) or False

    def login(self, *args: object, **kwargs: object) -> bool:
        """Switch the terminal to an account: the one that the scenario names, with any password."""

        def log_in(_: Moment, asked: Credentials) -> bool:
            self._log_in(asked)
            return True

        return self.ask("login", lambda: arguments.login_of(args, kwargs), log_in) or False

    def shutdown(self) -> bool:
        """Leave the terminal."""
        self._attached = None
        self._error = errors.SUCCESS
        return True

    def last_error(self) -> tuple[int, str]:
        """Return code and text of the call before."""
        return self._error

    def read(
        self,
        function: str,
        read: Callable[[Moment], T],
        *,
        unattached: tuple[int, str] = errors.NO_CONNECTION,
    ) -> T | None:
        """Serve a call without arguments."""
        return self.ask(function, lambda: None, lambda moment, _: read(moment), unattached=unattached)

    def ask(
        self,
        function: str,
        bind: Callable[[], A],
        read: Callable[[Moment, A], T],
        *,
        symbol: object = None,
        unattached: tuple[int, str] = errors.NO_CONNECTION,
    ) -> T | None:
        """Serve a call: bind its arguments, let faults strike, then read what the terminal sees.

        In this order for every function: the genuine module, too, refuses bad arguments before it looks
        whether there is a session.

        Args:
            function: Its name, for the faults.
            bind: Returns its arguments, or raises the Refusal of bad ones.
            read: Makes its value.
            symbol: What it was given as a symbol, for the faults.
            unattached: What it answers without a session.
        """

        def answer() -> T:
            bound = bind()
            self._strike(function, symbol if isinstance(symbol, str) else "", unattached)
            return read(self._world.at(self._now(), self._schedule), bound)

        return self._answer(function, answer)

    def _answer(self, function: str, answer: Callable[[], T]) -> T | None:
        try:
            value = answer()
        except Refusal as refusal:
            self._error = refusal.code, refusal.text
            if refusal.forgotten:
                raise errors.exception_forgotten(function) from None
            return None
        self._error = errors.SUCCESS
        return value

    def _strike(self, function: str, symbol: str, unattached: tuple[int, str]) -> None:
        """Let every fault strike that meets this call."""
        if self._attached is None:
            raise Refusal(*unattached)
        scene = Scene(effects=self._effects, instant=self._now(), leak=self._leak)
        try:
            for fault in self._schedule.striking(
                function, symbol, since=self._attached, instant=scene.instant
            ):
                if fault.name in ON_CALL:
                    self._effects.note(fault.name, function)
                    ON_CALL[fault.name](fault, scene)
        finally:
            if scene.broken:
                self._attached = None

    def _log_in(self, asked: Credentials) -> None:
        account = self._world.scenario.account
        if asked.login != account.login or (asked.server or account.server) != account.server:
            raise Refusal(*errors.AUTH_FAILED)
        self._schedule.cure("account_switch", self._now())

    def _now(self) -> int:
        return int(self._effects.now() * 1000.0)
