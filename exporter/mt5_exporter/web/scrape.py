"""One exposition to one client: its format and encoding, and how many may be served at once."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from mt5_exporter.exposition.negotiate import accepts_gzip, choose_format
from mt5_exporter.exposition.publish import Exposition, NotRendered


class Scrapes:
    """Serves expositions, `at_once` at a time; 0 for no limit."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._under_way = 0

    async def serve(self, request: Request, exposition: Callable[[], Awaitable[Exposition]]) -> Response:
        """Serve an exposition in the format and encoding that the client prefers."""
        if 0 < self._at_once <= self._under_way:
            return PlainTextResponse("too many scrapes at once\n", 503)
        self._under_way += 1
        try:
            found = await exposition()
            wanted = choose_format(",".join(request.headers.getlist("accept")))
            headers = {"content-type": wanted.value, "vary": "accept, accept-encoding"}
            if accepts_gzip(",".join(request.headers.getlist("accept-encoding"))):
                headers["content-encoding"] = "gzip"
                return Response(await found.zipped(wanted), headers=headers)
            return Response(found.bodies[wanted], headers=headers)
        except NotRendered as failure:
            # No answer is better than an untrue one: Prometheus sees a failed scrape.
            return PlainTextResponse(f"the metrics cannot be rendered: {failure}\n", 500)
        finally:
            self._under_way -= 1
