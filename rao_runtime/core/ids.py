"""Ids and seeds: derived, so that a replay arrives at the same ones."""

from hashlib import blake2b

HEX = frozenset("0123456789abcdef")


def root_id(tree_id: str) -> str:
    """The root node's id."""
    return _digest("node", tree_id)


def child_id(parent_id: str, fork_step: int, launch_index: int) -> str:
    """A child's id: the `launch_index`-th launch of the parent's cell in turn `fork_step`."""
    return _digest("node", parent_id, fork_step, launch_index)


def call_id(node_id: str, turn: int) -> str:
    """The id of the model call of one turn."""
    return f"{node_id}-t{turn}"


def tool_call_id(node_id: str, turn: int, index: int) -> str:
    """The id of the `index`-th tool call of the cell of one turn."""
    return f"{node_id}-t{turn}-c{index}"


def attempt_id(call: str, attempt: int) -> str:
    """The request id of one attempt; attempts count from 1."""
    return f"{call}-a{attempt}"


def seed_of(task_seed: int, path: str, turn: int) -> int:
    """A call's seed, H(task seed, node path, turn), as a non-negative 32-bit integer, which every server takes."""
    return int(_digest("seed", task_seed, path, turn)[:8], 16)


def child_path(parent_path: str, fork_step: int, launch_index: int) -> str:
    """Where a node is in its tree, the same in every tree of the same shape: `0.2/1.0`. The root's is empty."""
    step = f"{fork_step}.{launch_index}"
    return f"{parent_path}/{step}" if parent_path else step


def trace_id(tree_id: str, traceparent: str | None) -> str:
    """A tree's trace: the caller's where it sent a W3C `traceparent`, else derived; 32 hex digits, not all zero."""
    if traceparent is not None:
        parts = traceparent.strip().lower().split("-")
        if len(parts) >= 4 and len(parts[1]) == 32 and set(parts[1]) <= HEX and set(parts[1]) != {"0"}:
            return parts[1]
    return blake2b(f"trace\x1f{tree_id}".encode(), digest_size=16).hexdigest()


def post_span_id(tree_id: str) -> str:
    """The span of the request that submitted a tree, above its root's."""
    return span_id("post", tree_id)


def node_span_id(node_id: str) -> str:
    """A node's span."""
    return span_id("node", node_id)


def attempt_span_id(attempt: str) -> str:
    """The span of one attempt of a model call, by its request id."""
    return span_id("attempt", attempt)


def cell_span_id(node_id: str, turn: int) -> str:
    """The span of the cell of one turn."""
    return span_id("cell", node_id, turn)


def tool_span_id(tool_call: str) -> str:
    """The span of one tool call, by its id."""
    return span_id("tool", tool_call)


def span_id(*parts: str | int) -> str:
    """A span's id, as W3C trace context wants it: 16 hex digits, not all zero."""
    text = "\x1f".join(("span", *map(str, parts)))
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return f"{max(1, int.from_bytes(digest)):016x}"


def _digest(*parts: str | int) -> str:
    text = "\x1f".join(map(str, parts))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()
