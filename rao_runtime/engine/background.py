"""Work that goes on beside everything else, for as long as a runtime is open."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

log = logging.getLogger(__name__)


@asynccontextmanager
async def in_background(works: Mapping[str, Coroutine[Any, Any, None]]) -> AsyncGenerator[None, None]:
    """Run each of these, by its name, until the context is left; then they are cancelled, and are gone on return.

    The log tells of one that ends before, with the exception: nobody else would ever notice.
    """
    tasks = [asyncio.create_task(work, name=name) for name, work in works.items()]
    for task in tasks:
        task.add_done_callback(_tell)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _tell(task: asyncio.Task[None]) -> None:
    if task.cancelled():
        return
    log.critical(
        "%s has ended, and nobody does its work until this process is started anew",
        task.get_name(),
        exc_info=task.exception(),
    )
