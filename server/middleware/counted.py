"""Counts requests by method, route and status. What a client makes up, a path or a method, never becomes a label."""

from collections.abc import Callable

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"


class Counted:
    """Tells `answered` of each answer as it begins: method, route, status. An error that nobody answered is a 500.

    Inside of what makes a HEAD a GET, since that one's scope is where the route is found: a HEAD counts as a GET.
    """

    def __init__(self, app: ASGIApp, answered: Callable[[str, str, int], None]) -> None:
        self.app = app
        self._answered = answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def counted(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                self._count(scope, message["status"])
            await send(message)

        try:
            await self.app(scope, receive, counted)
        except ClientDisconnect:
            raise
        except Exception:
            if not started:
                self._count(scope, 500)
            raise

    def _count(self, scope: Scope, status: int) -> None:
        method = scope["method"] if scope["method"] in METHODS else OTHER
        # Where no route fits, there is none.
        self._answered(method, getattr(scope.get("route"), "path", OTHER), status)
