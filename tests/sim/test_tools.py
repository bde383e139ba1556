"""Tools that cells call: journaled, side by side, with state of their own in a tree, and never run twice."""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from anyio.lowlevel import checkpoint

from rao_runtime.adapters.entry_point_tools import EntryPointTools
from rao_runtime.core.errors import InvalidRequest
from rao_runtime.core.events import EventType
from rao_runtime.core.task import Mode, Task
from rao_runtime.tools import FunctionTool, tool
from tests.sim.directed import PLENTY, Parts, scene
from tests.sim.faults import Kill
from tests.sim.world import Setup, World


class Shop:
    """Tools that count how often they really ran."""

    def __init__(self) -> None:
        self.ran = list[str]()

    def tools(self) -> EntryPointTools:
        ran = self.ran

        @tool()
        async def get_info(item: str) -> str:
            """What an item is made of."""
            ran.append(f"get_info {item}")
            return f"{item} needs 2 wood"

        @tool(effects="tree")
        async def take(item: str, count: int = 1, *, state: dict[str, int] | None) -> tuple[int, dict[str, int]]:
            """Take items; how many there are now."""
            ran.append(f"take {item}")
            held = {**(state or {})}
            await checkpoint()
            held[item] = held.get(item, 0) + count
            return held[item], held

        @tool(effects="outside", calls=3)
        async def order(item: str) -> str:
            """Order an item from outside."""
            ran.append(f"order {item}")
            if item == "nothing":
                raise LookupError("there is no nothing")
            return f"ordered {item}"

        return EntryPointTools([get_info, take, order])


def task(*tools: str) -> Task:
    return Task(goal="root", mode=Mode.RECURSIVE, limits=PLENTY, tools=tools or ("get_info", "take", "order"))


def played(parts: Parts, shop: Shop, *, asked: Task | None = None) -> Mapping[str, Any]:
    found = dict[str, Any]()

    async def act(world: World) -> None:
        found.update(await world.solve(asked or task()))

    scene(parts, act, Setup(toolbox=shop.tools()))
    return found


def test_a_cell_calls_tools_side_by_side_and_gets_their_results() -> None:
    shop = Shop()
    cell = (
        "import asyncio\na, n = await asyncio.gather(get_info('sword'), take('wood', count=2))\n"
        "finish([a, n, await order(item='axe')])"
    )
    assert played({"root": [cell]}, shop)["answer"] == ["sword needs 2 wood", 2, "ordered axe"]
    assert sorted(shop.ran) == ["get_info sword", "order axe", "take wood"]


def test_what_a_tool_keeps_is_shared_by_the_tree_and_no_concurrent_call_is_lost() -> None:
    shop = Shop()
    root = (
        "import asyncio\nrs = await asyncio.gather(*[launch_subagent('taker') for _ in range(8)])\n"
        "finish(await take('wood', count=0))"
    )
    taker = "import asyncio\nawait asyncio.gather(*[take('wood') for _ in range(5)])\nfinish(1)"
    assert played({"root": [root], "taker": [taker]}, shop)["answer"] == 40


def test_what_a_tool_raises_and_a_wrong_call_of_one_are_the_cells_to_see() -> None:
    shop = Shop()
    cells = [
        "await order('nothing')",
        "await get_info()",
        "await take('wood', count='many')",
        "finish('seen')",
    ]

    async def act(world: World) -> None:
        tree = await world.solve(task())
        errors = [str(e.data["error"]) for e in await world.events(tree["tree_id"], EventType.NODE_OUTPUT)]
        assert "LookupError: there is no nothing" in errors[0]
        assert "get_info(): missing a required argument: 'item'" in errors[1]
        assert "take(): count: Input should be a valid integer" in errors[2]

    scene({"root": cells}, act, Setup(toolbox=shop.tools()))


def test_a_tool_is_called_so_many_times_in_a_tree_and_no_more() -> None:
    shop = Shop()
    cell = """ok = 0
for n in range(5):
    try:
        await order(str(n))
        ok += 1
    except ValueError as e:
        print(e)
finish(ok)"""
    assert played({"root": [cell]}, shop)["answer"] == 3
    assert len(shop.ran) == 3


def test_a_tool_that_takes_too_long_is_stopped() -> None:
    async def slow() -> str:
        """Never done."""
        return await asyncio.get_running_loop().create_future()

    async def act(world: World) -> None:
        tree = await world.solve(task("slow"))
        assert tree["answer"] == "TimeoutError: slow() took longer than 5 s"

    cell = "try:\n    await slow()\nexcept RuntimeError as e:\n    finish(str(e))"
    from_slow = FunctionTool(slow, effects=tool()(slow).spec.effects, time_s=5.0)
    scene({"root": [cell]}, act, Setup(toolbox=EntryPointTools([from_slow])))


def answered(cell: str, *tools: FunctionTool) -> object:
    """What a tree of one cell answers that may call these tools."""
    found = list[object]()

    async def act(world: World) -> None:
        found.append((await world.solve(task(*(each.spec.name for each in tools))))["answer"])

    scene({"root": [cell]}, act, Setup(toolbox=EntryPointTools(tools)))
    return found[0]


CAUGHT = "try:\n    await broken()\nexcept RuntimeError as e:\n    finish(str(e))"


