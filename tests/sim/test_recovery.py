"""What a new process finds, and what it makes of it: trees to go on with, commands left, entries half made or lost."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from rao_runtime.adapters.entry_point_tools import EntryPointTools
from rao_runtime.adapters.scripted_sandbox import ScriptedSandbox
from rao_runtime.adapters.scripted_steps import Fail, Step, Wait
from rao_runtime.core.errors import FailureKind, UnknownTree
from rao_runtime.core.events import Event, EventType
from rao_runtime.core.ids import root_id
from rao_runtime.core.profile import ProtocolName
from rao_runtime.core.task import Task
from rao_runtime.engine.tree_context import NodeSettings
from rao_runtime.ports import CellLimits, Command, ModelRequest, TreeEntry
from rao_runtime.tools import tool
from tests.sim.directed import PLENTY, Parts, root, scene
from tests.sim.faults import Kill
from tests.sim.loop import simulate
from tests.sim.play import gather
from tests.sim.world import MODEL, Setup, World, one_replica

PARTS: Parts = {
    "root": ["x = 1\nprint('first', x)", gather("a", "b"), "finish(sum(rs) + x)"],
    "a": ["await launch_subagent('deep')", "finish(10)"],
    "b": ["y = 2", "finish(y)"],
}


class OtherSandbox(ScriptedSandbox):
    """The same, of another version."""

    @property
    def version(self) -> str:
        return "scripted-of-tomorrow"


async def ended(world: World, tree_id: str) -> Mapping[str, Any]:
    await world.settle()
    world.check()
    return await world.runtime.tree(tree_id, nodes=True)


async def put_instead(world: World, tree_id: str, event: Event) -> None:
    """Have another event in the place of one that the journal has."""
    events = [event if event.seq == each.seq else each for each in await world.journal.read(tree_id)]
    await world.journal.delete(tree_id)
    await world.journal.create(tree_id, events)


def test_a_tree_is_cancelled_that_was_to_be_while_nobody_ran_it() -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.until(tree_id, EventType.NODE_SPLIT)
        await world.crash()
        await world.journal.send(tree_id, Command("cancel"))
        await world.restart()
        tree = await ended(world, tree_id)
        assert tree["status"] == "canceled"
        assert tree["nodes"]["canceled"] == tree["nodes"]["total"]

    scene(PARTS, act)


def test_a_node_is_cancelled_that_was_to_be_while_nobody_ran_it() -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.until(tree_id, EventType.NODE_SPLIT)
        await world.crash()
        (a, *_) = [e.node_id for e in await world.events(tree_id, EventType.NODE_CREATED) if e.data["goal"] == "a"]
        await world.journal.send(tree_id, Command("cancel", a))
        await world.restart()
        tree = await ended(world, tree_id)
        assert tree["nodes"]["canceled"] == 1
        errors = [str(event.data["error"]) for event in await world.events(tree_id, EventType.NODE_OUTPUT)]
        assert any("Failed" in error for error in errors)

    scene({**PARTS, "root": [gather("a", "b"), "print(sum(rs))", "finish(1)"]}, act)


def test_a_tree_whose_time_ran_out_while_nobody_ran_it_fails_with_all_its_nodes() -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root(replace(PLENTY, deadline_s=30.0)))
        await world.until(tree_id, EventType.NODE_SPLIT)
        await world.crash()
        await world.clock.sleep(60.0)
        await world.restart()
        tree = await ended(world, tree_id)
        assert tree["error"]["reason"] == "deadline"
        assert tree["nodes"]["failed"] + tree["nodes"]["canceled"] == tree["nodes"]["total"] == 3

    scene(PARTS, act)


def test_a_call_that_its_worker_did_not_see_the_end_of_counts_as_its_whole_reserve() -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        started = await world.until(tree_id, EventType.CALL_STARTED, 2)
        await world.crash()
        await world.restart()
        tree = await ended(world, tree_id)
        assert tree["status"] == "completed"
        (lost,) = await world.events(tree_id, EventType.CALL_FAILED)
        reserve = started.data["reserve"]["tokens"]
        assert lost.data["error"]["kind"] == "interrupted"
        assert lost.data["usage"]["wasted_tokens"] == reserve == tree["usage"]["wasted_tokens"]
        assert tree["usage"]["estimated"]

    scene(PARTS, act)


def test_a_node_that_replays_otherwise_than_its_journal_says_ends_with_that_reason_and_the_tree_goes_on() -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.until(tree_id, EventType.NODE_OUTPUT)
        await world.crash()
        outputs = await world.events(tree_id, EventType.NODE_OUTPUT)
        (of_b,) = [event for event in outputs if event.depth == 1]
        await put_instead(world, tree_id, replace(of_b, data={**of_b.data, "output": "something else"}))
        world.invariants.replaced(tree_id, await world.journal.read(tree_id))
        await world.restart()
        await world.settle()
        failed = await world.events(tree_id, EventType.NODE_FAILED)
        assert [event.node_id for event in failed][:1] == [of_b.node_id]
        assert failed[0].data["error"]["kind"] == "replay_mismatch"
        assert "'output'" in failed[0].data["error"]["message"]
        assert (await world.runtime.tree(tree_id))["status"] == "completed"

    scene({**PARTS, "root": [gather("a", "b"), "finish(len(rs))"]}, act)


def test_a_root_that_cannot_replay_takes_its_children_along() -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.until(tree_id, EventType.NODE_SPLIT)
        await world.crash()
        (first, *_) = await world.events(tree_id, EventType.NODE_OUTPUT)
        await put_instead(world, tree_id, replace(first, data={**first.data, "output": "something else"}))
        world.invariants.replaced(tree_id, await world.journal.read(tree_id))
        await world.restart()
        await world.settle()
        tree = await world.runtime.tree(tree_id)
        assert (tree["error"]["reason"], tree["error"]["kind"]) == ("internal", "replay_mismatch")
        assert tree["error"]["retryable"]
        assert tree["nodes"]["failed"] + tree["nodes"]["canceled"] == tree["nodes"]["total"] == 3

    scene(PARTS, act)


def test_a_tree_that_another_sandbox_began_fails_where_nobody_else_could_run_it() -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.until(tree_id, EventType.NODE_SPLIT)
        await world.crash()
        world.sandbox.inner = OtherSandbox()
        await world.restart()
        await world.settle()
        tree = await world.runtime.tree(tree_id)
        assert tree["error"]["kind"] == "replay_mismatch"
        assert "scripted-of-tomorrow" in tree["error"]["message"]
        assert tree["nodes"]["failed"] == tree["nodes"]["total"]

    scene(PARTS, act)


def test_a_tree_that_another_sandbox_began_waits_where_somebody_else_may_run_it() -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.until(tree_id, EventType.NODE_SPLIT)
        await world.crash()
        inner, world.sandbox.inner = world.sandbox.inner, OtherSandbox()
        await world.restart()
        await world.settle()
        assert (await world.runtime.tree(tree_id))["status"] == "working"
        assert not await world.events(tree_id, EventType.TREE_RESUMED)
        await world.crash()
        world.sandbox.inner = inner
        await world.restart()
        assert (await ended(world, tree_id))["answer"] == 13

    scene(PARTS, act, Setup(alone=False))


def test_a_submit_that_stopped_half_way_is_gone_on_with_under_its_key() -> None:
    async def act(world: World) -> None:
        entry = TreeEntry(tree_id="tree-0-0", tenant="default", status="submitted", created_at=world.clock.now())
        world.trees.append("tree-0-0")
        await world.index.add(entry, key="k", fingerprint="f")
        submitted = await world.runtime.submit(root(), key="k", fingerprint="f")
        assert (submitted.tree_id, submitted.replayed) == ("tree-0-0", False)
        assert (await ended(world, "tree-0-0"))["answer"] == 13
        again = await world.runtime.submit(root(), key="k", fingerprint="f")
        assert (again.tree_id, again.replayed) == ("tree-0-0", True)

    scene(PARTS, act)


def test_an_entry_without_a_tree_is_swept_once_it_cannot_be_one_that_is_just_made() -> None:
    async def act(world: World) -> None:
        entry = TreeEntry(tree_id="half", tenant="default", status="submitted", created_at=world.clock.now())
        await world.index.add(entry, key=None, fingerprint="")
        await world.runtime.recover()
        assert await world.index.get("half") is not None
        await world.clock.sleep(100.0)
        await world.runtime.recover()
        assert await world.index.get("half") is None

    scene(PARTS, act)


def test_a_tree_that_ended_without_its_index_hearing_of_it_is_put_right() -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await ended(world, tree_id)
        entry = await world.index.get(tree_id)
        assert entry is not None
        await world.index.remove(tree_id)
        await world.index.add(replace(entry, status="working"), key=None, fingerprint="")
        await world.runtime.recover()
        found = await world.index.get(tree_id)
        assert found is not None
        assert found.status == "completed"

    scene(PARTS, act)


def test_a_running_tree_whose_entry_was_lost_is_entered_again() -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.until(tree_id, EventType.NODE_SPLIT)
        before = await world.index.get(tree_id)
        await world.index.remove(tree_id)
        with pytest.raises(UnknownTree):
            await world.runtime.tree(tree_id)
        await world.runtime.recover()
        assert await world.index.get(tree_id) == before
        assert (await ended(world, tree_id))["answer"] == 13

    scene(PARTS, act)


def test_a_context_is_found_again_by_the_process_that_goes_on() -> None:
    async def act(world: World) -> None:
        context = {"a": "text", "b": "é"}
        tree_id = await world.submit(Task(goal="root", context=context, limits=PLENTY))
        await world.until(tree_id, EventType.CALL_STARTED)
        await world.crash()
        await world.restart()
        assert (await ended(world, tree_id))["answer"] == context

    scene({"root": ["finish(context)"]}, act)


def test_a_cell_that_was_killed_is_not_run_again() -> None:
    endless = "n = 5\nwhile True: pass"

    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.until(tree_id, EventType.CALL_STARTED, 3)
        await world.crash()
        world.sandbox.ran.clear()
        await world.restart()
        assert (await ended(world, tree_id))["answer"] == 1
        assert world.sandbox.ran == ["n = 1", "finish(n)"]
        (killed,) = [e for e in await world.events(tree_id, EventType.NODE_OUTPUT) if e.data["killed"]]
        assert "(time)" in killed.data["error"]

    settings = NodeSettings(cell=CellLimits(run_s=0.01))
    scene({"root": ["n = 1", endless, "finish(n)"]}, act, Setup(settings=settings))


def test_attempts_that_failed_before_an_interruption_count_after_it() -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.until(tree_id, EventType.CALL_FAILED, 2)
        await world.crash()
        await world.restart()
        tree = await ended(world, tree_id)
        assert tree["error"]["reason"] == "model_error"
        failed = await world.events(tree_id, EventType.CALL_FAILED)
        assert [event.data["error"]["kind"] for event in failed] == ["server"] * 3

    def always_fails(_: ModelRequest) -> Sequence[Step]:
        return [Wait(1.0), Fail(FailureKind.SERVER, 500)]

    async def main() -> None:
        async with World(Setup(), one_replica(always_fails)) as world:
            await act(world)

    simulate(main)


@pytest.mark.parametrize("node", [None, "a"], ids=["tree", "node"])
@pytest.mark.parametrize("append", range(3, 16))
def test_a_cancel_that_was_accepted_holds_wherever_the_process_dies_over_it(append: int, node: str | None) -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        split = await world.until(tree_id, EventType.NODE_SPLIT)
        named = {child["goal"]: child["node_id"] for child in split.data["children"]}
        await world.clock.sleep(0.5)
        ran_on = world.appends[tree_id]
        await world.runtime.cancel(tree_id, named.get(node or ""))
        await world.settle()
        world.check()
        events = await world.events(tree_id, EventType.NODE_CANCELED)
        canceled = {event.node_id for event in events if event.data["error"]["message"] == "cancelled on request"}
        assert canceled == {named[node] if node else root_id(tree_id)} or append <= ran_on

    kills = {(0, append): Kill(append, written=append % 2 == 0)}
    scene({**PARTS, "root": [gather("a", "b"), "finish(len(rs))"]}, act, Setup(kills=kills, lag_s=0.2), pace_s=5.0)


def test_a_child_whose_time_ran_out_while_nobody_ran_it_fails_and_its_parent_goes_on() -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.until(tree_id, EventType.CALL_STARTED, 2)
        await world.crash()
        await world.clock.sleep(60.0)
        await world.restart()
        tree = await ended(world, tree_id)
        assert tree["status"] == "completed"
        assert "deadline" in tree["answer"]

    scene({"root": ["r = await launch_subagent('a', limits={'deadline_s': 30})\nfinish(repr(r))"]}, act)


def test_a_cell_that_runs_again_hears_the_time_and_the_budget_it_heard_before() -> None:
    """Where it heard others, it would print others, and its node would end: see the test of replays that differ."""
    tells = "import time\nfrom datetime import datetime\nprint(time.time(), datetime.now(), budget())"

    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.until(tree_id, EventType.CALL_STARTED, 3)
        await world.crash()
        await world.clock.sleep(100.0)
        await world.restart()
        assert (await ended(world, tree_id))["answer"] == 1

    scene({"root": [f"{tells}\nr = await launch_subagent('a')\n{tells}", "finish(1)"]}, act)


def test_a_tree_keeps_the_model_and_the_protocol_it_began_with() -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.until(tree_id, EventType.NODE_SPLIT)
        await world.crash()
        world.default_model = "another"
        world.setup = replace(world.setup, protocol=ProtocolName.MARKDOWN)
        await world.restart()
        tree = await ended(world, tree_id)
        assert (tree["answer"], tree["model"]) == (13, MODEL)

    scene(PARTS, act)


def test_a_tree_whose_tool_is_no_longer_installed_fails_with_that_reason() -> None:
    @tool()
    async def look() -> int:
        """Look."""
        return 1

    async def act(world: World) -> None:
        tree_id = await world.submit(replace(root(), tools=("look",)))
        await world.until(tree_id, EventType.NODE_STARTED)
        await world.crash()
        world.setup = replace(world.setup, toolbox=EntryPointTools())
        await world.restart()
        await world.settle()
        tree = await world.runtime.tree(tree_id)
        assert tree["error"]["kind"] == "replay_mismatch"
        assert "look" in tree["error"]["message"]

    scene(PARTS, act, Setup(toolbox=EntryPointTools([look])))
