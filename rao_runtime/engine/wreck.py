"""Closes what nobody runs any more: the calls and nodes of a tree whose code broke, or whose owner is gone.

Whoever follows it must see an end, and its journal must stay well-formed.
"""

from collections.abc import Sequence
from typing import Any

from rao_runtime.core.events import Event, EventType
from rao_runtime.core.limits import Reason
from rao_runtime.core.state import NodeState
from rao_runtime.core.transitions import ENDED
from rao_runtime.core.usage import Tokens, Usage
from rao_runtime.core.view import amount
from rao_runtime.engine.node_spec import NodeFailure
from rao_runtime.engine.tree_log import TreeLog

WRECKED = NodeFailure(reason=Reason.INTERNAL, message="an error of the server; its log has it", retryable=True)


def clear(tree_log: TreeLog, failure: NodeFailure = WRECKED) -> None:
    """Close every call and node still open, children before their parents. Nothing of the tree runs any more."""
    for node in reversed(list(tree_log.state.nodes.values())):
        if node.status not in ENDED:
            close_calls(tree_log, node, failure.reason.value, failure.message)
            end_node(tree_log, node, EventType.NODE_FAILED, failure)


def end_node(tree_log: TreeLog, node: NodeState, event_type: EventType, failure: NodeFailure) -> None:
    """Journal the end of a node of which nothing runs."""
    cost = None if node.cost is None else amount(node.cost)
    data = {"usage": node.usage.as_dict(), "cost": cost, "error": failure.as_dict(node.node_id)}
    tree_log.record(event_type, data, node)


def close_calls(tree_log: TreeLog, node: NodeState, kind: str, message: str) -> Sequence[Event]:
    """Settle the calls of a node whose code is gone, and with it what they used.

    Each counts as its whole reserve, marked as an estimate: a budget must not be passed, nor a cost go untold.
    """
    settled = list[Event]()
    for (call, attempt), started in list(node.open_calls.items()):
        reserve, most = started["reserve"], started["sampling"]["max_tokens"]
        tokens = Tokens(input=reserve["tokens"] - most, output=most)
        data: dict[str, Any] = {
            "call_id": call,
            "attempt": attempt,
            "turn": started["turn"],
            "replica": started["replica"],
            "error": {"kind": kind, "message": message, "status": None},
            "retry": None,
            "surfaced": False,
            "usage": Usage.of(tokens, wasted=True, estimated=True).as_dict(),
            "cost": reserve["cost"],
            "times": {"queued_s": 0.0, "first_token_s": None, "run_s": 0.0},
        }
        settled.append(tree_log.record(EventType.CALL_FAILED, data, node, started["turn"]))
    return settled
