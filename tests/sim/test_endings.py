"""How nodes and trees end when they do not simply finish, and what a client is told."""

from dataclasses import replace

import pytest

from rao_runtime.adapters.scripted_steps import Fail, Say, Step, Wait
from rao_runtime.core.errors import FailureKind
from rao_runtime.core.events import EventType
from rao_runtime.core.profile import ProtocolName
from tests.sim.directed import PLENTY, Parts, prompt_of, root, scene, solved
from tests.sim.play import gather
from tests.sim.world import Setup, World
from tests.sim.writing import written


def never(seconds: float = 10_000.0) -> list[Step]:
    return [Wait(seconds), Say("x")]


def test_a_deadline_in_mid_work_ends_the_tree_with_its_reason() -> None:
    parts: Parts = {"root": [gather("a", "b")], "a": [gather("c")], "b": [never()], "c": [never()]}

    async def act(world: World) -> None:
        tree = await world.solve(root(replace(PLENTY, deadline_s=30.0)))
        assert tree["status"] == "failed"
        assert tree["error"]["reason"] == "deadline"
        assert tree["error"]["limit"] == 30.0
        assert 30 <= tree["timing"]["wall_s"] < 31
        assert tree["nodes"] == {"total": 4, "completed": 0, "failed": 1, "canceled": 3, "max_depth": 2}
        assert tree["usage"]["estimated"]

    scene(parts, act)


def test_the_deadline_of_a_launch_ends_that_child_alone() -> None:
    launch = "r = await launch_subagent('a', limits={'deadline_s': 5})\nfinish([r.reason, r.message])"
    tree = solved({"root": [launch], "a": [never()]}, root())
    assert tree["answer"][0] == "deadline"
    assert "5 s" in tree["answer"][1]
    assert tree["timing"]["wall_s"] < 10


def test_the_deadline_also_runs_while_no_replica_answers() -> None:
    async def act(world: World) -> None:
        world.models[0].up = False
        tree = await world.solve(root(replace(PLENTY, deadline_s=20.0)))
        assert tree["error"]["reason"] == "deadline"
        assert tree["error"]["retryable"]
        assert tree["nodes"]["total"] == 0

    scene({}, act)


def test_a_deadline_that_ran_out_for_want_of_a_replica_says_so() -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root(replace(PLENTY, deadline_s=20.0)))
        await world.until(tree_id, EventType.CALL_COMPLETED)
        world.models[0].up = False
        await world.settle()
        tree = await world.runtime.tree(tree_id)
        assert tree["error"]["reason"] == "deadline"
        assert "no replica" in tree["error"]["message"]
        assert tree["error"]["retryable"]

    scene({"root": ["print(1)"] * 3}, act)


def test_the_last_turn_is_announced_and_is_the_last() -> None:
    parts: Parts = {"root": [f"print({n})" for n in range(9)]}

    async def act(world: World) -> None:
        tree = await world.solve(root(replace(PLENTY, max_turns=3)))
        assert tree["error"]["reason"] == "turns"
        assert (tree["error"]["limit"], tree["error"]["spent"]) == (3, 3)
        assert tree["usage"]["calls"] == 3
        told = ["no turns left" in prompt_of(world.models[0], tree["tree"]["node_id"], n)[-1] for n in range(3)]
        assert told == [False, False, True]

    scene(parts, act)


def test_output_that_is_dear_in_tokens_leaves_room_for_the_last_turn() -> None:
    parts: Parts = {"root": ["print('\u6f22\u5b57' * 4_000)"] * 3 + ["print('again')"] * 90}

    async def act(world: World) -> None:
        world.models[0].count = lambda text: len(text.encode()) // 3
        tree = await world.solve(root(replace(PLENTY, max_turns=99)))
        assert tree["error"]["reason"] in {"window", "turns"}
        sent = [attempt.input_tokens + attempt.request.max_tokens for attempt in world.models[0].ledger]
        assert max(sent) <= 4_000
        assert len(sent) > 2

    scene(parts, act, Setup(window=4_000))


