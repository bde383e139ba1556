"""A stand-in for a model server, beside the server it answers: in this process, so that it cannot outlive it."""

import asyncio
import threading
from collections.abc import Generator
from concurrent.futures import Future
from contextlib import contextmanager

from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.server import StandIn
from rao_runtime.standin.toy import ToyScript


@contextmanager
def standin_thread() -> Generator[str, None, None]:
    """A stand-in with the toy script, on a loop and a port of its own; its URL. It ends with the context."""
    started = Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]]()
    thread = threading.Thread(target=_run, args=(started,), name="stand-in", daemon=True)
    thread.start()
    url, loop, stop = started.result()
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


def _run(started: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
    try:
        asyncio.run(_serve(started))
    except OSError as error:
        started.set_exception(error)


async def _serve(started: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
    stop = asyncio.Event()
    async with StandIn(StandInConfig(), ToyScript()) as stand_in:
        started.set_result((stand_in.url, asyncio.get_running_loop(), stop))
        await stop.wait()
