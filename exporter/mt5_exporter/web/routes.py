"""What is served under which path; nothing here asks a terminal."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mt5_exporter.exposition.publish import Exposition
from mt5_exporter.overview import Overview
from mt5_exporter.reload import Outcome
from mt5_exporter.web.config_page import config_page
from mt5_exporter.web.reload_page import reload_page
from mt5_exporter.web.scrape import Scrapes
from mt5_exporter.web.status import status_page
from mt5_exporter.web.targets import PROBE, TARGETS, Targets


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """What the routes are given: no more than this of the exporter is reachable from outside.

    Attributes:
        telemetry_path: Where the exposition is.
        max_requests: Scrapes that may be under way at once; 0 for no limit.
        current: Returns the exposition of the moment.
        healthy: Says what is wrong with our own loop or scheduler, nothing when all is well.
        ready: Says what is missing before the first scrape makes sense, nothing when all is there.
        names: Returns the terminals' names.
        overview: Returns what the front page says.
        spelled: Returns the configuration that runs, without its secrets.
        reload: Reads the configuration again.
    """

    telemetry_path: str
    max_requests: int
    current: Callable[[], Awaitable[Exposition]]
    healthy: Callable[[], str]
    ready: Callable[[], str]
    names: Callable[[], Sequence[str]]
    overview: Callable[[], Overview]
    spelled: Callable[[], str]
    reload: Callable[[], Awaitable[Outcome]]


class Routes:
    """The handlers."""

    def __init__(self, surface: Surface) -> None:
        self._surface = surface
        self._scrapes = Scrapes(surface.max_requests)
        self._targets = Targets(self._scrapes, current=surface.current, names=surface.names)

    def application(self) -> Starlette:
        """Return the ASGI application; another method than a page's own gets 405."""
        surface = self._surface
        application = Starlette(
            routes=[
                Route("/-/healthy", self.healthy),
                Route("/-/ready", self.ready),
                reload_page(surface.reload),
                Route(TARGETS, self._targets.targets),
                # First: it may have been put in the place of one of those that follow.
                Route(surface.telemetry_path, self.metrics),
                Route(PROBE, self._targets.probe),
                config_page(surface.spelled),
                status_page(surface.overview, surface.telemetry_path),
            ]
        )
        application.router.redirect_slashes = False
        return application

    async def metrics(self, request: Request) -> Response:
        """Serve what is known of all terminals, and of ourselves."""
        return await self._scrapes.serve(request, self._surface.current)

    async def healthy(self, request: Request) -> Response:
        """Tell whether this process works; a terminal's trouble is none of its own."""
        del request
        return _verdict(self._surface.healthy(), "healthy")

    async def ready(self, request: Request) -> Response:
        """Tell whether every terminal has been polled once, and we are not on our way out."""
        del request
        return _verdict(self._surface.ready(), "ready")


def _verdict(problem: str, well: str) -> Response:
    return PlainTextResponse(f"{problem or well}\n", 503 if problem else 200)
