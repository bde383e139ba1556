"""Offers trees that somebody else most likely runs: many at a time, and only those that docket does not know of."""

import asyncio
import logging

from redis.exceptions import RedisError

from rao_runtime.adapters.docket_link import BoundedDocket

log = logging.getLogger(__name__)

TASK = "run_tree"
AT_ONCE = 500


class Offers:
    """Trees to be added if they are not there. An offer that fails is forgotten: who makes it makes it again."""

    def __init__(self, docket: BoundedDocket) -> None:
        self._docket = docket
        self._offered = dict[str, None]()
        self._any = asyncio.Event()

    def make(self, tree_id: str) -> None:
        """Offer a tree, soon."""
        self._offered[tree_id] = None
        self._any.set()

    async def pass_on(self) -> None:
        """Look after the offers, until cancelled."""
        while True:
            await self._any.wait()
            self._any.clear()
            while self._offered:
                batch = list(self._offered)[:AT_ONCE]
                for tree_id in batch:
                    del self._offered[tree_id]
                try:
                    await self._add(batch)
                except (RedisError, OSError) as error:
                    log.debug("%d trees were not offered: %s", len(batch), error)

    async def _add(self, tree_ids: list[str]) -> None:
        unknown = await self._unknown(tree_ids)
        if unknown:
            await self._docket.add_many([self._docket.call(TASK, key=tree_id)(tree_id) for tree_id in unknown])

    async def _unknown(self, tree_ids: list[str]) -> list[str]:
        async with self._docket.redis() as redis, redis.pipeline(transaction=False) as pipeline:
            for tree_id in tree_ids:
                pipeline.exists(self._docket.runs_key(tree_id))
            known = await pipeline.execute()
        return [tree_id for tree_id, is_known in zip(tree_ids, known, strict=True) if not is_known]
