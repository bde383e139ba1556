"""A tree's journal, read by the owner that goes on with it: what its nodes did already, and must do again alike.

Whoever takes a tree over runs its nodes anew. As long as a node's past lasts, its calls are answered from it, its waits
end as they ended, and what it records is held against it; then the node goes on live. Finished cells are run again only
for their variables.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rao_runtime.core.budget import Account, Amount, spend
from rao_runtime.core.errors import FailureKind, ModelError, ReplayMismatch
from rao_runtime.core.events import Event, EventType
from rao_runtime.core.limits import Limits
from rao_runtime.core.state import NodeState, TreeState
from rao_runtime.core.transitions import ENDED, Status
from rao_runtime.core.usage import Usage
from rao_runtime.engine.calls import Attempts, CallFailed, Completion

CALL_EVENTS = frozenset({EventType.CALL_STARTED, EventType.CALL_COMPLETED, EventType.CALL_FAILED})
TOOL_EVENTS = frozenset({EventType.TOOL_STARTED, EventType.TOOL_COMPLETED})
# The end of an attempt that its node's owner cut off, or did not live to see: the call itself is still to be made.
CUT_OFF = frozenset({"canceled", "interrupted"})


class NodePast:
    """One node's own events in order, taken one by one. A node without a past has none left from the start."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._events = deque[Event]()
        self._tools = dict[str, dict[str, Any]]()
        for event in events:
            # Tools end when they like: their results are found by call, not in the order of the node's own doings.
            if event.type in TOOL_EVENTS:
                known = self._tools.setdefault(event.data["call_id"], {})
                known.update(event.data, ended=event.type is EventType.TOOL_COMPLETED)
            else:
                self._events.append(event)

    @property
    def is_over(self) -> bool:
        """Whether everything was taken: the node is live."""
        return not self._events

    def next_is(self, event_type: EventType, **data: object) -> bool:
        """Whether that comes next, with these values in its data."""
        if not self._events or self._events[0].type is not event_type:
            return False
        return all(self._events[0].data[name] == value for name, value in data.items())

    def take(self, event_type: EventType, turn: int | None) -> Mapping[str, Any]:
        """The data of the next event. Raises ReplayMismatch where it is another one."""
        event = self._events[0]
        if (event.type, event.turn) != (event_type, turn):
            raise ReplayMismatch(f"{event_type} of turn {turn} where the journal has {event.type} of turn {event.turn}")
        self._events.popleft()
        return event.data

    def tool(self, call_id: str) -> Mapping[str, Any] | None:
        """What the journal has of a tool call: what was asked, and where it `ended`, the result or error."""
        return self._tools.get(call_id)

    def attempts(self, turn: int) -> Attempts:
        """What became of the turn's call so far."""
        made, counted = 0, 0
        result: Completion | CallFailed | None = None
        while self._events and self._events[0].type in CALL_EVENTS and self._events[0].turn == turn:
            event = self._events.popleft()
            made = max(made, event.data["attempt"])
            match event.type:
                case EventType.CALL_COMPLETED:
                    result = _completion(event.data)
                case EventType.CALL_FAILED if event.data["retry"] is not None:
                    counted += event.data["retry"]["counts"]
                case EventType.CALL_FAILED if event.data["error"]["kind"] not in CUT_OFF:
                    result = _call_failed(event.data)
                case _:
                    pass
        return Attempts(made, counted, result)

    def lost_cell(self, turn: int) -> Mapping[str, Any] | None:
        """The output of the turn's cell, where the sandbox rolled it back: there is nothing of it to rebuild."""
        for event in self._events:
            if event.type is EventType.NODE_OUTPUT and event.turn == turn:
                return event.data if event.data["killed"] else None
        return None

    def skip_cell(self, turn: int) -> Sequence[Event]:
        """Take all events of the turn's cell, its output being the last of them."""
        taken = list[Event]()
        while not self.next_is(EventType.NODE_OUTPUT):
            taken.append(self._events.popleft())
        self.take(EventType.NODE_OUTPUT, turn)
        return taken


class TreePast:
    """The pasts of a tree's nodes, the accounts their spending is booked to, and who has not caught up yet.

    A call is sent only once every node has caught up: before, a fast one could reserve what a slow one had already.
    """

    def __init__(self, pasts: Mapping[str, NodePast], accounts: Mapping[str, Account]) -> None:
        self._pasts = dict(pasts)
        self._accounts = accounts
        self._behind = set(pasts)
        self._all_live = asyncio.Event()
        self._look()

    def of(self, node_id: str) -> NodePast:
        """The node's past, which is its to use up."""
        return self._pasts.pop(node_id, None) or NodePast()

    def account_of(self, node_id: str) -> Account | None:
        """The account that a node of the past was booked to."""
        return self._accounts.get(node_id)

    def caught_up(self, node_id: str) -> None:
        """The node goes on live, or has ended."""
        if self._behind:
            self._behind.discard(node_id)
            self._look()

    @property
    def is_over(self) -> bool:
        """Whether nobody replays any more."""
        return not self._behind

    async def all_caught_up(self) -> None:
        """Wait until nobody replays any more."""
        await self._all_live.wait()

    def _look(self) -> None:
        if not self._behind:
            self._all_live.set()


def no_past() -> TreePast:
    """That of a tree that has just begun."""
    return TreePast({}, {})


def past_of(state: TreeState, events: Iterable[Event], root_account: Account) -> TreePast:
    """The past of an interrupted tree; what its nodes have spent is booked to `root_account` and those below it."""
    own = dict[str, list[Event]]()
    for event in events:
        node = None if event.node_id is None else state.nodes.get(event.node_id)
        if node is not None and node.status is Status.WORKING and event.type is not EventType.NODE_CREATED:
            own.setdefault(node.node_id, []).append(event)
    return TreePast({node_id: NodePast(each) for node_id, each in own.items()}, _accounts(state, root_account))


def _accounts(state: TreeState, root_account: Account) -> dict[str, Account]:
    accounts = dict[str, Account]()
    for node in state.nodes.values():
        account = root_account
        if node.parent_id is not None:
            above, limits = accounts[node.parent_id], Limits.from_dict(node.created["limits"])
            account = own_account(above, limits, Limits.from_dict(state.nodes[node.parent_id].created["limits"]))
        accounts[node.node_id] = account
        used = Amount(nodes=1, tokens=node.usage.total_tokens)
        spend(account, used if node.cost is None else used + Amount(cost=node.cost))
    return accounts


def own_account(above: Account, limits: Limits, parents: Limits) -> Account:
    """The account of a child: its own where it was given less than its parent has, else its parent's."""
    same = (limits.max_nodes, limits.max_tokens, limits.max_cost) == (
        parents.max_nodes,
        parents.max_tokens,
        parents.max_cost,
    )
    return above if same else Account(limits, above)


def open_below(state: TreeState, node_id: str) -> Sequence[NodeState]:
    """A node's descendants that have not ended, children before their parents."""
    found = list[NodeState]()
    for child_id in state.nodes[node_id].children:
        child = state.nodes[child_id]
        if child.status not in ENDED:
            found += [*open_below(state, child_id), child]
    return found


def _completion(data: Mapping[str, Any]) -> Completion:
    return Completion(data["text"], data["finish_reason"], Usage(**data["usage"]).counted)


def _call_failed(data: Mapping[str, Any]) -> CallFailed:
    error = data["error"]
    return CallFailed(
        ModelError(FailureKind(error["kind"]), error["message"], status=error["status"]), lost=data["surfaced"]
    )
