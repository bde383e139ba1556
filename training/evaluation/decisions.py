"""Which nodes split and which had to: every node's choice, held against what the ideal policy would have done."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256

from rao_crafting.recipes import book
from rao_runtime.core.state import NodeState, TreeState
from training import crafting
from training.goals import understood
from training.oracle import turn
from training.view import View

LAUNCH = "launch_subagent("


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """Counts of nodes. `under` did not split though they had to, `over` did though they had not.

    Not counted: nodes that may not launch, whose goal is none of the known ones, or that never said anything.
    """

    had_to: int = 0
    under: int = 0
    had_not: int = 0
    over: int = 0

    def __add__(self, other: "Decisions") -> "Decisions":
        mine, its = asdict(self), asdict(other)
        return Decisions(**{name: mine[name] + its[name] for name in mine})


def decisions(state: TreeState, context: object) -> Decisions:
    """Those of a whole tree, whose task came with this context."""
    tools = frozenset[str](state.created["request"]["tools"])
    texts = handed(state, context)
    total = Decisions()
    for node in state.nodes.values():
        should = _should(node, texts.get(node.node_id), tools)
        if should is not None and node.turns:
            total += _judged(node, should=should)
    return total


def handed(state: TreeState, context: object) -> Mapping[str, str]:
    """The text that each node was given, as far as it can be told: parts of its parent's text, in their order.

    The journal holds a part's hash and length alone.
    """
    texts = {state.root_id: context} if isinstance(context, str) and state.root_id else dict[str, str]()
    known = dict[str, str]()
    for node in state.nodes.values():
        at = 0
        for child in node.children:
            told = state.nodes[child].created["context"]
            if told is None or node.node_id not in texts:
                continue
            part = texts[node.node_id][at : at + told["chars"]]
            if sha256(part.encode()).hexdigest() == told["sha256"]:
                at += len(part) + 1
                known[told["sha256"]] = part
            # One that is launched once more is out of its turn.
            if told["sha256"] in known:
                texts[child] = known[told["sha256"]]
    return texts


def _judged(node: NodeState, *, should: bool) -> Decisions:
    # Who crafts looks the item up first, and decides then.
    decided = node.turns[: 1 if crafting.understood(node.created["goal"]) is None else 2]
    did = any(LAUNCH in (turn.code or "") for turn in decided)
    return Decisions(had_to=should, under=should and not did, had_not=not should, over=did and not should)


def _should(node: NodeState, text: str | None, tools: frozenset[str]) -> bool | None:
    """Whether the ideal policy would split; None where that cannot be told."""
    goal, may_launch = node.created["goal"], node.created["mode"] == "recursive" and _levels(node) > 0
    order = crafting.understood(goal)
    if not may_launch or (understood(goal) is None and order is None):
        return None
    seen = ()
    if order is not None and tools >= crafting.TOOLS:
        try:
            seen = (book(order.book).told(order.item),)
        except ValueError:
            return False
    elif text is None and node.created["context"] is not None:
        return None
    lines, chars = (None, None) if text is None else (len(text.splitlines()), len(text))
    view = View(goal=goal, lines=lines, chars=chars, launch=True, tools=tools, seen=seen)
    return LAUNCH in turn(view)[1]


def _levels(node: NodeState) -> int:
    return node.created["limits"]["max_depth"]
