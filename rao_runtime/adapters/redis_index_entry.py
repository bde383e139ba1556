"""One tree's entry in the index, and every list it stands in: how it comes in, moves and goes.

The entry is the truth; the lists say where to look. They lie in other slots of a Cluster, so each change takes several
steps, and a process may die between any two of them. Then this holds:

- `active` is written first and left last. So what is half-done is among the active trees, and the next sweep finds it.
- A step that comes late, or again, finds the truth and does nothing.
- Whoever changes an entry looks at it again after the lists: a removal or a change that came between is caught up with.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from rao_runtime.adapters import redis_index_scripts as scripts
from rao_runtime.adapters.index_order import ENDED
from rao_runtime.adapters.redis_index_scripts import LISTS, STATUSES
from rao_runtime.adapters.redis_link import RedisLink
from rao_runtime.core.transitions import Status
from rao_runtime.ports import TreeEntry

# Redis itself drops what a removal that stopped half-way has left.
GONE_S = 86_400

_READ_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An entry as it stands, and its end if it has one; `unlisted` while it may not be in all lists."""

    entry: TreeEntry
    ended_at: str | None
    nodes: int
    unlisted: bool


class RedisIndexEntries:
    """Entries in Redis. With `patient` a call waits while Redis is in trouble; else JournalUnavailable is raised."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._active = [link.keys.index(name) for name in ("active", "ended")]
        self._ended = [link.keys.index(name) for name in ("active", "ended", "nodes", "node_sum")]

    async def read(self, tree_id: str, *, patient: bool = False) -> Standing | None:
        """The entry, if there is one."""
        fields = ("tenant", "status", "created_at", "ended_at", "nodes", "unlisted", "gone")
        held = await self._link.call("HMGET", self._link.keys.tree(tree_id).entry, *fields, patient=patient)
        tenant, status, created_at, ended_at, nodes, unlisted, gone = held
        if tenant is None or gone is not None:
            return None
        entry = TreeEntry(tree_id=tree_id, tenant=tenant.decode(), status=status.decode(), created_at=float(created_at))
        end = None if ended_at is None else ended_at.decode()
        return Standing(entry=entry, ended_at=end, nodes=int(nodes or 0), unlisted=unlisted is not None)

    async def read_all(self, tree_ids: Iterable[str]) -> list[Standing | None]:
        """The entries of all these, in their order."""
        ids, found = list(tree_ids), list[Standing | None]()
        for start in range(0, len(ids), _READ_AT_ONCE):
            found += await asyncio.gather(*[self.read(tree_id) for tree_id in ids[start : start + _READ_AT_ONCE]])
        return found

    async def enter(self, entry: TreeEntry, key: str | None) -> None:
        """Enter a tree, or complete what was begun; one that is entered stays as it is."""
        tree_id, row = entry.tree_id, self._link.keys.tree(entry.tree_id).entry
        await self._link.run(scripts.ACTIVATE, self._active, (tree_id, repr(entry.created_at)))
        new = (entry.tenant, entry.status, repr(entry.created_at), key or "")
        status, created_at, unlisted = await self._link.run(scripts.ENTER, [row], new)
        if unlisted:
            place = (tree_id, created_at, _list_of(status.decode()))
            await self._link.run(scripts.LIST, self._lists(entry.tenant), place)
            await self._link.call("HDEL", row, "unlisted")

    async def set_status(self, tree_id: str, status: str, *, ended_at: float | None, nodes: int) -> None:
        """Note a status; nothing where there is no such entry, or it has ended. Raises ValueError."""
        _list_of(status)
        row = self._link.keys.tree(tree_id).entry
        args = (status, "" if ended_at is None else repr(ended_at), nodes)
        if await self._link.run(scripts.SET_STATUS, [row], args, patient=True):
            await self.spread(tree_id, patient=True)

    async def spread(self, tree_id: str, *, patient: bool = False) -> None:
        """Have every list say what the entry says."""
        done: Standing | None = None
        while (standing := await self.read(tree_id, patient=patient)) is not None and standing != done:
            entry = standing.entry
            place = (tree_id, repr(entry.created_at), _list_of(entry.status))
            await self._link.run(scripts.MOVE, self._lists(entry.tenant), place, patient=patient)
            if standing.ended_at is not None:
                end = (tree_id, standing.ended_at, standing.nodes)
                await self._link.run(scripts.END, self._ended, end, patient=patient)
            done = standing
        if standing is None and done is not None:
            await self.unlist(done.entry, patient=patient)
            await self.forget(tree_id, patient=patient)

    async def remove(self, tree_id: str) -> None:
        """Drop the entry, its key, and every mention of it; also what is left of one."""
        tree = self._link.keys.tree(tree_id)
        held = await self._link.run(scripts.RETIRE, [tree.entry], [GONE_S])
        if held is not None:
            tenant, key = held[0].decode(), held[1].decode()
            if key:
                await self._link.run(scripts.FREE_KEY, [self._link.keys.idempotency(tenant, key)], [tree_id])
            await self._link.run(scripts.UNLIST, self._lists(tenant), (tree_id, ""))
        await self.forget(tree_id)
        if held is not None:
            await self._link.run(scripts.ERASE, [tree.entry], [])

    async def unlist(self, entry: TreeEntry, *, patient: bool = False) -> None:
        """Take a tree off its tenant's lists, unless it is there by a later making."""
        args = (entry.tree_id, repr(entry.created_at))
        await self._link.run(scripts.UNLIST, self._lists(entry.tenant), args, patient=patient)

    async def forget(self, tree_id: str, *, patient: bool = False) -> None:
        """Take a tree off the lists over all tenants."""
        await self._link.run(scripts.FORGET, self._ended, [tree_id], patient=patient)

    def _lists(self, tenant: str) -> list[str]:
        return [self._link.keys.tenant(tenant, name) for name in LISTS]


def end_of(status: str, now: float) -> float | None:
    """When a tree that has this status from now on ended; None where it has not."""
    return now if status in ENDED else None


def _list_of(status: str) -> int:
    """Which of the lists, counted as Lua does."""
    return 2 + STATUSES.index(Status(status).value)
