"""The demo as an exporter, with a terminal more to which everything happens that hardly ever does."""

import itertools
import sys
import time
from pathlib import Path

from tests.stack.fleet import Scripted
from tests.stack.program import Program, free_ports, replaced
from tests.stack.tools import ROOT

DEMO = ROOT / "exporter" / "mt5_exporter" / "demo.yml"

MONEY, BUY_LIMIT, BALANCE = 1, 2, 2
"""MT5's words for levels that are set in money, for an order, and for a deal that is a deposit."""

TAKEN_OVER = 'mt5_history_since_timestamp_seconds{terminal="rare"}'
"""There once the fourth terminal's history was taken over; it must not grow before, and nothing counts."""


class Desk:
    """The demo's three terminals, and a fourth to which everything happens that hardly ever does.

    Args:
        folder: For its files.
    """

    def __init__(self, folder: Path) -> None:
        self._scenario = folder / "scenario.yml"
        self._operations = zip(itertools.count(1000), itertools.cycle((100.0, -100.0)), strict=False)
        self._rare = Scripted("rare", folder)
        with self._rare.world.change():
            self._rare.has(margin_so_mode=MONEY)
            self._rare.world.order(
                8, symbol="BTCUSD", type=BUY_LIMIT, volume_current=0.1, price_open=50_000.0, magic=1001
            )
        beating = f"  - name: demo-1\n    heartbeat_files: {{scalper: {self._rare.beat}}}\n"
        demo = replaced(
            DEMO.read_text(encoding="utf-8"),
            ("mt5-demo-scenario.yml", str(self._scenario)),
            ("interval: 5s", "interval: 2s"),
            ("  - name: demo-1\n", beating),
        )
        # Its symbol's market never closes.
        rare = "".join(f"  {line}\n" for line in [*self._rare.lines(), "  symbols: [BTCUSD]"])
        config = folder / "desk.yml"
        config.write_text(f"{demo}\n{rare}", encoding="utf-8")
        self.address = f"127.0.0.1:{free_ports(1)[0]}"
        self.program = Program(
            "exporter",
            [
                sys.executable,
                "-m",
                "mt5_exporter",
                f"--config.file={config}",
                f"--web.listen-address={self.address}",
            ],
            folder=folder,
            ready=f"http://{self.address}/-/ready",
        )

    def live(self) -> None:
        """Let a moment pass: prices move, and money comes and goes."""
        self._rare.tick()
        ticket, amount = next(self._operations)
        self._rare.world.deal(ticket, time=int(time.time()), type=BALANCE, profit=amount)

    def bad_luck(self) -> None:
        """Let the broker close a position, and reject orders."""
        self._rare.stop_out()
        self._rare.reject()

    def play(self, *faults: str) -> None:
        """Play these on the demo's terminals from now on, each the inside of a YAML mapping."""
        entries = "".join(f"\n  - {{{fault}}}" for fault in faults)
        self._scenario.write_text(f"faults:{entries or ' []'}\n", encoding="utf-8")