@pytest.mark.parametrize("window", [2_500, 4_000])
def test_a_full_window_gives_one_last_turn_and_then_ends_the_node(window: int) -> None:
    parts: Parts = {"root": [f"print('word {n} ' * 100)" for n in range(99)]}

    async def act(world: World) -> None:
        tree = await world.solve(root(replace(PLENTY, max_turns=99)))
        assert tree["error"]["reason"] == "window"
        assert tree["error"]["limit"] == window
        sent = [a.request for a in world.models[0].ledger]
        told = ["memory is full" in request.messages[-1].content for request in sent]
        assert told == [False] * (len(told) - 1) + [True]
        for attempt in world.models[0].ledger:
            assert attempt.input_tokens + attempt.request.max_tokens <= window

    scene(parts, act, Setup(window=window))


def test_the_last_turn_of_a_full_window_can_still_answer() -> None:
    async def act(world: World) -> None:
        tree = await world.solve(root())
        assert tree["answer"] == 1
        assert "memory is full" in world.models[0].ledger[-1].request.messages[-1].content

    loud = [f"print('{n} is a long line of words ' * 400)" for n in range(3)]
    scene({"root": loud}, act, Setup(window=2_500))


def test_a_prompt_that_the_replica_calls_too_long_ends_with_reason_window() -> None:
    too_long = (
        "This model's maximum context length is 2048 tokens. However, you requested 200 output tokens and your prompt "
        "contains 2000 input tokens. Please reduce the length of either one."
    )

    async def act(world: World) -> None:
        tree = await world.solve(root())
        assert tree["error"]["reason"] == "window"
        assert tree["error"]["message"] == too_long
        assert tree["usage"]["calls"] == 0

    scene({"root": [[Fail(FailureKind.REJECTED, 400, said=too_long)]]}, act)


def test_a_prompt_that_the_replica_refuses_for_another_reason_ends_with_reason_model_error() -> None:
    async def act(world: World) -> None:
        tree = await world.solve(root())
        assert tree["error"]["reason"] == "model_error"
        assert tree["error"]["kind"] == "rejected"
        assert not tree["error"]["retryable"]
        assert tree["usage"]["calls"] == 0

    scene({"root": [[Fail(FailureKind.REJECTED, 400)]]}, act)


@pytest.mark.parametrize("period", [1, 2, 3])
def test_a_repeated_cell_ends_the_loop(period: int) -> None:
    cells = [f"print({n % period})" for n in range(40)]
    tree = solved({"root": cells}, root(replace(PLENTY, max_turns=40)))
    assert tree["error"]["reason"] == "turns"
    assert "loop" in tree["error"]["message"]
    assert tree["usage"]["calls"] == 4 * period


def test_the_same_reply_without_code_over_and_over_ends_the_loop_too() -> None:
    tree = solved({"root": [[Say("I am thinking.")]] * 40}, root(replace(PLENTY, max_turns=40)))
    assert tree["error"]["reason"] == "turns"
    assert tree["usage"]["calls"] == 4


def test_a_check_is_tried_a_bounded_number_of_times() -> None:
    parts: Parts = {"root": [f"finish({n})" for n in range(-9, 0)]}

    async def act(world: World) -> None:
        tree = await world.solve(replace(root(), check="answer > 0"))
        assert tree["error"]["reason"] == "check_failed"
        assert tree["usage"]["calls"] == 3
        verdicts = await world.events(tree["tree_id"], EventType.NODE_CHECK)
        assert [(e.data["author"], e.data["passed"], e.data["try"]) for e in verdicts] == [
            ("client", False, n) for n in (1, 2, 3)
        ]
        assert "answer > 0" in prompt_of(world.models[0], tree["tree"]["node_id"], 1)[-1]

    scene(parts, act)


def test_tries_in_one_cell_count_as_well() -> None:
    loop = "for n in range(-9, 0):\n    try:\n        finish(n)\n    except ValueError:\n        pass"
    tree = solved({"root": [loop]}, replace(root(), check="answer > 0"))
    assert tree["error"]["reason"] == "check_failed"
    assert tree["error"]["spent"] == 3


def test_a_check_that_fails_first_and_then_passes_leaves_a_verified_answer() -> None:
    tree = solved({"root": ["finish(-1)", "finish(4)"]}, replace(root(), check="answer > 0"))
    assert tree["answer"] == 4
    assert tree["tree"]["verified"] is True
    assert solved({}, root())["tree"]["verified"] is None


