"""Keeps the store in order: ended trees go when their time is up, and what a crash left half-done is put right."""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress

from rao_runtime.core.errors import JournalUnavailable, UnknownTree
from rao_runtime.core.transitions import TREE_MOVES, Status
from rao_runtime.engine.booking import book_from_journal
from rao_runtime.engine.engine import Engine
from rao_runtime.engine.tree import TreeRun
from rao_runtime.ports import Dispatch, Retention, TreeEntry, TreeIndex

log = logging.getLogger(__name__)

SWEEP_S = 15.0
# A submit writes the index first: an entry without a tree may be one that is just being made.
HALF_MADE_S = 60.0


class Housekeeping:
    """Everything it does can be done again, and by several processes at once.

    `running` are the trees at work here; `forget` is told of each that is erased. The ledger keeps records for
    `usage_kept_s`.
    """

    def __init__(
        self,
        engine: Engine,
        dispatch: Dispatch,
        retention: Retention,
        *,
        running: Mapping[str, TreeRun],
        forget: Callable[[str], None],
        usage_kept_s: float,
    ) -> None:
        self._engine = engine
        self._dispatch = dispatch
        self._retention = retention
        self._running = running
        self._forget = forget
        self._usage_kept_s = usage_kept_s

    async def watch(self) -> None:
        """Sweep every so often, until cancelled."""
        while True:
            try:
                await self.sweep()
            except JournalUnavailable as error:
                log.warning("no sweep: %s", error)
            except Exception:
                # The boundary of a sweep: the next one starts anew, and trees go on without.
                log.exception("a sweep broke")
            await self._engine.clock.sleep(SWEEP_S)

    async def sweep(self) -> None:
        """Have trees run that nobody runs, put entries right that a crash left wrong or took, and make room."""
        active = await self._engine.index.active()
        for entry in active:
            if entry.tree_id not in self._running:
                await self._look_at(entry)
        for tree_id in self._running.keys() - {entry.tree_id for entry in active}:
            run = self._running.get(tree_id)
            if run is not None:
                await enter_again(self._engine.index, run)
        await self.make_room()
        await self._engine.ledger.trim(self._engine.clock.now() - self._usage_kept_s)

    async def make_room(self) -> None:
        """Erase the ended trees that are kept no longer."""
        while drop := await self._engine.index.to_drop(self._retention):
            for tree_id in drop:
                await self.erase(tree_id)

    async def erase(self, tree_id: str) -> None:
        """Leave nothing of a tree but what it cost.

        Its index goes last, so that an erasure that stops half-way is found again.
        """
        self._forget(tree_id)
        with suppress(UnknownTree):
            await book_from_journal(self._engine.ledger, self._engine.journal, tree_id)
            await self._engine.journal.delete(tree_id)
        await self._engine.blobs.delete(tree_id)
        await self._engine.index.remove(tree_id)

    async def _look_at(self, entry: TreeEntry) -> None:
        try:
            last = await self._engine.journal.last(entry.tree_id)
        except UnknownTree:
            if self._engine.clock.now() - entry.created_at > HALF_MADE_S:
                if entry.status != Status.SUBMITTED:
                    log.warning("tree %s: its journal is lost, what it cost cannot be booked", entry.tree_id)
                await self.erase(entry.tree_id)
            return
        if last is not None and last.is_end:
            await book_from_journal(self._engine.ledger, self._engine.journal, entry.tree_id)
            status = TREE_MOVES[Status.WORKING, last.type]
            await self._engine.index.set_status(entry.tree_id, status.value, nodes=last.data["nodes"]["total"])
        else:
            await self._dispatch.recover(entry.tree_id)


async def enter_again(index: TreeIndex, run: TreeRun) -> None:
    """Have a tree in the index that runs, or ran, though a store that lost writes may have lost the entry."""
    if run.state.status is not None and await index.get(run.state.tree_id) is None:
        await index.add(run.entry, key=None, fingerprint="")
