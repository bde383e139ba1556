"""Which of a tree's events a client asked for."""

from collections.abc import Set as AbstractSet

from rao_runtime.core.events import Event, EventType, NodeDelta


class Filter:
    """A subtree, a depth, some types; all of them must agree. A terminal event passes every filter.

    With `node` it must be shown the tree's every event from the first on, since it learns from them who descends from
    whom. Events of the tree itself, which have no depth, pass a `depth`; they do not pass a `node`.
    """

    def __init__(
        self, *, node: str | None = None, depth: int | None = None, types: AbstractSet[EventType] | None = None
    ) -> None:
        self._subtree = None if node is None else {node}
        self._depth = depth
        self._types = types

    @property
    def learns(self) -> bool:
        """Whether it needs every event from the first on."""
        return self._subtree is not None

    def passes(self, item: Event | NodeDelta) -> bool:
        """Whether the client asked for it."""
        end = isinstance(item, Event) and item.is_end
        kind = item.type if isinstance(item, Event) else EventType.NODE_DELTA
        below = self._is_below(item)
        shallow = self._depth is None or item.depth is None or item.depth <= self._depth
        return end or (below and shallow and (self._types is None or kind in self._types))

    def _is_below(self, item: Event | NodeDelta) -> bool:
        if self._subtree is None:
            return True
        if item.parent_id in self._subtree and item.node_id is not None:
            self._subtree.add(item.node_id)
        return item.node_id in self._subtree
