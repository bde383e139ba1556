"""Trees of a given shape, for benchmarks: every node does as its goal says and nothing else."""

import re
from dataclasses import dataclass

from rao_runtime.standin.request import ChatRequest
from rao_runtime.standin.script import Reply
from rao_runtime.standin.view import View

_SHAPE = re.compile(r"\btree((?: \d+)+(?: #\d+)?| #\d+)(?![\w#])")


@dataclass(frozen=True, slots=True)
class TreeScript:
    """Reads a goal like `tree 10 10 10` and launches 10 children with the goals `tree 10 10 #0` to `tree 10 10 #9`.

    A node takes `turns` turns: in the first a parent launches and waits, in the last it finishes with its children's
    sum; a leaf finishes with 1. So the answer is the number of leaves, and `tree 10 10 10` has 1,111 nodes. Where no
    goal names a shape, `fanout` is used. Each child is given `context_chars` characters of context.
    """

    fanout: tuple[int, ...] = (10, 10, 10)
    turns: int = 2
    context_chars: int = 0

    def reply(self, request: ChatRequest) -> Reply:
        """The cell of this turn."""
        view = View.of(request)
        fanout = self._fanout_of(view.goal)
        last = view.turn >= self.turns - 1
        cells = [self._work(fanout, view.turn)] if not last or (fanout and view.turn == 0) else []
        if last:
            cells.append("finish(sum(results))" if fanout else "finish(1)")
        return Reply(text=view.action(f"Turn {view.turn} of {self.turns}.", "\n".join(cells)))

    def _fanout_of(self, goal: str) -> tuple[int, ...]:
        shape = _SHAPE.search(goal)
        return tuple(map(int, shape[1].partition("#")[0].split())) if shape else self.fanout

    def _work(self, fanout: tuple[int, ...], turn: int) -> str:
        if turn > 0 or not fanout:
            return f"turn = {turn}\nprint('turn', turn)"
        goal = " ".join(["tree", *map(str, fanout[1:])])
        context = f", 'x' * {self.context_chars}" if self.context_chars else ""
        launch = f"launch_subagent(f'{goal} #{{i}}'{context})"
        return (
            f"import asyncio\nresults = await asyncio.gather(*[{launch} for i in range({fanout[0]})])\nprint(results)"
        )
