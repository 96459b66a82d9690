"""What is served under which path; nothing here asks a terminal."""

import html
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from mt5_exporter import __version__
from mt5_exporter.exposition.negotiate import accepts_gzip, choose_format
from mt5_exporter.exposition.publish import Exposition, NotRendered

STYLE = "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalLine:
    """A terminal as the front page shows it."""

    name: str
    state: str
    up: bool
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """What the routes are given: no more than this of the exporter is reachable from outside.

    Attributes:
        telemetry_path: Where the exposition is.
        max_requests: Scrapes that may be under way at once; 0 for no limit.
        current: Returns the exposition of the moment.
        healthy: Says what is wrong with our own loop or scheduler, nothing when all is well.
        ready: Says what is missing before the first scrape makes sense, nothing when all is there.
        terminals: Returns the front page's lines.
    """

    telemetry_path: str
    max_requests: int
    current: Callable[[], Awaitable[Exposition]]
    healthy: Callable[[], str]
    ready: Callable[[], str]
    terminals: Callable[[], Sequence[TerminalLine]]


class Routes:
    """The handlers."""

    def __init__(self, surface: Surface) -> None:
        self._surface = surface
        self._scrapes = 0

    def application(self) -> Starlette:
        """Return the ASGI application; other methods than GET and HEAD get 405."""
        routes = [
            Route("/-/healthy", self.healthy),
            Route("/-/ready", self.ready),
            Route(self._surface.telemetry_path, self.metrics),
        ]
        if self._surface.telemetry_path != "/":
            routes.append(Route("/", self.front))
        application = Starlette(routes=routes)
        application.router.redirect_slashes = False
        return application

    async def metrics(self, request: Request) -> Response:
        """Serve the exposition in the format and encoding that the client prefers."""
        if 0 < self._surface.max_requests <= self._scrapes:
            return PlainTextResponse("too many scrapes at once\n", 503)
        self._scrapes += 1
        try:
            exposition = await self._surface.current()
            wanted = choose_format(",".join(request.headers.getlist("accept")))
            headers = {"content-type": wanted.value, "vary": "accept, accept-encoding"}
            if accepts_gzip(",".join(request.headers.getlist("accept-encoding"))):
                headers["content-encoding"] = "gzip"
                return Response(await exposition.zipped(wanted), headers=headers)
            return Response(exposition.bodies[wanted], headers=headers)
        except NotRendered as failure:
            # No answer is better than an untrue one: Prometheus sees a failed scrape.
            return PlainTextResponse(f"the metrics cannot be rendered: {failure}\n", 500)
        finally:
            self._scrapes -= 1

    async def healthy(self, request: Request) -> Response:
        """Tell whether this process works; a terminal's trouble is none of its own."""
        del request
        return _verdict(self._surface.healthy(), "healthy")

    async def ready(self, request: Request) -> Response:
        """Tell whether every terminal has been polled once, and we are not on our way out."""
        del request
        return _verdict(self._surface.ready(), "ready")

    async def front(self, request: Request) -> Response:
        """Name the paths, and each terminal's state in a line."""
        del request
        rows = "".join(_row(line) for line in self._surface.terminals())
        path = html.escape(self._surface.telemetry_path, quote=True)
        return HTMLResponse(
            "<!doctype html><html lang=en><meta charset=utf-8>"
            '<meta name=viewport content="width=device-width">'
            f"<title>mt5-exporter</title><style>{STYLE}</style>"
            f"<h1>mt5-exporter {__version__}</h1>"
            f'<p><a href="{path}">Metrics</a> <a href=/-/healthy>Healthy</a> <a href=/-/ready>Ready</a></p>'
            f"<table><tr><th>Terminal<th>Up<th>Session<th>{rows}</table></html>"
        )


def _row(line: TerminalLine) -> str:
    cells = (line.name, "yes" if line.up else "no", line.state, line.message)
    return "<tr>" + "".join(f"<td>{html.escape(cell)}" for cell in cells)


def _verdict(problem: str, well: str) -> Response:
    return PlainTextResponse(f"{problem or well}\n", 503 if problem else 200)
