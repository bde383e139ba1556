"""A glance at docket every second: how many trees wait, and whether Redis answers."""

import asyncio
import logging
from collections.abc import Callable

from redis.exceptions import RedisError, ResponseError

from rao_runtime.adapters.docket_link import BoundedDocket

log = logging.getLogger(__name__)

LOOK_S = 1.0
PATIENCE_S = 5.0


class Look:
    """What was seen last, and what was handed out since. `then` is called each time something was seen."""

    def __init__(self, docket: BoundedDocket, *, then: Callable[[], None]) -> None:
        self._docket = docket
        self._then = then
        self._looking = asyncio.Lock()
        self._is_well = True
        self._seen = 0
        self._seen_from = float("-inf")
        self._handed_out = 0

    @property
    def waiting(self) -> int:
        """Trees that wait; at most, as workers may have taken some since."""
        return self._seen + self._handed_out

    def handed_out(self) -> None:
        """Count a tree that was handed out from here."""
        self._handed_out += 1

    async def keep(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(LOOK_S)

    async def refresh(self) -> None:
        """Look now, together with all who wait for it. Where Redis is in trouble, nothing changes."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        async with self._looking:
            if self._seen_from >= asked:
                return
            now, earlier = loop.time(), self._handed_out
            try:
                async with asyncio.timeout(PATIENCE_S):
                    self._seen = await self._count()
            except (RedisError, OSError) as error:
                self._tell(is_well=False, because=f": {error or type(error).__name__}")
                return
            self._handed_out -= earlier
            self._seen_from = now
            self._tell(is_well=True)
            self._then()

    async def _count(self) -> int:
        """Messages that nobody was given, and those that are not due yet."""
        async with self._docket.redis() as redis, redis.pipeline(transaction=False) as pipeline:
            pipeline.xlen(self._docket.stream_key)
            pipeline.zcard(self._docket.queue_key)
            pipeline.xpending(self._docket.stream_key, self._docket.worker_group_name)
            there, later, given = await pipeline.execute(raise_on_error=False)
        if isinstance(given, ResponseError):
            # No worker has ever been here, and so there is no group.
            given = {"pending": 0}
        for answer in (there, later, given):
            if isinstance(answer, Exception):
                raise answer
        return max(0, there + later - given["pending"])

    def _tell(self, *, is_well: bool, because: str = "") -> None:
        if is_well != self._is_well:
            words = "are handed out again" if is_well else "cannot be handed out now"
            log.warning("trees %s%s", words, because)
        self._is_well = is_well
