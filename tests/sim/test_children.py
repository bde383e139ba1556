"""Parents and children: what a cell gets back, and what becomes of those it leaves."""

from dataclasses import replace

import pytest

from rao_runtime.adapters.scripted_steps import End, Fail, Say, Wait
from rao_runtime.core.errors import FailureKind
from rao_runtime.core.events import EventType
from rao_runtime.core.ids import seed_of
from rao_runtime.core.task import Mode, Sampling
from tests.sim.directed import PLENTY, Parts, prompt_of, root, scene, solved
from tests.sim.play import gather, gather_many
from tests.sim.world import Setup, World
from tests.sim.writing import written


def slow(code: str, seconds: float) -> list[Wait | Say]:
    return [Wait(seconds), Say(written(code))]


def test_results_come_back_in_the_order_of_the_launches_whoever_is_first() -> None:
    parts = {"root": [f"{gather('a', 'b', 'c')}\nfinish(rs)"]}
    parts |= {"a": [slow("finish('a')", 9)], "b": [slow("finish('b')", 1)], "c": [slow("finish('c')", 5)]}
    tree = solved(parts, root())
    assert tree["answer"] == ["a", "b", "c"]
    assert 10 <= tree["timing"]["wall_s"] < 10.5


def test_a_child_that_fails_is_a_value_and_its_siblings_go_on() -> None:
    look = "finish([r.reason if isinstance(r, Failed) else r for r in rs])"
    parts = {"root": [f"{gather('a', 'b', 'c')}\n{look}"], "a": ["fail('impossible', 'no')"]}
    parts |= {"b": [slow("finish(2)", 7)], "c": [[Fail(FailureKind.REJECTED, 400)]]}
    tree = solved(parts, root())
    assert tree["answer"] == ["unable", 2, "model_error"]
    assert tree["nodes"] == {"total": 4, "completed": 2, "failed": 2, "canceled": 0, "max_depth": 1}


def test_summing_up_over_a_failed_child_raises_in_words_and_can_be_mended() -> None:
    parts = {
        "root": [f"{gather('a', 'b')}\nfinish(sum(rs))", "finish(sum(r for r in rs if not isinstance(r, Failed)))"]
    }
    parts["a"] = ["fail('impossible', 'no')"]

    async def act(world: World) -> None:
        tree = await world.solve(root())
        assert tree["answer"] == 1
        assert "TypeError" in prompt_of(world.models[0], tree["tree"]["node_id"], 1)[-1]

    scene(parts, act)


@pytest.mark.parametrize("most", [1, 2, 5])
def test_no_more_than_max_children_are_alive_at_once_and_the_rest_wait_their_turn(most: int) -> None:
    async def act(world: World) -> None:
        tree = await world.solve(root(replace(PLENTY, max_children=most)))
        assert tree["nodes"]["completed"] == 13
        assert world.models[0].peak_in_flight == most

    scene({"root": [gather_many("leaf", 12)]}, act, Setup(slots=100))


def test_children_left_alone_are_cancelled_with_their_cell_and_the_parent_is_told() -> None:
    leave = "a = launch_subagent('a')\nb = launch_subagent('b')\nr = await b"
    parts: Parts = {"root": [leave, "finish(r)"], "a": [slow("finish(1)", 500)]}

    async def act(world: World) -> None:
        tree = await world.solve(root())
        assert tree["answer"] == 1
        assert tree["nodes"]["canceled"] == 1
        assert tree["timing"]["wall_s"] < 10
        assert "1 sub-agent" in prompt_of(world.models[0], tree["tree"]["node_id"], 1)[-1]

    scene(parts, act)


def test_awaiting_a_handle_of_an_earlier_cell_is_an_error_the_model_reads() -> None:
    parts: Parts = {"root": ["a = launch_subagent('a')\nprint('on')", "r = await a"], "a": [slow("finish(1)", 500)]}

    async def act(world: World) -> None:
        tree = await world.solve(root())
        assert tree["answer"] == 1
        assert "Error" in prompt_of(world.models[0], tree["tree"]["node_id"], 2)[-1]

    scene(parts, act)


def test_finishing_while_siblings_run_cancels_them_and_runs_no_further_line() -> None:
    end = "a = launch_subagent('a')\nr = await launch_subagent('b')\nfinish(r)\npublish('after the end')"
    parts: Parts = {"root": [end], "a": [slow("finish(1)", 500)]}

    async def act(world: World) -> None:
        tree = await world.solve(root())
        assert tree["answer"] == 1
        assert tree["nodes"]["canceled"] == 1
        assert await world.events(tree["tree_id"], EventType.NODE_PUBLISHED) == []

    scene(parts, act)


