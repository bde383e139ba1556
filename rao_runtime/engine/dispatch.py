"""Hands trees to this process itself: so many at once, the others in line, the queue bounded."""

import asyncio
import logging

from rao_runtime.core.errors import Overloaded
from rao_runtime.ports import RunTree

log = logging.getLogger(__name__)

RETRY_AFTER_S = 5.0


class LocalDispatch:
    """`ports.Dispatch` for one process. `run_tree` must not raise for anything a tree can do."""

    def __init__(self, run_tree: RunTree, *, max_active: int, max_queued: int) -> None:
        self._run_tree = run_tree
        self._max_active = max_active
        self._max_queued = max_queued
        self._queue = dict[str, None]()  # in the order to run them
        self._tasks = dict[str, asyncio.Task[None]]()
        self.closed = False

    @property
    def active(self) -> int:
        """Trees that run now."""
        return len(self._tasks)

    @property
    def queued(self) -> int:
        """Trees that wait."""
        return len(self._queue)

    async def check_room(self) -> None:
        """Raises Overloaded when the queue is full or the process is about to end."""
        if self.closed:
            raise Overloaded("this server is shutting down", retry_after_s=RETRY_AFTER_S)
        if len(self._tasks) >= self._max_active and len(self._queue) >= self._max_queued:
            raise Overloaded(f"{len(self._queue)} trees wait already", retry_after_s=RETRY_AFTER_S)

    async def submit(self, tree_id: str) -> None:
        """Run the tree now, or when it is its turn. Raises Overloaded."""
        await self.check_room()
        await self.recover(tree_id)

    async def recover(self, tree_id: str) -> None:
        """As `submit`, but never turned away: the tree was accepted long ago. No effect on one that runs or waits."""
        if self.closed or tree_id in self._tasks or tree_id in self._queue:
            return
        if len(self._tasks) < self._max_active:
            self._start(tree_id)
        else:
            self._queue[tree_id] = None

    def expedite(self, tree_id: str) -> None:
        """Run a waiting tree at once: one that was cancelled only needs to end."""
        if tree_id in self._queue:
            del self._queue[tree_id]
            self._start(tree_id)

    def close(self) -> None:
        """Take no more trees."""
        self.closed = True

    async def stop(self) -> None:
        """Cancel what runs, and wait until it is gone; whether its trees end with it is the host's to say."""
        self.close()
        self._queue.clear()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _start(self, tree_id: str) -> None:
        task = asyncio.create_task(self._run(tree_id), name=f"tree-{tree_id}")
        self._tasks[tree_id] = task
        task.add_done_callback(lambda _: self._ended(tree_id))

    async def _run(self, tree_id: str) -> None:
        try:
            await self._run_tree(tree_id)
        except Exception:
            # The boundary of a tree: whatever a bug in one did, the others go on.
            log.exception("tree %s broke", tree_id)

    def _ended(self, tree_id: str) -> None:
        self._tasks.pop(tree_id, None)
        while self._queue and len(self._tasks) < self._max_active and not self.closed:
            tree_id = next(iter(self._queue))
            del self._queue[tree_id]
            self._start(tree_id)
