"""Answers what clients ask of trees, running here or anywhere, or over."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from rao_runtime.core.analysis import analysis
from rao_runtime.core.errors import JournalUnavailable, UnknownNode, UnknownTree
from rao_runtime.core.events import Event, NodeDelta
from rao_runtime.core.state import TreeState
from rao_runtime.core.transitions import ENDED
from rao_runtime.core.view import node_detail, tree_view
from rao_runtime.engine.engine import Engine
from rao_runtime.engine.folding import aside, fold_aside
from rao_runtime.engine.tree import TreeRun

STATES_KEPT = 64
STORE_PAUSE_S = 0.5
EVENTS_A_NODE = 10


class Reader:
    """Looks at trees. `running` are those at work here, whose state is at hand."""

    def __init__(self, engine: Engine, running: Mapping[str, TreeRun]) -> None:
        self._engine = engine
        self._running = running
        self._ended = OrderedDict[str, TreeState]()

    async def tree(self, tree_id: str, *, tenant: str, nodes: bool = False) -> dict[str, Any]:
        """The tree of api.md. Raises UnknownTree."""
        await self.own(tree_id, tenant)
        run = self._running.get(tree_id)
        now = self._engine.clock.now()
        if run is not None and run.state.status is not None:
            return tree_view(run.state, now=now, nodes=nodes)
        last = await self._engine.journal.last(tree_id)
        if last is not None and last.is_end and not nodes:
            return dict(last.data)
        state = await self.state(tree_id)
        if not nodes:
            return tree_view(state, now=now)
        return await self._over_all_nodes(state, lambda: tree_view(state, now=now, nodes=True))

    async def node(self, tree_id: str, node_id: str, *, tenant: str) -> dict[str, Any]:
        """One node with its turns. Raises UnknownTree, UnknownNode."""
        await self.own(tree_id, tenant)
        state = await self.state(tree_id)
        node = state.nodes.get(node_id)
        if node is None:
            raise UnknownNode(tree_id, node_id)
        return node_detail(state, node, self._engine.clock.now())

    async def analysis(self, tree_id: str, *, tenant: str, baseline: str | None = None) -> dict[str, Any]:
        """What recursion was worth in it, beside another tree where one is named. Raises UnknownTree."""
        for each in (tree_id, *([] if baseline is None else [baseline])):
            await self.own(each, tenant)
        state = await self.state(tree_id)
        other = None if baseline is None else await self.state(baseline)
        now = self._engine.clock.now()
        return await self._over_all_nodes(state, lambda: analysis(state, now=now, baseline=other))

    async def trees(self, *, tenant: str, limit: int, after: str | None, status: str | None) -> dict[str, Any]:
        """A page of the tenant's trees, newest first. Raises InvalidRequest for a bad cursor."""
        entries, cursor = await self._engine.index.page(tenant, limit=limit, after=after, status=status)
        data = list[dict[str, Any]]()
        for entry in entries:
            # One that was erased since the page was made is no reason to refuse the others.
            with suppress(UnknownTree):
                data.append(await self.tree(entry.tree_id, tenant=tenant))
        return {"data": data, "next_cursor": cursor, "has_more": cursor is not None}

    async def wait(self, tree_id: str, *, tenant: str, timeout_s: float) -> dict[str, Any] | None:
        """The tree once it has ended; None when that takes longer. Raises UnknownTree."""
        seq, ended = await self.last_seq(tree_id, tenant=tenant)
        if not ended:
            try:
                async with asyncio.timeout(timeout_s):
                    while not await self._follow_to_the_end(tree_id, seq):
                        await self._engine.clock.sleep(STORE_PAUSE_S)
            except TimeoutError:
                return None
        return await self.tree(tree_id, tenant=tenant)

    async def _follow_to_the_end(self, tree_id: str, after: int) -> bool:
        """Whether it came to that: a store that cannot be used for a while is no reason to give a wait up."""
        try:
            async with self._engine.journal.follow(tree_id, after) as batches:
                async for batch in batches:
                    if isinstance(batch[-1], Event) and batch[-1].is_end:
                        return True
        except JournalUnavailable:
            return False
        return True

    @asynccontextmanager
    async def events(
        self, tree_id: str, *, tenant: str, after: int, deltas: bool
    ) -> AsyncGenerator[AsyncIterator[Sequence[Event | NodeDelta]], None]:
        """Batches of events after `after`, then live ones; never ends by itself. Raises UnknownTree on entering."""
        await self.own(tree_id, tenant)
        async with self._engine.journal.follow(tree_id, after, deltas=deltas) as batches:
            yield batches

    async def last_seq(self, tree_id: str, *, tenant: str) -> tuple[int, bool]:
        """The newest event's `seq`, and whether it is the terminal one. Raises UnknownTree."""
        await self.own(tree_id, tenant)
        last = await self._engine.journal.last(tree_id)
        return (0, False) if last is None else (last.seq, last.is_end)

    async def own(self, tree_id: str, tenant: str) -> None:
        """Raises UnknownTree for a tree that is none of this tenant's."""
        entry = await self._engine.index.get(tree_id)
        if entry is None or entry.tenant != tenant:
            raise UnknownTree(tree_id)

    async def state(self, tree_id: str) -> TreeState:
        """The tree folded; those that ended are kept for a while."""
        run = self._running.get(tree_id)
        if run is not None and run.state.status is not None:
            return run.state
        if tree_id in self._ended:
            self._ended.move_to_end(tree_id)
            return self._ended[tree_id]
        state = await fold_aside(tree_id, await self._engine.journal.read(tree_id))
        if state.status in ENDED:
            self.keep(state)
        return state

    def keep(self, state: TreeState) -> None:
        """Have an ended tree at hand."""
        self._ended[state.tree_id] = state
        while len(self._ended) > STATES_KEPT:
            self._ended.popitem(last=False)

    def forget(self, tree_id: str) -> None:
        """Drop an ended tree."""
        self._ended.pop(tree_id, None)

    async def _over_all_nodes(self, state: TreeState, made: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What is made of every node of a state; of many nodes aside, since the loop must not stand still for it."""
        run = self._running.get(state.tree_id)
        # A tree at work here grows meanwhile, under the hands of another thread.
        grows = run is not None and run.state is state
        return made() if grows else await aside(EVENTS_A_NODE * len(state.nodes), made)
