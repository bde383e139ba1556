"""Runs the trees that this process is handed, and lets them all go when it stops."""

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace

from rao_runtime.core.errors import JournalUnavailable, UnknownTree
from rao_runtime.core.events import Event
from rao_runtime.core.task import Task
from rao_runtime.engine import contexts
from rao_runtime.engine.engine import Accepted, Engine
from rao_runtime.engine.tree import TreeRun
from rao_runtime.telemetry.concern import about

log = logging.getLogger(__name__)

# Tasks of this process's own clients are kept for the moment until they run; others come from the journal.
EXPECTED_KEPT = 1_000
EXPECTED_BYTES = 64 << 20


class TreeHost:
    """The trees that run here. `begin` makes a run; `on_end` is told when one has ended."""

    def __init__(
        self,
        engine: Engine,
        begin: Callable[[Engine, Accepted], TreeRun],
        *,
        on_end: Callable[[TreeRun], Awaitable[None]],
    ) -> None:
        self.running = dict[str, TreeRun]()
        self._engine = engine
        self._begin = begin
        self._on_end = on_end
        self._expected = OrderedDict[str, Accepted]()
        self._expected_bytes = 0
        self._stopping = False

    def expect(self, accepted: Accepted) -> None:
        """Keep a task at hand that will be run soon, most likely here."""
        self._expected[accepted.tree_id] = accepted
        self._expected_bytes += _size(accepted)
        while len(self._expected) > EXPECTED_KEPT or self._expected_bytes > EXPECTED_BYTES:
            _, dropped = self._expected.popitem(last=False)
            self._expected_bytes -= _size(dropped)

    async def run_tree(self, tree_id: str) -> None:
        """Become the tree's owner and run it to its end. A tree that is gone, or has ended, is no error.

        Raises CannotReplay where another process is to go on with it, JournalError where the journal lost it.
        """
        journal = self._engine.journal
        try:
            claim = await journal.claim(tree_id)
            events = await journal.read(tree_id)
        except UnknownTree:
            log.info("tree %s is gone; nothing to run", tree_id)
            return
        except JournalUnavailable as error:
            # It is handed out again by the next sweep.
            log.warning("tree %s cannot be read now: %s", tree_id, error)
            return
        run = self._begin(self._engine, _seeded(await self._accepted(tree_id, events[0])))
        self.running[tree_id] = run
        if self._stopping:
            run.let_go()
        try:
            told = events[0].data
            with about(tenant=told["tenant"], tree_id=tree_id, trace_id=told["trace_id"]):
                await run.run(claim.fence, events)
        finally:
            if self.running.get(tree_id) is run:
                del self.running[tree_id]
                self._engine.pool.tree_ended(tree_id)
        if run.ended:
            await self._on_end(run)

    def let_go(self) -> None:
        """Give up all trees, also those about to start; the tasks that run them are to be cancelled after this."""
        self._stopping = True
        for run in self.running.values():
            run.let_go()

    async def _accepted(self, tree_id: str, created: Event) -> Accepted:
        expected = self._expected.pop(tree_id, None)
        if expected is not None:
            self._expected_bytes -= _size(expected)
            return expected
        data = created.data
        context = await contexts.fetch(self._engine.blobs, tree_id, data["request"]["context"])
        task = Task.from_request(data["request"], context, traceparent=data["traceparent"])
        return Accepted(tree_id=tree_id, tenant=data["tenant"], task=task)


def _seeded(accepted: Accepted) -> Accepted:
    """A task without a seed gets its tree's, so that its calls can be told apart and drawn again."""
    sampling = accepted.task.sampling
    if sampling.seed is not None:
        return accepted
    seed = int.from_bytes(hashlib.blake2b(accepted.tree_id.encode(), digest_size=4).digest())
    return replace(accepted, task=replace(accepted.task, sampling=replace(sampling, seed=seed)))


def _size(accepted: Accepted) -> int:
    context = accepted.task.context
    return 0 if context is None else len(context) if isinstance(context, str) else sum(map(len, context))
