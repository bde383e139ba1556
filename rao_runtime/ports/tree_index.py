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


class TreeIndex(Protocol):
    """Finds trees: by key, by tenant, by age."""

    async def add(self, entry: TreeEntry, *, key: str | None, fingerprint: str) -> str | None:
        """Enter a tree. Returns None, or the tree_id already entered under this tenant and key.

        Raises KeyReused where that one has another fingerprint.
        """
        ...

    async def set_status(self, tree_id: str, status: str) -> None:
        """Note where a tree stands; no error for one that is gone."""
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

    def to_drop(self, *, retain_trees: int, retain_s: float) -> Sequence[str]:
        """Ended trees beyond the newest `retain_trees`, or that ended over `retain_s` ago; oldest first."""
        ...
