"""Limits hold, whoever asks at once, and a refusal can be read."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest

from rao_runtime.adapters.scripted_model import ScriptedModel
from rao_runtime.adapters.scripted_steps import Fail, Say, Step, Wait
from rao_runtime.core.errors import FailureKind, InvalidRequest
from rao_runtime.core.events import EventType
from rao_runtime.core.limits import Limits
from rao_runtime.ports import ModelRequest, ServedModel
from tests.sim.clock import SimClock
from tests.sim.directed import PLENTY, prompt_of, root, scene, solved
from tests.sim.loop import simulate
from tests.sim.play import gather, gather_many, play
from tests.sim.scenario import PRICE
from tests.sim.world import MODEL, Setup, World, one_replica
from tests.sim.writing import goal_of, turn_of

COUNT = "ok = [r for r in rs if not isinstance(r, Failed)]\nbad = [r for r in rs if isinstance(r, Failed)]"
ENDLESS = [f"print({n})" for n in range(1_000)]


@pytest.mark.parametrize("max_tokens", [8_000, 20_000, 60_000])
def test_a_waiting_parent_can_always_finish(max_tokens: int) -> None:
    parts = {"root": [gather_many("greedy", 20), "finish(len(rs))"], "greedy": ENDLESS}
    tree = solved(parts, root(replace(PLENTY, max_tokens=max_tokens, max_turns=1_000)))
    assert tree["status"] == "completed", tree["error"]
    assert tree["answer"] == 20


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_parents_that_wait_for_parents_can_all_finish(levels: int) -> None:
    parts = {"root": [gather_many("l1", 3), "finish(1)"], "leaf": ENDLESS}
    names = ["root", *(f"l{n}" for n in range(1, levels + 1)), "leaf"]
    for name, below in pairwise(names):
        parts[name] = [gather_many(below, 3), "finish(1)"]
    tree = solved(parts, root(replace(PLENTY, max_tokens=90_000, max_turns=1_000)))
    assert tree["status"] == "completed", tree["error"]


def test_an_observation_is_no_longer_than_the_last_call_that_was_set_aside_for_it() -> None:
    parts = {"root": [f"{gather_many('greedy', 20)}\nprint('long ' * 3_000)", "finish(1)"], "greedy": ENDLESS}
    tree = solved(parts, root(replace(PLENTY, max_tokens=40_000, max_turns=1_000)))
    assert tree["status"] == "completed", tree["error"]


@pytest.mark.parametrize("limits", [{"max_tokens": 30_000}, {"max_nodes": 10}, {"max_cost": Decimal("0.006")}])
def test_a_hundred_siblings_that_ask_at_once_cannot_overshoot(limits: dict[str, int | Decimal]) -> None:
    parts = {"root": [f"{gather_many('leaf', 100)}\n{COUNT}", "finish([len(ok), len(bad)])"]}
    tree = solved(parts, root(replace(PLENTY, **limits)), Setup(price=PRICE))
    assert tree["status"] == "completed", tree["error"]
    done, refused = tree["answer"]
    assert done + refused == 100
    assert 0 < done < 100
    assert tree["usage"]["input_tokens"] + tree["usage"]["output_tokens"] <= tree["limits"]["max_tokens"]
    assert tree["nodes"]["total"] == done + 1 <= tree["limits"]["max_nodes"]


def test_a_refused_launch_is_a_readable_failed_and_is_journaled() -> None:
    parts = {"root": [f"{gather('a', 'b')}\n{COUNT}\nprint(bad[0].reason, bad[0].message)", "finish(len(ok))"]}

    async def act(world: World) -> None:
        tree = await world.solve(root(replace(PLENTY, max_nodes=2)))
        (refused,) = await world.events(tree["tree_id"], EventType.NODE_REFUSED)
        assert refused.data["goal"] == "b"
        assert refused.data["reason"] == "nodes"
        assert refused.data["remaining"]["nodes"] == 0
        seen = prompt_of(world.models[0], tree["tree"]["node_id"], 1)[-1]
        assert "nodes the budget does not allow another sub-agent" in seen
        assert "limit of 2" in seen
        assert tree["answer"] == 1

    scene(parts, act)


def test_a_launch_below_the_deepest_level_is_refused() -> None:
    parts = {"root": [f"{gather('a')}\nfinish([rs[0].reason, rs[0].message])"]}
    tree = solved(parts, root(replace(PLENTY, max_depth=0)))
    assert tree["answer"][0] == "depth"
    assert tree["nodes"]["total"] == 1


def test_the_outermost_exceeded_limit_is_the_one_named() -> None:
    own = "a = await launch_subagent('a', limits={'max_nodes': 2})\nfinish(getattr(a, 'message', a))"
    parts = {"root": [own], "a": [f"{gather('x', 'y')}\n{COUNT}\nfinish(bad[0].message)"]}
    assert "limit of 3" in solved(parts, root(replace(PLENTY, max_nodes=3)))["answer"]
    assert "limit of 2" in solved(parts, root(replace(PLENTY, max_nodes=9)))["answer"]
    assert "limit of 1" in solved({"root": [own]}, root(replace(PLENTY, max_nodes=1)))["answer"]


def test_a_launch_with_limits_holds_them_for_everything_below_it() -> None:
    own = "finish(await launch_subagent('a', limits={'max_nodes': 3, 'max_tokens': 20_000}))"
    parts = {"root": [own], "a": [f"{gather_many('leaf', 10)}\n{COUNT}", "finish(len(ok))"]}
    tree = solved(parts, root())
    assert tree["answer"] == 2
    assert tree["tree"]["children"][0]["subtree_usage"]["input_tokens"] < 20_000


@pytest.mark.parametrize(
    "limits",
    [
        "{'max_turn': 1}",
        "{'max_nodes': 0}",
        "{'max_tokens': 'x'}",
        "{'max_cost': '-1'}",
        "{'max_tokens': float('inf')}",
        "{'max_tokens': -(10**400)}",
        "{'max_turns': float('nan')}",
        "{'deadline_s': float('nan')}",
    ],
)
def test_limits_that_are_none_are_an_error_the_model_reads_and_nothing_is_launched(limits: str) -> None:
    launch = f"try:\n    r = await launch_subagent('a', limits={limits})\nexcept ValueError as e:\n    finish(str(e))"
    tree = solved({"root": [launch]}, root())
    assert "limits" in tree["answer"]
    assert tree["nodes"]["total"] == 1


@pytest.mark.parametrize(
    ("limits", "reason"), [({"max_tokens": 100}, "tokens"), ({"max_cost": Decimal("0.000001")}, "cost")]
)
def test_a_tree_whose_first_call_does_not_fit_says_which_limit_is_too_small(
    limits: dict[str, int | Decimal], reason: str
) -> None:
    tree = solved({}, root(replace(PLENTY, **limits)), Setup(price=PRICE))
    assert tree["status"] == "failed"
    assert tree["error"]["reason"] == reason
    assert tree["usage"]["calls"] == 0


def test_a_cap_on_cost_without_a_price_is_refused_at_the_door() -> None:
    async def act(world: World) -> None:
        with pytest.raises(InvalidRequest, match="max_cost"):
            await world.submit(root(Limits(max_cost=Decimal(1))))
        assert world.runs == {}

    scene({}, act)


def test_a_completion_is_shortened_to_what_the_budget_affords() -> None:
    async def act(world: World) -> None:
        tree = await world.solve(root(replace(PLENTY, max_tokens=2_500)))
        assert tree["status"] == "completed"
        asked = [attempt.request.max_tokens for attempt in world.models[0].ledger]
        assert len(asked) == 1
        assert 64 <= asked[0] < 2_000

    scene({}, act, Setup(max_tokens=2_000))


def test_an_estimate_never_books_more_than_was_reserved() -> None:
    def replicas(clock: SimClock) -> list[ScriptedModel]:
        script = play({"root": [[Say("<python>\n" + "x = 1\n" * 400)]]})
        model = ScriptedModel(clock, script, models=[ServedModel(MODEL, None)])
        model.tells_usage = False
        return [model]

    async def main() -> None:
        async with World(Setup(max_tokens=100), replicas) as world:
            tree = await world.solve(root(replace(PLENTY, max_turns=1)))
            assert tree["usage"]["estimated"]
            assert tree["usage"]["output_tokens"] == 100

    simulate(main)


@pytest.mark.parametrize("max_tokens", range(26_000, 90_000, 4_000))
def test_a_call_that_is_made_again_keeps_what_was_set_aside_for_it(max_tokens: int) -> None:
    """Here a parent's last call fails just before its siblings ask for more, and is due again just after."""
    greedy = ENDLESS
    parent = [f"{gather('leaf')}\nprint(rs)", "finish('done')"]
    story = play({"root": [gather("parent", *["greedy"] * 8), "finish(rs[0])"], "greedy": greedy, "parent": parent})
    failed = list[str]()

    def script(request: ModelRequest) -> str | Sequence[Step]:
        if goal_of(request) == "parent" and turn_of(request) == 1 and not failed:
            failed.append(request.request_id)
            return [Wait(0.98), Fail(FailureKind.SERVER, 500)]
        answer = story(request)
        return [Wait(1.0), Say(answer)] if isinstance(answer, str) else answer

    async def main() -> None:
        async with World(Setup(), one_replica(script)) as world:
            tree = await world.solve(root(replace(PLENTY, max_tokens=max_tokens, max_turns=1_000)))
            assert tree["answer"] == "done"
            assert failed

    simulate(main)


def test_a_cost_limit_on_a_launch_of_an_unpriced_model_is_an_error_it_can_read() -> None:
    cells = ["r = await launch_subagent('a', limits={'max_cost': '0.1'})", "finish('read it')"]
    tree = solved({"root": cells}, root())
    assert (tree["answer"], tree["nodes"]["total"]) == ("read it", 1)
