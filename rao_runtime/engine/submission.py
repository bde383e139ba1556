"""Takes tasks in: checks them, makes their trees, has them run."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from rao_runtime.core.errors import Overloaded, UnknownTree
from rao_runtime.core.events import SCHEMA_VERSION, Event, EventType
from rao_runtime.core.ids import trace_id
from rao_runtime.core.task import Task
from rao_runtime.core.transitions import Status
from rao_runtime.engine import contexts
from rao_runtime.engine.admission import House, admit
from rao_runtime.engine.engine import Accepted, Engine
from rao_runtime.engine.frozen_price import price_told
from rao_runtime.engine.hosting import TreeHost
from rao_runtime.engine.housekeeping import Housekeeping
from rao_runtime.ports import Dispatch, TreeEntry


@dataclass(frozen=True, slots=True)
class Submitted:
    """The tree a submit led to; `replayed` when an idempotency key had made it earlier."""

    tree_id: str
    replayed: bool


class Submissions:
    """The door for tasks. `house` tells what the server has and allows for one."""

    def __init__(
        self,
        engine: Engine,
        host: TreeHost,
        dispatch: Dispatch,
        housekeeping: Housekeeping,
        *,
        house: Callable[[Task], House],
        new_tree_id: Callable[[], str],
    ) -> None:
        self._engine = engine
        self._host = host
        self._dispatch = dispatch
        self._housekeeping = housekeeping
        self._house = house
        self._new_tree_id = new_tree_id

    async def submit(self, task: Task, *, tenant: str, key: str | None, fingerprint: str) -> Submitted:
        """Accept a task and have it run.

        The index is written first, then the text, then the journal, which makes the tree; a submit that stops in
        between is gone on with by the next one under the same key. Raises InvalidRequest, KeyReused, Overloaded, and
        then nothing is left behind; JournalUnavailable, after which it can be repeated.
        """
        house = self._house(task)
        admit(task, house)
        await self._dispatch.check_room()
        tree_id, now = self._new_tree_id(), self._engine.clock.now()
        entry = TreeEntry(tree_id=tree_id, tenant=tenant, status=Status.SUBMITTED.value, created_at=now)
        earlier = await self._engine.index.add(entry, key=key, fingerprint=fingerprint)
        if earlier is not None and await self._exists(earlier):
            return Submitted(earlier, replayed=True)
        accepted = Accepted(tree_id=earlier or tree_id, tenant=tenant, task=task)
        if not await self._make(accepted, house):
            return Submitted(accepted.tree_id, replayed=True)
        if earlier is not None and await self._engine.index.get(earlier) is None:
            # A sweep took the half-made tree's entry away just before the tree was made.
            await self._engine.index.add(replace(entry, tree_id=earlier), key=key, fingerprint=fingerprint)
        self._host.expect(accepted)
        try:
            await self._dispatch.submit(accepted.tree_id)
        except Overloaded:
            await self._housekeeping.erase(accepted.tree_id)
            raise
        return Submitted(accepted.tree_id, replayed=False)

    async def _exists(self, tree_id: str) -> bool:
        try:
            await self._engine.journal.last(tree_id)
        except UnknownTree:
            return False
        return True

    async def _make(self, accepted: Accepted, house: House) -> bool:
        context = await contexts.keep(self._engine.blobs, accepted.tree_id, accepted.task.context)
        created = Event(
            seq=1,
            type=EventType.TREE_CREATED,
            tree_id=accepted.tree_id,
            ts=self._engine.clock.now(),
            data=self._created(accepted, house, context),
        )
        return await self._engine.journal.create(accepted.tree_id, [created])

    def _created(self, accepted: Accepted, house: House, context: dict[str, Any] | None) -> dict[str, Any]:
        task, profile = accepted.task, house.profile
        trace = trace_id(accepted.tree_id, task.traceparent)
        sampled, trace_url = self._engine.tracing.sampled(trace, task.traceparent), self._engine.trace_url
        return {
            "request": task.as_request(context),
            "limits": task.limits.as_dict(),
            "model": None if profile is None else profile.model,
            **({"price_version": None, "price": None} if profile is None else price_told(profile)),
            "tenant": accepted.tenant,
            "trace_id": trace,
            "traceparent": task.traceparent,
            "sampled": sampled,
            "trace_url": trace_url.replace("{trace_id}", trace) if trace_url and sampled else None,
            "versions": {"schema": SCHEMA_VERSION, "runtime": self._engine.version},
        }
