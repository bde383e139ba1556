"""Docket's own link to Redis, within bounds: so many commands at once, no call that hangs for ever, a quiet log."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from docket import Docket
from redis.exceptions import RedisError

from rao_runtime.core.errors import find

# redis-py opens a connection for every command that is under way and raises when there are too many; here they wait.
COMMANDS_AT_ONCE = 32
# Docket reads its stream of strikes for up to a minute at a time: a shorter limit would break that off.
_BOUNDS = "socket_timeout=75&socket_connect_timeout=5"
_HEARTBEAT = timedelta(seconds=10)

# What the loggers of docket tell of an outage, with a traceback each second, is said once, by whoever watches the link.
_TALKATIVE = ("docket.worker", "docket.strikelist", "docket._redelivery", "docket._redis", "docket._result_store")


class BoundedDocket(Docket):
    """A docket whose callers wait for their turn. It keeps no results, and no record of a task that has ended."""

    def __init__(self, *, url: str, name: str) -> None:
        super().__init__(name=tagged(name), url=bounded(url), heartbeat_interval=_HEARTBEAT, execution_ttl=timedelta(0))
        self.tasks.clear()
        self._turns = asyncio.Semaphore(COMMANDS_AT_ONCE)

    @asynccontextmanager
    async def redis(self) -> AsyncGenerator[Any]:
        """A client, once it is the caller's turn. A worker holds one for as long as it is connected."""
        async with self._turns, super().redis() as client:
            yield client


def tagged(name: str) -> str:
    """The name with a hash tag, so that all of a docket's keys live in one slot of a Cluster."""
    return name if "{" in name else f"{{{name}}}"


def bounded(url: str) -> str:
    """The URL with limits for redis-py; those that it has already come first, and count."""
    return f"{url}{'&' if '?' in url else '?'}{_BOUNDS}"


def hush() -> None:
    """Have docket's loggers say no more than warnings, and nothing about a Redis in trouble. Idempotent."""
    logging.getLogger("docket").setLevel(logging.WARNING)
    for name in _TALKATIVE:
        logging.getLogger(name).addFilter(_is_about_more_than_redis)


def _is_about_more_than_redis(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if error is not None and find(RedisError, error) is not None:
        return False
    return not record.getMessage().startswith("Redis ")
