"""The index of trees in Redis: sorted sets by creation and by end, so that nothing is ever looked for tree by tree."""

from collections.abc import Sequence
from dataclasses import replace

from rao_runtime.adapters import redis_index_scripts as scripts
from rao_runtime.adapters.clock import new_tree_id
from rao_runtime.adapters.index_order import KEY_KEPT_S, Ended, Place, cursor_of, excess, place_of
from rao_runtime.adapters.redis_index_entry import RedisIndexEntries, Standing, end_of
from rao_runtime.adapters.redis_index_scripts import ALL, STATUSES
from rao_runtime.adapters.redis_link import RedisLink
from rao_runtime.core.errors import KeyReused
from rao_runtime.ports import Clock, Retention, TreeEntry

# Our clock decides how long a key is kept; Redis drops what nobody asked for again.
_KEY_DROPPED_S = round(KEY_KEPT_S) + 3_600

# A tree is among the active ones before it has an entry: this long nobody takes it for a remnant.
_HALF_MADE_S = 60.0

_ENDS_AT_ONCE = 100


class RedisIndex:
    """`ports.TreeIndex` over a link. Entering a tree again, under the same id, changes nothing.

    `set_status` waits while Redis is in trouble, as an owner's calls do; the rest raise JournalUnavailable.
    """

    def __init__(self, link: RedisLink, clock: Clock) -> None:
        self._link = link
        self._clock = clock
        self._entries = RedisIndexEntries(link)

    async def add(self, entry: TreeEntry, *, key: str | None, fingerprint: str) -> str | None:
        """Enter a tree. Returns None, or the tree_id already entered under this tenant and key.

        A key is kept 24 hours, or until its tree is removed. Raises KeyReused where its tree has another fingerprint.
        Whoever had the key first may have died since: then its tree is entered here.
        """
        earlier = None if key is None else await self._claim(entry, key, fingerprint)
        if earlier is None:
            await self._entries.enter(entry, key)
            return None
        standing = await self._entries.read(earlier)
        if standing is None or standing.unlisted:
            await self._entries.enter(replace(entry, tree_id=earlier), key)
        return earlier

    async def set_status(self, tree_id: str, status: str, *, nodes: int = 0) -> None:
        """Note where a tree stands, and once it has ended how many nodes it has; no error for one that is gone.

        An end is final: what comes after it is from somebody who does not know of it yet.
        """
        await self._entries.set_status(tree_id, status, ended_at=end_of(status, self._clock.now()), nodes=nodes)

    async def get(self, tree_id: str) -> TreeEntry | None:
        """The entry, if there is one."""
        standing = await self._entries.read(tree_id)
        return None if standing is None else standing.entry

    async def page(
        self, tenant: str, *, limit: int, after: str | None = None, status: str | None = None
    ) -> tuple[Sequence[TreeEntry], str | None]:
        """Newest first, and the cursor of the next page. Raises InvalidRequest for a cursor that is none.

        A cursor is a place in the list, and stays good when the entry at it is removed.
        """
        place = None if after is None else place_of(after)
        if status is not None and status not in STATUSES:
            return [], None
        name = self._link.keys.tenant(tenant, ALL if status is None else f"s:{status}")
        found, skip, more = list[TreeEntry](), 0, True
        while more and len(found) <= limit:
            places = await self._places(name, place, skip, limit + 1)
            fresh = [each for each in places if place is None or each < place]
            # Any number of trees can share the cursor's moment, and all those newer than it come first.
            skip, place = (0, fresh[-1]) if fresh else (skip + len(places), place)
            found += [entry for entry in await self._listed(tenant, fresh) if status in {None, entry.status}]
            more = len(places) > limit
        return found[:limit], cursor_of(found[limit - 1]) if len(found) > limit else None

    async def remove(self, tree_id: str) -> None:
        """Drop the entry and its key."""
        await self._entries.remove(tree_id)

    async def active(self, *, limit: int = 10_000) -> Sequence[TreeEntry]:
        """Trees that have not ended, oldest first. What a crash has left half-done among them is completed."""
        places = _places(await self._link.call("ZRANGE", self._link.keys.index("active"), 0, limit - 1, "WITHSCORES"))
        found = list[TreeEntry]()
        for place, standing in zip(places, await self._entries.read_all(name for _, name in places), strict=True):
            if standing is None or standing.ended_at is not None:
                await self._tidy(place, standing)
            else:
                found.append(standing.entry)
        return found

    async def to_drop(self, retention: Retention, *, limit: int = 1_000) -> Sequence[str]:
        """Ended trees that are kept no longer, oldest end first; never the newest one for its nodes alone."""
        now, drop, gone_nodes = self._clock.now(), list[str](), 0
        keys = [self._link.keys.index(name) for name in ("ended", "nodes", "node_sum")]
        while len(drop) < limit:
            window = (len(drop), len(drop) + _ENDS_AT_ONCE - 1)
            count, nodes, *rows = await self._link.run(scripts.OLDEST_ENDS, keys, window)
            ends = {row[0].decode(): Ended(float(row[1]), int(row[2])) for row in rows}
            more = excess(ends.items(), retention, left=count - len(drop), nodes=nodes - gone_nodes, now=now)
            drop += more
            gone_nodes += sum(ends[tree_id].nodes for tree_id in more)
            if len(more) < _ENDS_AT_ONCE:
                break
        return drop[:limit]

    async def _claim(self, entry: TreeEntry, key: str, fingerprint: str) -> str | None:
        """The tree whose key it is, if that was so before this call."""
        name, call = self._link.keys.idempotency(entry.tenant, key), new_tree_id()
        args = (entry.tree_id, fingerprint, call, repr(self._clock.now()), repr(KEY_KEPT_S), _KEY_DROPPED_S)
        tree_id, known, claimed_by = await self._link.run(scripts.CLAIM_KEY, [name], args)
        if known.decode() != fingerprint:
            raise KeyReused
        return None if claimed_by.decode() == call else tree_id.decode()

    async def _places(self, name: str, place: Place | None, skip: int, count: int) -> list[Place]:
        newest = "+inf" if place is None else repr(place[0])
        window = ("WITHSCORES", "LIMIT", skip, count)
        return _places(await self._link.call("ZREVRANGEBYSCORE", name, newest, "-inf", *window))

    async def _listed(self, tenant: str, places: Sequence[Place]) -> list[TreeEntry]:
        """The entries at these places. One that Redis has dropped, long after its end, leaves the list here."""
        entries = list[TreeEntry]()
        for place, standing in zip(places, await self._entries.read_all(name for _, name in places), strict=True):
            if standing is None:
                ghost = TreeEntry(tree_id=place[1], tenant=tenant, status="", created_at=place[0])
                await self._entries.unlist(ghost)
            else:
                entries.append(standing.entry)
        return entries

    async def _tidy(self, place: Place, standing: Standing | None) -> None:
        created_at, tree_id = place
        if standing is not None:
            await self._entries.spread(tree_id)
        elif created_at < self._clock.now() - _HALF_MADE_S:
            await self._entries.forget(tree_id)


def _places(reply: Sequence[bytes]) -> list[Place]:
    return [(float(score), name.decode()) for name, score in zip(reply[::2], reply[1::2], strict=True)]
