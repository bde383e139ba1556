"""A process dies in the middle of a tree: the next one goes on, asks nothing twice, and finds the same answer."""

import pytest

from rao_runtime.core.events import EventType
from rao_runtime.core.state import fold
from tests.sim.directed import Parts, root, scene
from tests.sim.faults import Kill
from tests.sim.play import gather
from tests.sim.world import Setup, World

PARTS: Parts = {
    "root": [
        "import random, time\nx = random.random()\nprint(x, budget()['nodes'])\npublish(1)",
        gather("a", "b", "c") + "\nprint(rs, x)",
        "late = launch_subagent('x')\nprint('not awaited')",
        "print(await late)",
        "k = await launch_subagent('refused', limits={'max_tokens': 1})\nprint(k, budget()['turns'])",
        "publish(sum(rs))\nfinish(sum(rs) + round(x), check='answer > 100')\n",
        "finish(sum(rs) + 100, check='answer > 100')",
    ],
    "a": [gather("x", "y") + "\nfinish(sum(rs))"],
    "b": ["n = 1", "n += 1", "finish(n)"],
    "c": ["t = launch_subagent('x')\nprint('not awaited')", "finish(await launch_subagent('y') + 4)"],
}


async def result(world: World) -> tuple[object, list[str]]:
    tree_id = await world.submit(root())
    await world.settle()
    world.check()
    events = await world.events(tree_id)
    state = fold(tree_id, events)
    assert state.end is not None
    outputs = [str(turn.output) + str(turn.error) for _, node in sorted(state.nodes.items()) for turn in node.turns]
    completed = [event.data["call_id"] for event in events if event.type is EventType.CALL_COMPLETED]
    assert len(completed) == len(set(completed))
    return state.end["answer"], outputs


def undisturbed(lag_s: float) -> tuple[tuple[object, list[str]], int]:
    found = list[tuple[tuple[object, list[str]], int]]()

    async def act(world: World) -> None:
        found.append((await result(world), world.appends[world.trees[0]]))

    scene(PARTS, act, Setup(lag_s=lag_s))
    return found[0]


@pytest.mark.parametrize("gently", [False, True], ids=["killed", "stopped"])
@pytest.mark.parametrize("written", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("append", range(1, 90))
def test_a_tree_goes_on_wherever_its_process_ended(append: int, written: bool, gently: bool) -> None:
    expected, appends = undisturbed(0.0)

    async def act(world: World) -> None:
        assert await result(world) == expected
        assert world.starts == (2 if append <= appends else 1)

    scene(PARTS, act, Setup(kills={(0, append): Kill(append, written=written, gently=gently)}))
