"""POST /-/reload: reads the configuration again, and answers once it runs, or why it does not."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mt5_exporter.reload import Outcome

RELOAD = "/-/reload"


def reload_page(reload: Callable[[], Awaitable[Outcome]]) -> Route:
    """Return the route, which changes something and so answers no GET."""

    async def run(request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
            # A browser says so when another site's page has sent it here.
            return PlainTextResponse("not for other sites' pages\n", 403)
        outcome = await reload()
        if outcome.successful:
            return PlainTextResponse(f"configuration reloaded: {outcome.message}\n")
        text = f"configuration not reloaded, the one before goes on: {outcome.message}\n"
        return PlainTextResponse(text, 500)

    return Route(RELOAD, run, methods=["POST"])
