"""Signs that a tree split too much, too little, or to no use. A sign is no proof: each names its rule and its nodes.

The kinds are the failure modes that ReDel calls over- and undercommitment (arXiv 2408.02248), and what rlmflow's
delegation metrics look for offline: work done twice, children whose results nobody took, and merges that are none.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rao_runtime.core.critical_path import Join
from rao_runtime.core.limits import Reason
from rao_runtime.core.state import NodeState, TreeState
from rao_runtime.core.task import Mode
from rao_runtime.core.transitions import ENDED, Status

# Ends that a node which had split its work might not have come to.
TOO_MUCH_ALONE = frozenset({Reason.WINDOW.value, Reason.TURNS.value})


class Sign(StrEnum):
    """What a sign hints at."""

    OVER_SPLIT = "over_split"
    UNDER_SPLIT = "under_split"
    BAD_MERGE = "bad_merge"
    UNUSED_CHILD = "unused_child"


class Rule(StrEnum):
    """What was seen. Each belongs to one kind of sign."""

    SAME_TASK_TWICE = "same_task_twice"
    TASK_PASSED_ON = "task_passed_on"
    SPLIT_THOUGH_IT_FITS = "split_though_it_fits"
    ENDED_ALONE = "ended_alone"
    READ_ALONE = "read_alone"
    ANSWER_OF_ONE_CHILD = "answer_of_one_child"
    CHILD_LEFT_OUT = "child_left_out"
    FAILED_WITH_ALL_PARTS = "failed_with_all_parts"
    NOT_AWAITED = "not_awaited"
    STOPPED_BY_PARENT = "stopped_by_parent"


MEANS: Mapping[Rule, tuple[Sign, str]] = {
    Rule.SAME_TASK_TWICE: (Sign.OVER_SPLIT, "siblings were given the same goal and the same context"),
    Rule.TASK_PASSED_ON: (Sign.OVER_SPLIT, "a child was given its parent's own goal and context"),
    Rule.SPLIT_THOUGH_IT_FITS: (Sign.OVER_SPLIT, "the node launched children for what would have fit its window"),
    Rule.ENDED_ALONE: (Sign.UNDER_SPLIT, "the node ran out of its window or of turns and had launched no child"),
    Rule.READ_ALONE: (Sign.UNDER_SPLIT, "the node answered alone for a context that does not fit its window"),
    Rule.ANSWER_OF_ONE_CHILD: (
        Sign.BAD_MERGE,
        "the node's answer is that of one child, while others had other answers; the node first, then the child",
    ),
    Rule.CHILD_LEFT_OUT: (
        Sign.BAD_MERGE,
        "the node answered although children of it had failed; the node first, then they",
    ),
    Rule.FAILED_WITH_ALL_PARTS: (Sign.BAD_MERGE, "all children completed, and the node failed"),
    Rule.NOT_AWAITED: (Sign.UNUSED_CHILD, "the child completed, and its parent never took its result"),
    Rule.STOPPED_BY_PARENT: (Sign.UNUSED_CHILD, "the child was cancelled while its parent went on to complete"),
}


@dataclass(frozen=True, slots=True)
class Found:
    """A rule, and the nodes it was seen at."""

    rule: Rule
    node_ids: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """As api.md has it."""
        kind, message = MEANS[self.rule]
        return {"kind": kind.value, "rule": self.rule.value, "message": message, "node_ids": list(self.node_ids)}


def split_signs(state: TreeState) -> list[Found]:
    """All signs of a tree, in the order of its nodes; of nodes that still run there are none."""
    size = _Size(state)
    found = list[Found]()
    for node in state.nodes.values():
        children = [state.nodes[child] for child in node.children]
        found += _of_tasks(node, children)
        if node.status not in ENDED:
            continue
        if node.children:
            found += _of_merge(node, children)
            if size.fits(node) is True:
                found.append(Found(Rule.SPLIT_THOUGH_IT_FITS, (node.node_id,)))
        elif size.may_split(node):
            found += _of_one_alone(node, fits=size.fits(node))
    return found


def _of_tasks(node: NodeState, children: list[NodeState]) -> Iterator[Found]:
    by_task = defaultdict[tuple[object, object], list[str]](list)
    for child in children:
        by_task[_task(child)].append(child.node_id)
    if passed_on := by_task.pop(_task(node), None):
        yield Found(Rule.TASK_PASSED_ON, tuple(passed_on))
    for same in by_task.values():
        if len(same) > 1:
            yield Found(Rule.SAME_TASK_TWICE, tuple(same))


def _of_merge(node: NodeState, children: list[NodeState]) -> Iterator[Found]:
    taken = {child for step in node.steps if isinstance(step, Join) for child in step.child_ids}
    completed = [child for child in children if child.status is Status.COMPLETED]
    for child in completed:
        if child.node_id not in taken:
            yield Found(Rule.NOT_AWAITED, (child.node_id,))
    if node.status is Status.COMPLETED:
        for child in children:
            if child.status is Status.CANCELED:
                yield Found(Rule.STOPPED_BY_PARENT, (child.node_id,))
        failed = tuple(child.node_id for child in children if child.status is Status.FAILED)
        if failed:
            yield Found(Rule.CHILD_LEFT_OUT, (node.node_id, *failed))
        yield from _of_echo(node, [child for child in completed if child.answer])
    elif node.status is Status.FAILED and len(completed) == len(children):
        yield Found(Rule.FAILED_WITH_ALL_PARTS, (node.node_id,))


def _of_echo(node: NodeState, answered: list[NodeState]) -> Iterator[Found]:
    """Empty answers aside: a sum of which all parts but one are zero is that part."""
    same = [child.node_id for child in answered if child.answer == node.answer]
    if len(same) == 1 and len(answered) > 1:
        yield Found(Rule.ANSWER_OF_ONE_CHILD, (node.node_id, *same))


def _of_one_alone(node: NodeState, *, fits: bool | None) -> Iterator[Found]:
    if node.status is Status.FAILED and (node.error or {}).get("reason") in TOO_MUCH_ALONE:
        yield Found(Rule.ENDED_ALONE, (node.node_id,))
    elif node.status is Status.COMPLETED and fits is False:
        yield Found(Rule.READ_ALONE, (node.node_id,))


def _task(node: NodeState) -> tuple[object, object]:
    return node.created["goal"], _context(node).get("sha256")


class _Size:
    """What fits, by the numbers of the tree's own mode decision: about so many tokens for so many characters."""

    def __init__(self, state: TreeState) -> None:
        mode: Mapping[str, Any] = state.started.get("mode") or {}
        root = state.nodes.get(state.root_id or "")
        self._recursive = mode.get("effective") == Mode.RECURSIVE.value
        self._max_depth = state.created["limits"]["max_depth"]
        self._window: int | None = mode.get("window")
        self._fraction: float = mode.get("auto_fraction", 0.0)
        output: int | None = mode.get("expected_output_tokens")
        chars = 0 if root is None else _chars(root)
        self._output_tokens = output or 0
        self._tokens_per_char = None if output is None or not chars else (mode["needed_tokens"] - output) / chars

    def may_split(self, node: NodeState) -> bool:
        return self._recursive and node.depth < self._max_depth

    def fits(self, node: NodeState) -> bool | None:
        """Whether goal, context and expected output take no more of the window than `auto` allows.

        False is a goal and a context that are larger than the window by themselves. Between the two it is None, as
        where nobody knows: there it depends on what the node has to write.
        """
        if self._window is None or self._tokens_per_char is None:
            return None
        tokens = _chars(node) * self._tokens_per_char
        if tokens + self._output_tokens <= self._fraction * self._window:
            return True
        return False if tokens > self._window else None


def _chars(node: NodeState) -> int:
    return len(node.created["goal"]) + int(_context(node).get("chars", 0))


def _context(node: NodeState) -> Mapping[str, Any]:
    return node.created.get("context") or {}
