"""A node's pen: while its past lasts, what it records is held against the journal; after that it is written."""

from collections.abc import Mapping, Sequence
from typing import Any

from rao_runtime.core.errors import ReplayMismatch
from rao_runtime.core.events import EventType
from rao_runtime.engine.calls import Attempts
from rao_runtime.engine.replay import TreePast
from rao_runtime.engine.tree_log import NodeRef, TreeLog


class NodeLog:
    """Records one node's events; `past` is what it did under an earlier owner of its tree."""

    def __init__(self, log: TreeLog, node: NodeRef, history: TreePast) -> None:
        self._log = log
        self._node = node
        self._history = history
        self.past = history.of(self._node_id)

    @property
    def _node_id(self) -> str:
        return self._node.node_id

    def record(
        self, event_type: EventType, data: Mapping[str, Any], turn: int | None = None, *, same: Sequence[str] = ()
    ) -> Mapping[str, Any]:
        """Write the event, or take it from the past; the data in force.

        Raises ReplayMismatch where the past has another event, or other values under the keys in `same`.
        """
        if self.past.is_over:
            self.caught_up()
            self._log.record(event_type, data, self._node, turn)
            return data
        known = self.past.take(event_type, turn)
        for key in same:
            if known[key] != data[key]:
                raise ReplayMismatch(f"another {key!r} in {event_type} of turn {turn} than the journal has")
        return known

    def replayed(self, event_type: EventType, turn: int) -> Mapping[str, Any] | None:
        """The next event of the past, where it is of that type; None where the node is live, which is noted.

        Raises ReplayMismatch where the past goes on with another event.
        """
        if self.past.is_over:
            self.caught_up()
            return None
        return self.past.take(event_type, turn)

    def attempts(self, turn: int) -> Attempts:
        """What became of the turn's call so far. Raises ReplayMismatch where the past goes on without one."""
        attempts = self.past.attempts(turn)
        if self.past.is_over:
            if attempts.result is None:
                self.caught_up()
        elif attempts.result is None:
            raise ReplayMismatch(f"turn {turn} has no finished call in the journal, which goes on after it")
        return attempts

    def caught_up(self) -> None:
        """The node is live, or has ended."""
        self._history.caught_up(self._node_id)

    def end(self, event_type: EventType, data: Mapping[str, Any]) -> None:
        """Write the node's end, which is never in its past."""
        self._log.record(event_type, data, self._node)
        self.caught_up()

    async def live(self) -> None:
        """Wait until every node of the tree is live."""
        await self._history.all_caught_up()

    async def durable(self) -> None:
        """Wait until the journal has what the node recorded."""
        if self.past.is_over:
            await self._log.durable()
