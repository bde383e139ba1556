"""Closes what nobody runs any more: the calls and nodes of a tree whose code broke, or whose owner is gone.

Whoever follows it must see an end, and its journal must stay well-formed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rao_runtime.core.busy_share import BusyShares
from rao_runtime.core.events import Event, EventType
from rao_runtime.core.limits import Reason
from rao_runtime.core.pricing import GpuPrice, Sheet, amount
from rao_runtime.core.state import NodeState, TreeState
from rao_runtime.core.transitions import ENDED
from rao_runtime.core.usage import Tokens, Usage
from rao_runtime.engine.node_spec import NodeFailure
from rao_runtime.engine.tree_log import TreeLog

WRECKED = NodeFailure(reason=Reason.INTERNAL, message="an error of the server; its log has it", retryable=True)


def clear(tree_log: TreeLog, failure: NodeFailure = WRECKED) -> None:
    """Close every call and node still open, children before their parents. Nothing of the tree runs any more."""
    close_calls(tree_log, failure.reason.value, failure.message)
    for node in reversed(list(tree_log.state.nodes.values())):
        if node.status not in ENDED:
            end_node(tree_log, node, EventType.NODE_FAILED, failure)


def end_node(tree_log: TreeLog, node: NodeState, event_type: EventType, failure: NodeFailure) -> None:
    """Journal the end of a node of which nothing runs."""
    cost = None if node.cost is None else amount(node.cost)
    data = {"usage": node.usage.as_dict(), "cost": cost, "error": failure.as_dict(node.node_id)}
    tree_log.record(event_type, data, node)


def close_calls(tree_log: TreeLog, kind: str, message: str) -> Sequence[Event]:
    """Settle the calls of nodes whose code is gone, and with it what they used.

    Each counts as its whole reserve, marked as an estimate: a budget must not be passed, nor a cost go untold.
    """
    state = tree_log.state
    price = state.price
    shares = _shares(state, tree_log.now) if isinstance(price, GpuPrice) else {}
    settled = list[Event]()
    for node, started in list(_open(state.nodes.values())):
        tokens = _reserved(started)
        data: dict[str, Any] = {
            "call_id": started.data["call_id"],
            "attempt": started.data["attempt"],
            "turn": started.data["turn"],
            "replica": started.data["replica"],
            "error": {"kind": kind, "message": message, "status": None},
            "retry": None,
            "surfaced": False,
            "usage": Usage.of(tokens, wasted=True, estimated=True).as_dict(),
            "times": {"queued_s": 0.0, "first_token_s": None, "run_s": 0.0},
            **_money(price, started, tokens, shares),
        }
        settled.append(tree_log.record(EventType.CALL_FAILED, data, node, started.data["turn"]))
    return settled


def _open(nodes: Iterable[NodeState]) -> Iterator[tuple[NodeState, Event]]:
    for node in nodes:
        yield from ((node, started) for started in node.open_calls.values())


def _reserved(started: Event) -> Tokens:
    reserve, most = started.data["reserve"]["tokens"], started.data["sampling"]["max_tokens"]
    return Tokens(input=reserve - most, output=most)


def _money(price: Sheet | None, started: Event, tokens: Tokens, shares: Mapping[int, float]) -> dict[str, Any]:
    if not isinstance(price, GpuPrice):
        return {"cost": started.data["reserve"]["cost"]}
    gpu_s = price.gpu_s(shares[started.seq])
    return {"cost": amount(price.cost(tokens, gpu_s)), "gpu_s": gpu_s}


def _shares(state: TreeState, now: float) -> dict[int, float]:
    """At most so many seconds of its replica each open call can have had, by the `seq` of its start.

    When its owner died is not known: it may have run until now, though not past the tree's deadline, and shared the
    replica with none but those of this tree that are open as well. So they are never charged more than there was.
    """
    calls = sorted((started for _, started in _open(state.nodes.values())), key=lambda each: each.seq)
    replicas, entered = dict[str, BusyShares](), dict[int, float]()
    for started in calls:
        shares = replicas.setdefault(started.data["replica"], BusyShares())
        entered[started.seq] = shares.enter(started.ts)
    until = min(now, state.created_at + state.created["limits"]["deadline_s"])
    return {started.seq: replicas[started.data["replica"]].leave(until, entered[started.seq]) for started in calls}
