"""The index of trees in this process's memory: by key, by tenant, by age, and which finished ones to drop."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rao_runtime.adapters.index_order import ENDED, KEY_KEPT_S, Ended, Place, cursor_of, excess, place_of
from rao_runtime.core.errors import KeyReused
from rao_runtime.ports import Clock, Retention, TreeEntry


@dataclass(frozen=True, slots=True)
class _Key:
    tree_id: str
    fingerprint: str
    at: float


class MemoryIndex:
    """`ports.TreeIndex` in dictionaries."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries = dict[str, TreeEntry]()
        self._by_tenant = dict[str, list[Place]]()
        self._keys = dict[tuple[str, str], _Key]()  # oldest first: keys expire in the order they were entered
        self._key_of = dict[str, tuple[str, str]]()
        self._ended = dict[str, Ended]()  # oldest end first

    async def add(self, entry: TreeEntry, *, key: str | None, fingerprint: str) -> str | None:
        """Enter a tree. Returns None, or the tree_id already entered under this tenant and key.

        A key is kept 24 hours, or until its tree is removed. Raises KeyReused where its tree has another fingerprint.
        """
        now = self._clock.now()
        self._expire_keys(now)
        if key is not None:
            known = self._keys.get((entry.tenant, key))
            if known is not None:
                if known.fingerprint != fingerprint:
                    raise KeyReused
                return known.tree_id
            self._keys[entry.tenant, key] = _Key(entry.tree_id, fingerprint, now)
            self._key_of[entry.tree_id] = (entry.tenant, key)
        self._entries[entry.tree_id] = entry
        insort(self._by_tenant.setdefault(entry.tenant, []), (entry.created_at, entry.tree_id))
        return None

    async def set_status(self, tree_id: str, status: str, *, nodes: int = 0) -> None:
        """Note where a tree stands, and once it has ended how many nodes it has; no error for one that is gone.

        An end is final: what comes after it is from somebody who does not know of it yet.
        """
        entry = self._entries.get(tree_id)
        if entry is None or entry.status in ENDED:
            return
        self._entries[tree_id] = replace(entry, status=status)
        if status in ENDED:
            self._ended[tree_id] = Ended(self._clock.now(), nodes)

    async def get(self, tree_id: str) -> TreeEntry | None:
        """The entry, if there is one."""
        return self._entries.get(tree_id)

    async def page(
        self, tenant: str, *, limit: int, after: str | None = None, status: str | None = None
    ) -> tuple[Sequence[TreeEntry], str | None]:
        """Newest first, and the cursor of the next page. Raises InvalidRequest for a cursor that is none.

        A cursor is a place in the list, and stays good when the entry at it is removed.
        """
        places = self._by_tenant.get(tenant, [])
        end = len(places) if after is None else bisect_left(places, place_of(after))
        found = list[TreeEntry]()
        for place in reversed(places[:end]):
            entry = self._entries[place[1]]
            if status is not None and entry.status != status:
                continue
            if len(found) == limit:
                return found, cursor_of(found[-1])
            found.append(entry)
        return found, None

    async def remove(self, tree_id: str) -> None:
        """Drop the entry and its key."""
        entry = self._entries.pop(tree_id, None)
        if entry is None:
            return
        self._ended.pop(tree_id, None)
        places = self._by_tenant[entry.tenant]
        del places[bisect_left(places, (entry.created_at, tree_id))]
        if not places:
            del self._by_tenant[entry.tenant]
        key = self._key_of.pop(tree_id, None)
        if key is not None:
            del self._keys[key]

    async def active(self, *, limit: int = 10_000) -> Sequence[TreeEntry]:
        """Trees that have not ended, oldest first."""
        active = [entry for entry in self._entries.values() if entry.status not in ENDED]
        return sorted(active, key=lambda entry: (entry.created_at, entry.tree_id))[:limit]

    async def to_drop(self, retention: Retention, *, limit: int = 1_000) -> Sequence[str]:
        """Ended trees that are kept no longer, oldest end first. The caller deletes them everywhere."""
        return beyond(self._ended, retention, now=self._clock.now())[:limit]

    def _expire_keys(self, now: float) -> None:
        for key in list(_older(self._keys, now - KEY_KEPT_S)):
            del self._key_of[self._keys.pop(key).tree_id]


def beyond(ended: Mapping[str, Ended], retention: Retention, *, now: float) -> Sequence[str]:
    """Of all ended trees, oldest end first: those that are too many, too old, or too large."""
    return excess(ended.items(), retention, left=len(ended), nodes=sum(end.nodes for end in ended.values()), now=now)


def _older(keys: Mapping[tuple[str, str], _Key], than: float) -> Iterable[tuple[str, str]]:
    for name, key in keys.items():
        if key.at > than:
            return
        yield name
