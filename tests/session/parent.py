"""A parent that keeps one worker until it is killed: it prints the number of the worker once that is ready.

`python parent.py idle|FAULT BUDGET`: idle, or in an account_info that meets the fault, with that budget.
"""

import asyncio
import sys
import time

from mt5_exporter.launcher import WorkerProcess


async def main(name: str, budget: float) -> None:
    faults = [] if name == "idle" else [{"fault": name, "calls": ["account_info"]}]
    worker, _ = await WorkerProcess.start(
        command=None,
        environment_names=(),
        settings={
            "driver": "simulated",
            "simulation": {"seed": 1, "opened": time.time() - 3600, "faults": faults},
        },
        timeout=20,
        on_exit=print,
        on_stderr=print,
    )
    await worker.request({"op": "connect"}, budget=10)
    if name != "idle":
        worker.request({"calls": [{"function": "account_info"}]}, budget=budget)
        # Sent when the pipe's buffer is empty, which it was; the loop need not come round again.
    sys.stdout.write(f"{worker.pid}\n")
    sys.stdout.flush()
    time.sleep(60)  # noqa: ASYNC251 - nothing here may end the worker but our own end


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