def test_a_check_by_the_parent_and_one_by_the_child_both_have_to_hold() -> None:
    parts: Parts = {"root": ["finish(await launch_subagent('a', check='answer < 9'))"]}
    parts |= {"a": ["finish(10, check='answer > 0')", "finish(-1, check='answer > 0')", "finish(5, check='answer')"]}

    async def act(world: World) -> None:
        tree = await world.solve(root())
        assert tree["answer"] == 5
        verdicts = await world.events(tree["tree_id"], EventType.NODE_CHECK)
        told = [(e.data["author"], e.data["passed"]) for e in verdicts]
        assert told == [("parent", False), ("parent", True), ("child", False), ("parent", True), ("child", True)]

    scene(parts, act)


def test_an_answer_that_does_not_fit_its_schema_can_be_mended() -> None:
    async def act(world: World) -> None:
        tree = await world.solve(replace(root(), answer_schema={"type": "integer"}))
        assert tree["answer"] == 7
        assert "schema" in prompt_of(world.models[0], tree["tree"]["node_id"], 1)[-1]

    scene({"root": ["finish('seven')", "finish(7)"]}, act)


def test_an_answer_that_never_fits_ends_as_answer_invalid() -> None:
    task = replace(root(replace(PLENTY, max_turns=3)), answer_schema={"type": "integer"})
    tree = solved({"root": [f"finish('{n}')" for n in range(9)]}, task)
    assert tree["error"]["reason"] == "answer_invalid"


def test_an_agent_that_gives_up_ends_as_unable_with_its_own_word() -> None:
    tree = solved({"root": ["fail('ambiguous_goal', 'which root?')"]}, root())
    assert tree["status"] == "failed"
    assert (tree["error"]["reason"], tree["error"]["kind"]) == ("unable", "ambiguous_goal")
    assert tree["error"]["message"] == "which root?"


def test_what_was_published_is_the_partial_answer_of_a_tree_that_ran_out() -> None:
    cells = ["publish(1)\nprint(1)", "publish(2)\nprint(2)", "print(3)"]
    tree = solved({"root": cells}, root(replace(PLENTY, max_turns=3)))
    assert tree["status"] == "failed"
    assert tree["answer"] is None
    assert tree["partial"] == {"answer": 2, "source_nodes": [tree["tree"]["node_id"]]}


def test_answers_of_finished_children_are_the_partial_answer_where_nothing_was_published() -> None:
    parts: Parts = {"root": [gather("a", "b", "c"), never()], "b": ["fail('impossible', 'no')"]}
    tree = solved(parts, root(replace(PLENTY, deadline_s=50.0)))
    a, _, c = tree["tree"]["children"]
    assert tree["partial"] == {"answer": [1, 1], "source_nodes": [a["node_id"], c["node_id"]]}


def test_a_completed_tree_has_no_partial_answer() -> None:
    assert solved({"root": ["publish(1)\nfinish(2)"]}, root())["partial"] is None


@pytest.mark.parametrize("protocol", list(ProtocolName))
def test_both_protocols_drive_the_same_tree(protocol: ProtocolName) -> None:
    parts: Parts = {"root": [gather("a", "b"), "finish(sum(rs))"]}
    tree = solved(parts, root(), Setup(protocol=protocol))
    assert tree["answer"] == 2


def test_a_turn_with_more_than_one_block_runs_the_first_and_says_so() -> None:
    two = f"{written('print(1)')}\n<python>\nfinish('wrong')\n</python>"

    async def act(world: World) -> None:
        tree = await world.solve(root())
        assert tree["answer"] == 1

    scene({"root": [[Say(two)]]}, act)


def test_a_tree_view_during_the_run_tells_what_is_known_so_far() -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.until(tree_id, EventType.NODE_CREATED, 2)
        tree = await world.runtime.tree(tree_id, nodes=True)
        assert tree["status"] == "working"
        assert tree["answer"] is None
        assert tree["timing"]["ended_at"] is None
        assert [child["goal"] for child in tree["tree"]["children"]] == ["a"]
        await world.settle()

    scene({"root": [gather("a")]}, act)
