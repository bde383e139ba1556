"""Waiting for what Redis's adapters tell the log."""

import asyncio
import logging
from collections.abc import Generator
from contextlib import contextmanager


class Told(logging.Handler):
    """Hands out messages as they are logged."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.messages = list[str]()
        self._queue = asyncio.Queue[str]()

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())
        self._queue.put_nowait(record.getMessage())

    async def wait_for(self, part: str) -> str:
        """The next message with this in it."""
        async with asyncio.timeout(20):
            while part not in (message := await self._queue.get()):
                pass
        return message


@contextmanager
def told() -> Generator[Told]:
    """What the adapters log from now on."""
    handler = Told()
    logger = logging.getLogger("rao_runtime.adapters")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield handler
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