def test_a_tool_that_exits_ends_its_call_and_not_the_server() -> None:
    @tool()
    async def broken() -> str:
        """Read the arguments of a command, as some libraries do."""
        sys.exit(2)

    assert answered(CAUGHT, broken) == "SystemExit: 2"


def test_a_call_that_its_cell_did_not_wait_for_is_told_of() -> None:
    shop = Shop()

    async def act(world: World) -> None:
        tree = await world.solve(task())
        errors = [e.data["error"] for e in await world.events(tree["tree_id"], EventType.NODE_OUTPUT)]
        assert errors[0] == "2 tool calls still ran when this cell ended and were cancelled: await every call"
        assert errors[1] is None

    cells = ["take('wood')\norder('axe')", "await take('wood')", "order('axe')\nfinish(1)"]
    scene({"root": cells}, act, Setup(toolbox=shop.tools()))


def test_a_time_out_of_the_tools_own_is_told_as_such() -> None:
    @tool()
    async def broken() -> str:
        """Ask somebody who is silent."""
        raise TimeoutError("the shop does not answer")

    assert answered(CAUGHT, broken) == "TimeoutError: the shop does not answer"


def test_a_tool_that_works_outside_and_takes_too_long_may_still_take_effect() -> None:
    @tool(effects="outside", time_s=5.0)
    async def broken() -> str:
        """Never done."""
        return await asyncio.get_running_loop().create_future()

    late = "TimeoutError: broken() took longer than 5 s: what it does may still take effect"
    assert answered(CAUGHT, broken) == late


def test_a_tool_that_raises_after_changing_its_state_has_changed_nothing() -> None:
    @tool(effects="tree")
    async def put(item: str, *, state: list[str] | None) -> tuple[list[str], list[str]]:
        """Add an item in place; no stone."""
        held = [] if state is None else state
        held.append(item)
        if item == "stone":
            raise ValueError("no stone")
        return held, held

    cell = """await put("wood")
try:
    await put("stone")
except RuntimeError:
    finish(await put("iron"))"""
    assert answered(cell, put) == ["wood", "iron"]


def test_a_tool_that_changes_its_arguments_changes_no_record_of_them() -> None:
    @tool()
    async def sort(items: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Sort in place."""
        items.sort()
        return items

    async def act(world: World) -> None:
        tree = await world.solve(task("sort"))
        assert tree["answer"] == [1, 2, 3]
        (started,) = await world.events(tree["tree_id"], EventType.TOOL_STARTED)
        assert started.data["arguments"] == {"items": [3, 1, 2]}

    scene({"root": ["finish(await sort([3, 1, 2]))"]}, act, Setup(toolbox=EntryPointTools([sort])))


def test_a_tool_that_is_not_installed_is_refused_and_one_not_asked_for_is_not_there() -> None:
    shop = Shop()

    async def act(world: World) -> None:
        with pytest.raises(InvalidRequest) as refused:
            await world.runtime.submit(task("get_info", "fly"))
        assert [fault.loc for fault in refused.value.faults] == [("tools", 1)]
        assert [told["name"] for told in world.runtime.tools()] == ["get_info", "order", "take"]
        tree = await world.solve(task("get_info"))
        first = (await world.events(tree["tree_id"], EventType.NODE_OUTPUT))[0]
        assert "'take' is not defined" in first.data["error"]

    scene({"root": ["await take('wood')", "finish(1)"]}, act, Setup(toolbox=shop.tools()))


def test_the_model_is_told_of_its_tools() -> None:
    shop = Shop()

    async def act(world: World) -> None:
        await world.solve(task("take"))
        system = world.models[0].ledger[0].request.messages[0].content
        assert "- await take(item: str, count: int = 1): Take items; how many there are now." in system
        assert "get_info" not in system

    scene({"root": ["finish(1)"]}, act, Setup(toolbox=shop.tools()))


CRAFTING: Parts = {
    "root": [
        "import asyncio\na = await take('wood')\nprint(a)",
        "import asyncio\nrs = await asyncio.gather(launch_subagent('part'), launch_subagent('part'), get_info('x'))",
        "b = await take('wood', count=10)\nprint(b)",
        "finish([a, b, await order('end')])",
    ],
    "part": ["n = await take('wood')\nprint('took')", "finish(await take('stone'))"],
}


@pytest.mark.parametrize("gently", [False, True], ids=["killed", "stopped"])
@pytest.mark.parametrize("written", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("append", range(1, 50))
def test_no_tool_runs_twice_wherever_the_process_ends(append: int, written: bool, gently: bool) -> None:
    shop = Shop()

    async def act(world: World) -> None:
        tree_id = await world.submit(task())
        await world.settle()
        world.check()
        tree = await world.runtime.tree(tree_id)
        if tree["answer"] != [1, 13, "ordered end"]:
            # The process died over the order: whether it was made nobody knows, so it is not made again.
            errors = [str(e.data["error"]) for e in await world.events(tree_id, EventType.NODE_OUTPUT)]
            assert "not known" in errors[-2]
        completed = await world.events(tree_id, EventType.TOOL_COMPLETED)
        assert len({event.data["call_id"] for event in completed}) == len(completed) == 8
        assert shop.ran.count("order end") <= 1

    setup = Setup(toolbox=shop.tools(), kills={(0, append): Kill(append, written=written, gently=gently)})
    scene(CRAFTING, act, setup)
