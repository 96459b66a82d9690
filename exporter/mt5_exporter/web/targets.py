"""One terminal alone at /probe, and all of them as targets for Prometheus' http_sd."""

import re
from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from mt5_exporter.exposition.publish import Exposition
from mt5_exporter.web.scrape import Scrapes

PROBE = "/probe"
TARGETS = "/-/targets"

HOST = re.compile(r"[A-Za-z0-9_.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
"""What a client may call us, so that nothing else comes back to it as our address."""


class Targets:
    """Both pages.

    Args:
        scrapes: Serves an exposition, the whole one's limit included.
        current: Returns the exposition of the moment.
        names: Returns the names of the terminals.
    """

    def __init__(
        self,
        scrapes: Scrapes,
        *,
        current: Callable[[], Awaitable[Exposition]],
        names: Callable[[], Sequence[str]],
    ) -> None:
        self._scrapes = scrapes
        self._current = current
        self._names = names

    async def probe(self, request: Request) -> Response:
        """Serve what is known of the terminal that `target` names: a name, never an address, and no poll."""
        wanted = request.query_params.getlist("target")
        if len(wanted) != 1 or not wanted[0]:
            return PlainTextResponse("expected one parameter, target=NAME: the name of a terminal\n", 400)
        [name] = wanted
        if name not in self._names():
            return PlainTextResponse(f"target: no terminal is called so; {TARGETS} lists them\n", 404)

        async def alone() -> Exposition:
            return (await self._current()).alone(name)

        try:
            return await self._scrapes.serve(request, alone)
        except KeyError:
            # It was taken away while the exposition was made.
            return PlainTextResponse("target: no such terminal any more\n", 404)

    async def targets(self, request: Request) -> Response:
        """List the terminals for http_sd, at the address under which we were asked."""
        host = request.headers.get("host", "")
        if not HOST.fullmatch(host):
            return PlainTextResponse("Host: expected HOST:PORT\n", 400)
        secure = {"__scheme__": "https"} if request.url.scheme == "https" else {}
        return JSONResponse(
            [
                {
                    "targets": [host],
                    "labels": {**secure, "__metrics_path__": PROBE, "__param_target": name, "target": name},
                }
                for name in self._names()
            ]
        )
