"""The configuration that runs, as YAML without its secrets."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

CONFIG = "/config"


def config_page(spelled: Callable[[], str]) -> Route:
    """Return the route; `spelled` says what runs now."""

    async def show(request: Request) -> Response:
        del request
        headers = {"x-content-type-options": "nosniff", "cache-control": "no-store"}
        return PlainTextResponse(spelled(), headers=headers)

    return Route(CONFIG, show)
