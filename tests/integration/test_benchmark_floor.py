"""The floor that benchmarks hold the runtime against: it must cost what the real tree's calls cost, and no more."""

from benchmarks.floor import measured
from benchmarks.runs import RUNS
from benchmarks.shape import Shape
from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.request import ChatRequest
from rao_runtime.standin.script import Reply, RuleScript
from rao_runtime.standin.tree import TreeScript
from tests.integration.standin_client import standing

SHAPE = Shape((2, 3))


async def test_the_floor_asks_as_the_real_tree_does_so_only_parents_get_a_launching_reply() -> None:
    tree, written = TreeScript(), list[str]()

    def recorded(request: ChatRequest) -> Reply:
        reply = tree.reply(request)
        written.append(reply.text)
        return reply

    async with standing(StandInConfig(), RuleScript(recorded)) as (stand_in, _):
        await measured(stand_in.url, SHAPE)
    trees = 1 + RUNS
    assert len(written) == trees * SHAPE.calls
    assert sum("launch_subagent" in text for text in written) == trees * (SHAPE.nodes - SHAPE.levels[-1])
