"""What the replica's model writes: the stand-in's trees, and some that wait for their children in another order."""

import re

from rao_runtime.standin.request import ChatRequest
from rao_runtime.standin.script import Reply
from rao_runtime.standin.tree import TreeScript
from rao_runtime.standin.view import View

_ROW = re.compile(r"\brow((?: \d+)*)")


class ChaosScript:
    """`tree 3 2` as TreeScript reads it. `row 3 2` is the same tree, but a parent launches all its children, waits for
    the last one first, offers what it has and finishes in its next turn."""

    def __init__(self, *, turns: int, context_chars: int) -> None:
        self._tree = TreeScript(turns=turns, context_chars=context_chars)

    def reply(self, request: ChatRequest) -> Reply:
        """The cell of this turn."""
        view = View.of(request)
        found = _ROW.search(view.goal)
        if found is None:
            return self._tree.reply(request)
        fanout = found[1].split()
        return Reply(text=view.action(f"Turn {view.turn}.", _cell(fanout, view.turn)))


def _cell(fanout: list[str], turn: int) -> str:
    if not fanout:
        return "finish(1)"
    if turn:
        # A child that was refused, for want of tokens, leaves the sum short.
        return f"if done == {fanout[0]}:\n    finish(total)\nelse:\n    fail('impossible', 'a part is missing')"
    goal = " ".join(["row", *fanout[1:]])
    return f"""calls = [launch_subagent(f'{goal} #{{i}}') for i in range({fanout[0]})]
total = 0
done = 0
for call in reversed(calls):
    total = total + await call
    done = done + 1
    publish(total)
print('total', total)"""
