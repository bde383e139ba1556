"""What local replicas say in the log, to be waited for."""

import asyncio
import logging
import os
import select
from collections.abc import Generator
from contextlib import contextmanager

WAIT_S = 30.0


class Heard(logging.Handler):
    """Keeps what is logged, in order, until somebody asks for it. For code on one loop."""

    def __init__(self) -> None:
        super().__init__()
        self._messages = asyncio.Queue[str]()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self._messages.put_nowait(record.getMessage())

    async def message_with(self, text: str) -> str:
        """The next message that holds this; those before it are dropped. Raises TimeoutError."""
        async with asyncio.timeout(WAIT_S):
            while text not in (message := await self._messages.get()):
                pass
        return message


@contextmanager
def listening(name: str = "rao_runtime.adapters") -> Generator[Heard]:
    """Hear this logger and those below it."""
    heard, logger = Heard(), logging.getLogger(name)
    before = logger.level
    logger.addHandler(heard)
    logger.setLevel(logging.INFO)
    try:
        yield heard
    finally:
        logger.setLevel(before)
        logger.removeHandler(heard)


def processes_of(message: str) -> tuple[int, int]:
    """The ids of the server and of its engine."""
    server, engine = message.split()[-2:]
    return int(server), int(engine)


def wait_until_gone(pid: int) -> None:
    """Raises AssertionError where the process is still there after ten seconds."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([process], [], [], 10)[0], "it is still there"
    finally:
        os.close(process)
