"""Waiting for a tree on behalf of a client that may leave, on a server that may stop."""

import asyncio
from typing import Any

from fastapi import Request
from starlette.types import Receive

from server.gateway import Gateway


async def ended_within(gateway: Gateway, request: Request, tree_id: str, seconds: float) -> dict[str, Any] | None:
    """The ended tree; None when the time is up, the client has left, or the server stops. The tree goes on."""
    if seconds <= 0:
        return None
    try:
        async with asyncio.TaskGroup() as group:
            wait = gateway.runtime.wait(tree_id, timeout_s=seconds)
            waiting = group.create_task(gateway.drain.unless_started(wait))
            leaving = group.create_task(_cancel_when_gone(request.receive, waiting))
            waiting.add_done_callback(lambda _: leaving.cancel())
    except ExceptionGroup as group:
        # One task waits and the other listens: there is one error at most, and the table of problems knows it bare.
        raise group.exceptions[0] from None
    return None if waiting.cancelled() else waiting.result()


async def _cancel_when_gone(receive: Receive, waiting: asyncio.Task[Any]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    waiting.cancel()
