"""A tree and its nodes in the shape of api.md. Pure: the same state renders the same, live or from the journal."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rao_runtime.core.critical_path import CriticalPath, critical_path
from rao_runtime.core.events import SCHEMA_VERSION
from rao_runtime.core.pricing import amount
from rao_runtime.core.spent import Spent
from rao_runtime.core.state import NodeState, TreeState, Turn
from rao_runtime.core.transitions import Status

# A goal can have 64 Ki characters: enough of it to tell trees apart in a list.
GOAL_CHARS = 500


def timestamp(seconds: float | None) -> str | None:
    """RFC 3339 in UTC with milliseconds, as in `2026-11-21T10:00:00.000Z`."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def tree_view(state: TreeState, *, now: float, nodes: bool = False) -> dict[str, Any]:
    """The tree. `nodes` adds `tree`, all nodes nested. While it runs, times run until `now`."""
    view = _end(state, state.end) if state.end is not None else _live_view(state, now)
    if nodes:
        view["tree"] = nested(state, now)
    return view


def end_view(
    state: TreeState,
    status: Status,
    *,
    now: float,
    answer: object = None,
    error: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The tree as its terminal event carries it, made just before that event is applied."""
    view = _live_view(state, now)
    view["status"] = status.value
    view["answer"] = answer
    view["error"] = None if error is None else dict(error)
    view["timing"]["ended_at"] = timestamp(now)
    view["timing"] |= _paths(state)
    if status is Status.COMPLETED:
        view["partial"] = None
    return view


def _end(state: TreeState, end: Mapping[str, Any]) -> dict[str, Any]:
    """The tree as it was journaled at its end, with what terminal events of an earlier release lack."""
    return {**end, "goal": _goal(state), "cost": _cost(state, state.spent), "by_model": _by_model(state)}


def _live_view(state: TreeState, now: float) -> dict[str, Any]:
    created = state.created
    return {
        "tree_id": state.tree_id,
        "trace_id": created["trace_id"],
        "schema_version": SCHEMA_VERSION,
        "status": (state.status or Status.SUBMITTED).value,
        "goal": _goal(state),
        "answer": None,
        "error": None,
        "partial": _partial(state),
        "model": state.model,
        "mode": {"requested": created["request"]["mode"], "effective": _effective_mode(state)},
        "usage": state.usage.as_dict(),
        "cost": _cost(state, state.spent),
        "by_model": _by_model(state),
        "limits": created["limits"],
        "nodes": _node_counts(state),
        "timing": _timing(state, now),
        "metadata": created["request"]["metadata"],
        "links": links(state),
    }


def _goal(state: TreeState) -> str:
    goal: str = state.created["request"]["goal"]
    return goal if len(goal) <= GOAL_CHARS else f"{goal[: GOAL_CHARS - 1]}…"


def links(state: TreeState) -> dict[str, str | None]:
    """Where the tree, its events and its cancel are, and its trace, where there is one to look at."""
    path = f"/trees/{state.tree_id}"
    # A journal of an older version has no word of it.
    trace = state.created.get("trace_url")
    return {"self": path, "events": f"{path}/events", "cancel": f"{path}/cancel", "trace": trace}


def _effective_mode(state: TreeState) -> str | None:
    decision = state.started.get("mode")
    return None if decision is None else decision["effective"]


def _cost(state: TreeState, spent: Spent) -> dict[str, str] | None:
    version = state.price_version
    if version is None:
        return None
    return {
        "amount": amount(spent.cost),
        "wasted": amount(spent.wasted),
        "currency": "USD",
        "price_version": version,
    }


def _by_model(state: TreeState) -> list[dict[str, Any]]:
    """What the tree used and cost, model by model."""
    return [
        {"model": model, "usage": spent.usage.as_dict(), "cost": _cost(state, spent)}
        for model, spent in state.by_model.items()
    ]


def _node_counts(state: TreeState) -> dict[str, int]:
    statuses = [n.status for n in state.nodes.values()]
    return {
        "total": len(statuses),
        "completed": statuses.count(Status.COMPLETED),
        "failed": statuses.count(Status.FAILED),
        "canceled": statuses.count(Status.CANCELED),
        "max_depth": max((n.depth for n in state.nodes.values()), default=0),
    }


def _timing(state: TreeState, now: float) -> dict[str, Any]:
    end = now if state.ended_at is None else state.ended_at
    return {
        "created_at": timestamp(state.created_at),
        "started_at": timestamp(state.started_at),
        "ended_at": timestamp(state.ended_at),
        "wall_s": round(max(0.0, end - state.created_at), 6),
        "work_s": None,
        "critical_path_s": None,
    }


def path_of(state: TreeState) -> CriticalPath:
    """Work and critical path, as far as the tree has come."""
    if state.root_id is None:
        return CriticalPath(work_s=0.0, critical_path_s=0.0, path=())
    return critical_path(state.root_id, {node_id: node.steps for node_id, node in state.nodes.items()})


def _paths(state: TreeState) -> dict[str, float]:
    found = path_of(state)
    return {"work_s": round(found.work_s, 6), "critical_path_s": round(found.critical_path_s, 6)}


def _partial(state: TreeState) -> dict[str, Any] | None:
    """The best effort so far: what the root offered, else the answers of its finished children in launch order."""
    root = state.nodes.get(state.root_id or "")
    if root is None:
        return None
    if root.has_published:
        return {"answer": root.published, "source_nodes": [root.node_id]}
    done = [n for n in map(state.nodes.__getitem__, root.children) if n.status is Status.COMPLETED]
    if done:
        return {"answer": [n.answer for n in done], "source_nodes": [n.node_id for n in done]}
    latest = state.nodes.get(state.last_published or "")
    if latest is not None:
        return {"answer": latest.published, "source_nodes": [latest.node_id]}
    return None


def nested(state: TreeState, now: float) -> dict[str, Any] | None:
    """The root with its descendants; built leaves first, so that depth costs no stack."""
    views = dict[str, dict[str, Any]]()
    totals = dict[str, Spent]()
    # A child is always created after its parent: the reverse order meets children first.
    for node in reversed(state.nodes.values()):
        spent = sum((totals.pop(child) for child in node.children), node.spent)
        totals[node.node_id] = spent
        view = node_view(state, node, now)
        view["subtree_usage"] = spent.usage.as_dict()
        view["subtree_cost"] = _cost(state, spent)
        view["children"] = [views.pop(child) for child in node.children]
        views[node.node_id] = view
    return views.get(state.root_id or "")


def node_view(state: TreeState, node: NodeState, now: float) -> dict[str, Any]:
    """One node without its children."""
    start = node.created_at if node.started_at is None else node.started_at
    end = now if node.ended_at is None else node.ended_at
    return {
        "node_id": node.node_id,
        "parent_id": node.parent_id,
        "depth": node.depth,
        "fork_step": node.fork_step,
        "launch_index": node.created["launch_index"],
        "goal": node.created["goal"],
        "status": node.status.value,
        "error": node.error,
        "answer": node.answer,
        "verified": node.verified,
        "usage": node.usage.as_dict(),
        "cost": _cost(state, node.spent),
        "timing": {
            "created_at": timestamp(node.created_at),
            "started_at": timestamp(node.started_at),
            "ended_at": timestamp(node.ended_at),
            "wall_s": round(max(0.0, end - start), 6),
        },
    }


def node_detail(state: TreeState, node: NodeState, now: float) -> dict[str, Any]:
    """One node with its turns, subtree totals and its children's ids."""
    view = node_view(state, node, now)
    spent = subtree_spent(state, node)
    view["subtree_usage"] = spent.usage.as_dict()
    view["subtree_cost"] = _cost(state, spent)
    view["children"] = list(node.children)
    view["evidence"] = node.evidence
    view["published"] = node.published
    view["turns"] = [_turn_view(turn) for turn in node.turns]
    return view


def subtree_spent(state: TreeState, node: NodeState) -> Spent:
    """What the node and all below it came to."""
    spent, todo = Spent(), [node]
    while todo:
        each = todo.pop()
        spent += each.spent
        todo += map(state.nodes.__getitem__, each.children)
    return spent


def _turn_view(turn: Turn) -> dict[str, Any]:
    return {
        "thought": turn.thought,
        "code": turn.code,
        "output": turn.output,
        "error": turn.error,
        "usage": turn.usage.as_dict(),
    }
