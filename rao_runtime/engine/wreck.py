"""Ends a tree whose own code broke: whoever follows it must see an end, and its journal must stay well-formed."""

from typing import Any

from rao_runtime.core.events import EventType
from rao_runtime.core.limits import Reason
from rao_runtime.core.state import NodeState
from rao_runtime.core.transitions import ENDED
from rao_runtime.core.usage import Usage
from rao_runtime.core.view import amount
from rao_runtime.engine.node_spec import NodeFailure
from rao_runtime.engine.tree_log import TreeLog

WRECKED = NodeFailure(reason=Reason.INTERNAL, message="an error of the server; its log has it", retryable=True)


def clear(tree_log: TreeLog) -> None:
    """Close every call and node still open, children before their parents. Nothing of the tree runs any more."""
    for node in reversed(list(tree_log.state.nodes.values())):
        if node.status in ENDED:
            continue
        for (call, attempt), started in list(node.open_calls.items()):
            _close_call(tree_log, node, call, attempt, str(started["replica"]))
        cost = None if node.cost is None else amount(node.cost)
        data = {"usage": node.usage.as_dict(), "cost": cost, "error": WRECKED.as_dict(node.node_id)}
        tree_log.record(EventType.NODE_FAILED, data, node)


def _close_call(tree_log: TreeLog, node: NodeState, call: str, attempt: int, replica: str) -> None:
    turn = int(node.open_calls[call, attempt]["turn"])
    data: dict[str, Any] = {
        "call_id": call,
        "attempt": attempt,
        "turn": turn,
        "replica": replica,
        "error": {"kind": Reason.INTERNAL.value, "message": WRECKED.message, "status": None},
        "retry": None,
        # What it used is lost with the code that counted it: nothing is made up, the mark says it is no count.
        "usage": Usage(calls=1, estimated=True).as_dict(),
        "cost": None,
        "times": {"queued_s": 0.0, "first_token_s": None, "run_s": 0.0},
    }
    tree_log.record(EventType.CALL_FAILED, data, node, turn)
