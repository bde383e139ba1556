"""What the stand-in writes for a node of a forest: cells that launch its children, as long as the node's turns are."""

from benchmarks.forests import CHARS_PER_TOKEN, Node, mark, node_of
from rao_runtime.standin.refusal import Refusal
from rao_runtime.standin.request import ChatRequest
from rao_runtime.standin.script import Reply
from rao_runtime.standin.view import View

_PAD = "I weigh what I know. "


class ForestScript:
    """A parent hands its whole goal and a part of the child's own to each child. A tree's answer is its node count."""

    def reply(self, request: ChatRequest) -> Reply:
        """The cell of this turn after a thought of the right length. Raises Refusal for other goals."""
        view = View.of(request)
        node = node_of(view.goal)
        if node is None:
            raise Refusal(400, "this goal is of no forest")
        if view.turn >= len(node.turns):
            # A turn too many: something was refused or failed, which the answer will show.
            return Reply(text=view.action("This went wrong.", "finish(-1)"))
        code = _cell(node, view.turn)
        chars = node.turns[view.turn] * CHARS_PER_TOKEN - len(view.action("", code))
        thought = (_PAD * (max(chars, 0) // len(_PAD) + 1))[: max(chars, 0)]
        return Reply(text=view.action(thought, code))


def _cell(node: Node, turn: int) -> str:
    if turn == 0 and node.fanout:
        return _launching(node)
    if turn < len(node.turns) - 1:
        return "print(len(goal))"
    return "finish(1 + sum(results))" if node.fanout else "finish(1)"


def _launching(node: Node) -> str:
    """Writes what `own_part` of the children is, in the sandbox's Python."""
    label = f"{node.label}.{{i}}"
    chars = node.scenario.own_tokens * CHARS_PER_TOKEN
    return (
        "import asyncio\n"
        f"own = [(f'\\nWhat {label} knows. ' * {chars // 16})[:{chars}] + f{mark(label)!r} "
        f"for i in range({node.fanout})]\n"
        "results = await asyncio.gather(*[launch_subagent(goal + part) for part in own])\n"
        "print(results)"
    )
