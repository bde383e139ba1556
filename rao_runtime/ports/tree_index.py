"""Finds trees."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEntry:
    """A tree in the index: enough to list it and to find it by key."""

    tree_id: str
    tenant: str
    status: str
    created_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How much of ended trees is kept: at most so many trees, so many nodes of them, for so long after their end."""

    trees: int
    nodes: int
    age_s: float


class TreeIndex(Protocol):
    """Finds trees: by key, by tenant, by age.

    An index is written before the tree it names, and removed after it: an entry may have no tree, never the other way.
    """

    async def add(self, entry: TreeEntry, *, key: str | None, fingerprint: str) -> str | None:
        """Enter a tree. Returns None, or the tree_id already entered under this tenant and key.

        A key is kept 24 hours, or until its tree is removed. Raises KeyReused where its tree has another fingerprint.
        """
        ...

    async def set_status(self, tree_id: str, status: str, *, nodes: int = 0) -> None:
        """Note where a tree stands, and once it has ended how many nodes it has; no error for one that is gone."""
        ...

    async def get(self, tree_id: str) -> TreeEntry | None:
        """The entry, if there is one."""
        ...

    async def page(
        self, tenant: str, *, limit: int, after: str | None = None, status: str | None = None
    ) -> tuple[Sequence[TreeEntry], str | None]:
        """Newest first, and the cursor of the next page. Raises InvalidRequest for a cursor that is none."""
        ...

    async def remove(self, tree_id: str) -> None:
        """Drop the entry and its key."""
        ...

    async def active(self, *, limit: int = 10_000) -> Sequence[TreeEntry]:
        """Trees that have not ended, oldest first."""
        ...

    async def to_drop(self, retention: Retention, *, limit: int = 1_000) -> Sequence[str]:
        """Ended trees that are kept no longer, oldest end first; never the newest one for its nodes alone."""
        ...
