"""What the stand-in writes in these benchmarks, beyond trees of a given shape."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from benchmarks.forest_script import ForestScript
from rao_runtime.standin.request import ChatRequest
from rao_runtime.standin.script import Reply, Script
from rao_runtime.standin.tree import TreeScript
from rao_runtime.standin.view import View

HANGS = "hang_mid_stream"

_LEAF = re.compile(r"tree(?: #\d+)?$")
_CHAINS = re.compile(r"chains (\d+) (\d+)$")
_LINK = re.compile(r"link (\d+) #(\d+) ")
_NASTY = re.compile(r"nasty (\w+)")


class HangingLeaves:
    """A tree whose leaves never get the rest of their first completion."""

    def __init__(self) -> None:
        self._tree = TreeScript()

    def reply(self, request: ChatRequest) -> Reply:
        """As the tree script, but leaves hang."""
        reply = self._tree.reply(request)
        return replace(reply, fault=HANGS) if _LEAF.search(View.of(request).goal) else reply


@dataclass(frozen=True, slots=True)
class Chains:
    """`chains 500 20`: 500 chains of 20 nodes, each of which waits for the next one; the ends hang in their first call.

    A node stores something in its first turn and launches the next one in its second, with a goal of `goal_chars` and a
    context of `context_chars`, no two of them alike.
    """

    goal_chars: int = 8 << 10
    context_chars: int = 4 << 10

    def reply(self, request: ChatRequest) -> Reply:
        """The cell of this turn."""
        view = View.of(request)
        root = _CHAINS.search(view.goal)
        if root:
            return self._wait(view, f"[{self._next(root[2], '{i}')} for i in range({root[1]})]")
        link = _LINK.search(view.goal)
        if link is None:
            return Reply(text=view.action("This is no chain.", "fail('impossible', 'no chain')"))
        if link[1] == "0":
            return Reply(text=view.action("I think for long.", "finish(1)"), fault=HANGS)
        return self._wait(view, f"[{self._next(link[1], link[2])}]")

    def _next(self, links: str, number: str) -> str:
        head = f"f'link {int(links) - 1} #{number} '"
        return (
            f"launch_subagent(({head} * {self.goal_chars // 8})[:{self.goal_chars}], "
            f"({head} * {self.context_chars // 8})[:{self.context_chars}])"
        )

    def _wait(self, view: View, launches: str) -> Reply:
        if view.turn == 0:
            return Reply(text=view.action("I look first.", "stored = [goal[:40], context]\nprint(stored[0])"))
        cell = f"import asyncio\nresults = await asyncio.gather(*{launches})\nfinish(sum(results))"
        return Reply(text=view.action("I delegate.", cell))


NASTY: Mapping[str, str] = {
    "loop": "while True:\n    pass",
    "print": "while True:\n    print('x' * 1_000_000)",
    "memory": "hog = []\nwhile True:\n    hog.append('x' * 1_000_000 + str(len(hog)))",
    "cycle": "ring = []\nring.append(ring)\nfinish(ring)",
    "forks": "import asyncio\nawait asyncio.gather(*[launch_subagent(f'nasty forks {i}') for i in range(100_000)])",
    "garbage": "launch_subagent(('''",
}


class NastyNodes:
    """`nasty loop` and its like: cells that a runtime must outlive. All other goals are trees."""

    def __init__(self) -> None:
        self._tree = TreeScript()

    def reply(self, request: ChatRequest) -> Reply:
        """The same cell in each turn."""
        view = View.of(request)
        nasty = _NASTY.search(view.goal)
        return Reply(text=view.action("I cannot help it.", NASTY[nasty[1]])) if nasty else self._tree.reply(request)


class RlmTree:
    """A tree in the format of the `rlms` package, whose nodes find their shape in their context."""

    def reply(self, request: ChatRequest) -> Reply:
        """The same two cells for each node."""
        if request.turn == 0:
            cell = """shape = context.split()[1:]
goal = ' '.join(['tree', *shape[1:]])
results = rlm_query_batched([goal] * int(shape[0])) if shape else []
print(results)"""
        else:
            cell = """answer["content"] = sum(map(int, results)) if results else 1
answer["ready"] = True"""
        return Reply(text=f"Turn {request.turn} of 2.\n```repl\n{cell}\n```")


SCRIPTS: Mapping[str, Callable[[], Script]] = {
    "tree": TreeScript,
    "hanging": HangingLeaves,
    "chains": Chains,
    "nasty": NastyNodes,
    "rlm": RlmTree,
    "forest": ForestScript,
}
