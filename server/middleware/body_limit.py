"""No request body grows over a limit, announced or not."""

import asyncio
import contextlib

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.problems import TOO_LARGE, Problem, Refused

LINGER_BYTES = 64 << 20
LINGER_S = 5.0


class BodyLimit:
    """Refuses to read on. `max_bytes` counts the body as it is sent."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a `receive` that counts. It raises Refused."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        over = announced.isdecimal() and int(announced[:20]) > self.max_bytes
        total = 0

        async def counted() -> Message:
            nonlocal over, total
            message: Message = {} if over else await receive()
            total += len(message.get("body", b""))
            over = over or total > self.max_bytes
            if over:
                raise self._refusal()
            return message

        async def lingering(message: Message) -> None:
            if over and message["type"] == "http.response.body" and not message.get("more_body"):
                await send({**message, "more_body": True})
                await _discard(receive)
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        await self.app(scope, counted, lingering)

    def _refusal(self) -> Refused:
        detail = f"the body may have at most {self.max_bytes} bytes"
        return Refused(Problem(kind=TOO_LARGE, detail=detail, headers={"Connection": "close"}))


async def _discard(receive: Receive) -> None:
    """Read on for a while, keeping nothing.

    A connection that is closed while its client still sends is reset, and most clients then never see the answer.
    """
    left = LINGER_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while left > 0:
                message = await receive()
                if not message.get("more_body"):
                    return
                left -= len(message["body"])
