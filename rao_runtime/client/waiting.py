"""The plans of waiting for an end, a tree's or a replica's, however long it takes and whatever the connection does."""

from rao_runtime.client import calls
from rao_runtime.client.calls import TreeRef
from rao_runtime.client.contact import Contact
from rao_runtime.client.errors import NotFound, StillRunning, TreeFailed
from rao_runtime.client.event import ENDS
from rao_runtime.client.following import Filter, is_stream, opening, terminal
from rao_runtime.client.replica import Replica
from rao_runtime.client.sse import SseReader
from rao_runtime.client.steps import Answer, Lost, Open, Pause, Plan
from rao_runtime.client.tree import Tree

HOLD_S = 20  # below what proxies cut: many of them wait for 30 s
POLL_S = 1.0


def solve(
    contact: Contact, body: bytes, key: str | None, *, wait_s: float | None, raise_on_failure: bool
) -> Plan[Tree]:
    """Hand a task in; its tree once it has ended. Raises StillRunning when `wait_s` is over before."""
    deadline = None if wait_s is None else contact.outside.now() + wait_s
    hold_s = HOLD_S if wait_s is None else max(0, min(HOLD_S, int(wait_s)))
    tree = yield from calls.submit(contact, body, key, hold_s=hold_s, deadline=deadline)
    ended = yield from _ended(contact, tree, deadline)
    return _answered(ended, raise_on_failure=raise_on_failure)


def wait(contact: Contact, tree: TreeRef, *, wait_s: float | None, raise_on_failure: bool) -> Plan[Tree]:
    """A tree once it has ended. Raises StillRunning when `wait_s` is over before."""
    deadline = None if wait_s is None else contact.outside.now() + wait_s
    seen = yield from calls.get(contact, tree, deadline=deadline)
    ended = yield from _ended(contact, seen, deadline)
    return _answered(ended, raise_on_failure=raise_on_failure)


def drain(contact: Contact, replica_id: str) -> Plan[Replica]:
    """Have a replica drained; as it was last seen, once its last call has ended and it is gone."""
    seen = yield from calls.drain_replica(contact, replica_id)
    # A server that was started anew drains nothing, and may call another replica by this id.
    while seen.state == "draining":
        yield Pause(POLL_S)
        try:
            seen = yield from calls.replica(contact, replica_id)
        except NotFound:
            break
    return seen


def _answered(tree: Tree, *, raise_on_failure: bool) -> Tree:
    if raise_on_failure and not tree.is_completed:
        raise TreeFailed(tree)
    return tree


def _ended(contact: Contact, tree: Tree, deadline: float | None) -> Plan[Tree]:
    if deadline is None:
        return (yield from _listen(contact, tree))
    return (yield from _poll(contact, tree, deadline))


def _listen(contact: Contact, tree: Tree) -> Plan[Tree]:
    """Listens for the terminal event; looks at the tree itself whenever that fails.

    So a proxy that holds back streams makes it slow, not wrong, and what is wrong with the server `get` finds out.
    """
    reader = SseReader()
    params = Filter(types=sorted(ENDS)).params()
    while not tree.has_ended:
        told: Answer | Lost = yield Open(opening(contact, tree, params))
        if isinstance(told, Answer) and is_stream(told):
            reader.reconnected()
            event = yield from terminal(reader)
            if event is not None and event.tree is not None:
                return event.tree
        yield Pause(contact.spread_s(reader.retry_s))
        tree = yield from calls.get(contact, tree)
    return tree


def _poll(contact: Contact, tree: Tree, deadline: float) -> Plan[Tree]:
    """Asks again and again: a stream could not be left on time."""
    while not tree.has_ended:
        left_s = deadline - contact.outside.now()
        if left_s <= 0:
            raise StillRunning(tree)
        yield Pause(min(POLL_S, left_s))
        tree = yield from calls.get(contact, tree, deadline=deadline)
    return tree
