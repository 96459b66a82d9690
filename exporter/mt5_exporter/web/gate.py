"""What stands before every page: the rate limit and the password of a web configuration."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mt5_exporter.backoff import TokenBucket
from mt5_exporter.web.passwords import Busy, Passwords, credentials
from mt5_exporter.web.web_config import RateLimit, WebConfig

HEALTH = frozenset({"/-/healthy", "/-/ready"})
CHALLENGE = ((b"www-authenticate", b"Basic"),)

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(slots=True)
class Limiter:
    """Lets requests through at the rate of the configuration of the moment."""

    limit: RateLimit | None = None
    bucket: TokenBucket | None = None

    def permits(self, limit: RateLimit | None, now: float) -> bool:
        """Return whether one more request may come now, and count it."""
        if limit != self.limit:
            # Another limit begins with a rested bucket, the same one goes on in every generation of the file.
            self.limit = limit
            self.bucket = None
            if limit is not None:
                self.bucket = TokenBucket.full(rate=1 / limit.interval, burst=limit.burst, now=now)
        if self.bucket is None:
            return True
        after, wait = self.bucket.reserve(now)
        if wait > 0:
            return False
        self.bucket = after
        return True


class Gate:
    """Admits requests to an application.

    Args:
        application: Who answers them.
        settings: Returns the web configuration of the moment.
        refuse: Told why a request was turned away.
        now: Monotonic seconds.
        open_health: Whether the two pages about health are served without a password, by their status alone.
        passwords: Who looks at passwords.
    """

    def __init__(
        self,
        application: ASGIApp,
        settings: Callable[[], WebConfig],
        *,
        refuse: Callable[[str], None],
        now: Callable[[], float],
        open_health: bool = False,
        passwords: Passwords | None = None,
    ) -> None:
        self._application = application
        self._settings = settings
        self._refuse = refuse
        self._now = now
        self._open_health = open_health
        self._passwords = passwords or Passwords()
        self._limiter = Limiter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        settings = self._settings()
        if not self._limiter.permits(settings.rate_limit, self._now()):
            self._refuse("rate_limit")
            await answer(send, 429, "too many requests\n")
            return
        try:
            admitted = not settings.users or await self._admits(settings, scope)
        except Busy:
            self._refuse("password_queue")
            await answer(send, 503, "too many passwords to look at\n", ((b"retry-after", b"5"),))
            return
        if admitted:
            await self._application(scope, receive, send)
        elif self._open_health and scope["path"] in HEALTH:
            await self._status_alone(scope, receive, send)
        else:
            self._refuse("password")
            await answer(send, 401, "unauthorized\n", CHALLENGE)

    def close(self) -> None:
        """Let go of the thread."""
        self._passwords.close()

    async def _admits(self, settings: WebConfig, scope: Scope) -> bool:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        given = [value for name, value in headers if name == b"authorization"]
        found = credentials(given[0]) if len(given) == 1 else None
        if found is None:
            return False
        client: tuple[str, int] | None = scope["client"]
        return await self._passwords.admit(settings.users, found, client[0] if client else "")

    async def _status_alone(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a page's status and none of its words, which may name a terminal."""
        status = 500

        async def look(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)

        await self._application(scope, receive, look)
        await answer(send, status, "ok\n" if status == 200 else "not ok\n")


async def answer(send: Send, status: int, text: str, headers: Headers = ()) -> None:
    """Send a short text."""
    body = text.encode()
    said = (
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        *headers,
    )
    await send({"type": "http.response.start", "status": status, "headers": said})
    await send({"type": "http.response.body", "body": body})
