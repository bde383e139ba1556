"""The trees that run in this process: each once, however often it is asked for."""

import asyncio
import contextvars
import logging
from enum import Enum, auto

from rao_runtime.core.errors import CannotReplay, find
from rao_runtime.ports import RunTree

log = logging.getLogger(__name__)


class Ending(Enum):
    """How a run ended, as far as the next one is concerned."""

    DONE = auto()  # nothing more to do, or nothing that doing it again at once would mend
    REFUSED = auto()  # another process is to take it
    CUT = auto()  # stopped here, to go on elsewhere


class Trees:
    """Runs trees in tasks of their own, in the context this was made in: they outlive whoever asked for them."""

    def __init__(self, run_tree: RunTree) -> None:
        self._run_tree = run_tree
        self._tasks = dict[str, asyncio.Task[Ending]]()
        self._context = contextvars.copy_context()
        self._closed = False
        self._stopping = False

    def __len__(self) -> int:
        return len(self._tasks)

    def __contains__(self, tree_id: str) -> bool:
        return tree_id in self._tasks

    async def run(self, tree_id: str) -> Ending:
        """Run the tree, or wait for the run that is under way. The run goes on when the caller is cancelled."""
        task = self._tasks.get(tree_id)
        if task is None:
            if self._closed:
                return Ending.CUT
            task = asyncio.create_task(self._run(tree_id), name=f"tree-{tree_id}", context=self._context.copy())
            self._tasks[tree_id] = task
            task.add_done_callback(lambda _: self._tasks.pop(tree_id))
        await asyncio.wait([task])
        return Ending.CUT if task.cancelled() else task.result()

    def close(self) -> None:
        """Begin no more runs."""
        self._closed = True

    async def stop(self) -> None:
        """Cancel what runs, and wait until it is gone."""
        self.close()
        self._stopping = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _run(self, tree_id: str) -> Ending:
        try:
            await self._run_tree(tree_id)
        except Exception as error:
            # The boundary of a tree: whatever a bug in one did, the others go on.
            refusal = find(CannotReplay, error)
            if refusal is None:
                log.exception("tree %s broke", tree_id)
            else:
                log.info("tree %s is not for this process: %s", tree_id, refusal)
                return Ending.REFUSED
        # A tree that was let go returns early, and like one that ended.
        return Ending.CUT if self._stopping else Ending.DONE
