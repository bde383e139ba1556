"""What nobody foresaw becomes a 500 that tells the caller nothing and the log everything."""

import logging

from sse_starlette.sse import SendTimeoutError
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.problems import INTERNAL, Problem

logger = logging.getLogger(__name__)


class LastResort:
    """Catches whatever the app lets through."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a problem where no answer has begun."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except ClientDisconnect:
            logger.info("the client left before its request was read")
        except SendTimeoutError:
            logger.warning("a client read too slowly and was cut off: %s", scope["path"])
            # The server closes a connection whose answer is unfinished, and the client resumes with its last id.
        except Exception:  # the process's outermost boundary: one request's failure must not be another's
            logger.exception("unhandled error in %s %s", scope["method"], scope["path"])
            if started:
                raise
            problem = Problem(kind=INTERNAL, detail="unexpected; the server's log has it under this request's id")
            await problem.response(scope["path"])(scope, receive, send)