@pytest.mark.parametrize("line", ["launch_subagent('a')", "await launch_subagent('a')", "asyncio.gather()"])
def test_a_launch_that_is_thrown_away_is_rejected_before_anything_runs(line: str) -> None:
    parts = {"root": [f"import asyncio\npublish('ran')\n{line}\nprint('on')", "finish('mended')"]}

    async def act(world: World) -> None:
        tree = await world.solve(root())
        assert tree["answer"] == "mended"
        assert tree["nodes"]["total"] == 1
        assert await world.events(tree["tree_id"], EventType.NODE_PUBLISHED) == []

    scene(parts, act)


def test_the_split_of_a_turn_is_one_event_that_names_its_children() -> None:
    async def act(world: World) -> None:
        tree = await world.solve(root())
        (split,) = await world.events(tree["tree_id"], EventType.NODE_SPLIT)
        children = [(child["node_id"], child["goal"]) for child in tree["tree"]["children"]]
        assert [(child["node_id"], child["goal"]) for child in split.data["children"]] == children
        assert [child["fork_step"] for child in tree["tree"]["children"]] == [0, 0]
        assert [child["launch_index"] for child in tree["tree"]["children"]] == [0, 1]

    scene({"root": [gather("a", "b")]}, act)


def test_a_flat_tree_has_no_launch_subagent() -> None:
    parts = {"root": ["r = await launch_subagent('a')", "finish('alone')"]}

    async def act(world: World) -> None:
        tree = await world.solve(replace(root(), mode=Mode.FLAT))
        assert tree["answer"] == "alone"
        assert tree["nodes"]["total"] == 1
        assert tree["mode"] == {"requested": "flat", "effective": "flat"}
        assert "NameError" in prompt_of(world.models[0], tree["tree"]["node_id"], 1)[-1]

    scene(parts, act)


def test_auto_decides_for_each_node_by_what_it_was_given() -> None:
    """The root has too much to read; of its children one as well, the other not: only that one cannot launch."""
    child = "try:\n    launch_subagent\nexcept NameError:\n    finish('flat')\nfinish('recursive')"
    big = "rs = await asyncio.gather(launch_subagent('a', 'x' * 60_000), launch_subagent('b', 'x'))"
    parts = {"root": [f"import asyncio\n{big}\nfinish(rs)"], "a": [child], "b": [child]}
    task = replace(root(), mode=Mode.AUTO, context="x" * 100_000)
    tree = solved(parts, task)
    assert tree["answer"] == ["recursive", "flat"]
    assert tree["mode"] == {"requested": "auto", "effective": "recursive"}
    assert solved(parts, replace(task, context=None))["mode"]["effective"] == "flat"


def test_the_seed_of_a_call_follows_from_task_seed_path_and_turn_alone() -> None:
    parts = {"root": [gather("a", "b"), "print(1)"], "b": ["print(2)"]}

    def seeds(setup: Setup, pace_s: float) -> dict[str, int | None]:
        found = dict[str, int | None]()

        async def act(world: World) -> None:
            tree = await world.solve(replace(root(), sampling=Sampling(seed=11)))
            paths = {node["node_id"]: node["goal"] for node in [tree["tree"], *tree["tree"]["children"]]}
            for attempt in world.models[0].ledger:
                node, _, turn = attempt.request.request_id.partition("-t")
                found[f"{paths[node]} {turn[0]}"] = attempt.request.seed

        scene(parts, act, setup, pace_s=pace_s)
        return found

    first = seeds(Setup(seed=1), 1.0)
    assert first == seeds(Setup(seed=2, slots=1), 0.3)
    assert first["root 2"] == seed_of(11, "", 2)
    assert first["b 1"] == seed_of(11, "0.1", 1)
    assert len(set(first.values())) == len(first)


def test_a_task_without_a_seed_gets_one_of_its_own() -> None:
    async def act(world: World) -> None:
        await world.solve(root())
        await world.solve(root())
        drawn = [attempt.request.seed for attempt in world.models[0].ledger]
        assert None not in drawn
        assert len(set(drawn)) == 2

    scene({}, act)


def test_a_deep_chain_of_children_works_level_by_level() -> None:
    parts = {f"c{n}": [f"r = await launch_subagent('c{n + 1}')\nfinish(r + 1)"] for n in range(30)}
    tree = solved({**parts, "root": ["finish(await launch_subagent('c0'))"]}, root(replace(PLENTY, max_depth=32)))
    assert tree["answer"] == 31
    assert tree["nodes"]["max_depth"] == 31


def test_a_child_can_be_handed_any_json_value_and_returns_one() -> None:
    hand = "finish(await launch_subagent('a', {'rows': [1, None, {'x': 2.5}]}))"
    tree = solved({"root": [hand], "a": ["finish([context, goal])"]}, root())
    assert tree["answer"] == [{"rows": [1, None, {"x": 2.5}]}, "a"]


def test_a_completion_cut_at_its_length_runs_nothing_and_says_so() -> None:
    async def act(world: World) -> None:
        tree = await world.solve(root())
        assert tree["answer"] == 1
        assert "cut off" in prompt_of(world.models[0], tree["tree"]["node_id"], 1)[-1]

    scene({"root": [[Say("<python>\npublish(1)\n"), End("length")]]}, act)
