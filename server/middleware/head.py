"""HEAD is GET without its body, on every path."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class _Answered(Exception):
    """The headers are out, which is all a HEAD asks for."""


class HeadAsGet:
    """Runs a HEAD as a GET up to its headers; a stream is never started."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with what GET's headers are."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def headers_only(message: Message) -> None:
            await send(message)
            await send({"type": "http.response.body", "body": b""})
            raise _Answered

        try:
            await self.app({**scope, "method": "GET"}, receive, headers_only)
        except _Answered:
            return
