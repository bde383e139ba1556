"""The index of trees in this process's memory: by key, by tenant, by age, and which finished ones to drop."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite

from rao_runtime.core.errors import Fault, InvalidRequest, KeyReused
from rao_runtime.ports import Clock, TreeEntry

KEY_KEPT_S = 24 * 3600.0
ENDED = frozenset({"completed", "failed", "canceled", "rejected"})

Place = tuple[float, str]  # created_at, tree_id: where an entry stands in its tenant's list


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
        self._ended = dict[str, float]()  # oldest end first

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

    async def set_status(self, tree_id: str, status: str) -> None:
        """Note where a tree stands; no error for one that is gone."""
        entry = self._entries.get(tree_id)
        if entry is None:
            return
        self._entries[tree_id] = replace(entry, status=status)
        if status in ENDED:
            self._ended.setdefault(tree_id, self._clock.now())
        else:
            self._ended.pop(tree_id, None)

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
        end = len(places) if after is None else bisect_left(places, _place(after))
        found = list[TreeEntry]()
        for place in reversed(places[:end]):
            entry = self._entries[place[1]]
            if status is not None and entry.status != status:
                continue
            if len(found) == limit:
                return found, _cursor(found[-1])
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

    def to_drop(self, *, retain_trees: int, retain_s: float) -> Sequence[str]:
        """Finished trees that are kept no longer, in the order they ended. The caller deletes them everywhere."""
        return beyond(self._ended, now=self._clock.now(), retain_trees=retain_trees, retain_s=retain_s)

    def _expire_keys(self, now: float) -> None:
        for key in list(_older(self._keys, now - KEY_KEPT_S)):
            del self._key_of[self._keys.pop(key).tree_id]


def beyond(ended: Mapping[str, float], *, now: float, retain_trees: int, retain_s: float) -> Sequence[str]:
    """Of trees and when they ended, oldest end first: those beyond `retain_trees`, and those older than `retain_s`."""
    spare = len(ended) - retain_trees
    drop = list[str]()
    for tree_id, at in ended.items():
        if len(drop) >= spare and at > now - retain_s:
            break
        drop.append(tree_id)
    return drop


def _older(keys: Mapping[tuple[str, str], _Key], than: float) -> Iterable[tuple[str, str]]:
    for name, key in keys.items():
        if key.at > than:
            return
        yield name


def _cursor(entry: TreeEntry) -> str:
    return urlsafe_b64encode(f"{entry.created_at!r} {entry.tree_id}".encode()).decode().rstrip("=")


def _place(cursor: str) -> Place:
    try:
        text = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode()
        created_at, _, tree_id = text.partition(" ")
        place = float(created_at), tree_id
    except ValueError:
        raise _bad_cursor() from None
    if not tree_id or not isfinite(place[0]):
        raise _bad_cursor()
    return place


def _bad_cursor() -> InvalidRequest:
    return InvalidRequest([Fault(("query", "after"), "is not a cursor of this list")])
