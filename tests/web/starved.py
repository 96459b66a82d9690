"""A front in a process of its own that may have 64 descriptors: python -m tests.web.starved."""

import asyncio
import resource
import signal
import sys

from mt5_exporter.clock import SystemClock
from mt5_exporter.web.front import Front, WebSettings
from mt5_exporter.web.server import Address, listen
from tests.web import asgi


async def main() -> None:
    """Serve until SIGTERM."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    [listener] = listen(Address(host="127.0.0.1", port=0))
    application = asgi.Front().application()
    front = Front(application, WebSettings(), refuse=lambda _: None, clock=SystemClock())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, front.finish)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    await front.run_on([listener])


if __name__ == "__main__":
    asyncio.run(main())
