"""Replicas that fail: what is tried again, where, how often, and what it costs."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate

import pytest

from rao_runtime.adapters.scripted_model import Script, ScriptedModel
from rao_runtime.adapters.scripted_steps import Fail, Hang, Say, Step, Wait
from rao_runtime.core.errors import FailureKind
from rao_runtime.core.events import EventType
from rao_runtime.core.retry import RetryPolicy
from rao_runtime.ports import ModelRequest, ServedModel
from tests.sim.clock import SimClock
from tests.sim.directed import Parts, root
from tests.sim.loop import simulate
from tests.sim.play import Turn, gather, gather_many, play
from tests.sim.world import MODEL, Setup, World
from tests.sim.writing import goal_of, written

TRANSIENT = [FailureKind.SERVER, FailureKind.UNREACHABLE, FailureKind.BROKEN, FailureKind.TIMEOUT]


class Moody:
    """A script that does these things first, one a call, and follows its parts afterwards."""

    def __init__(self, first: Sequence[Sequence[Step]], parts: Parts | None = None) -> None:
        self._first = list(first)
        self._story = play(parts or {})

    def __call__(self, request: ModelRequest) -> str | Sequence[Step]:
        return self._first.pop(0) if self._first else self._story(request)


def pool_of(*scripts: Script, latency_s: float = 1.0) -> Callable[[SimClock], Sequence[ScriptedModel]]:
    def make(clock: SimClock) -> Sequence[ScriptedModel]:
        return [
            ScriptedModel(
                clock, script, name=f"r{n}", models=[ServedModel(MODEL, None)], latency_s=latency_s, patience_s=30.0
            )
            for n, script in enumerate(scripts)
        ]

    return make


async def replicas_asked(world: World, tree_id: str) -> list[str]:
    return [event.data["replica"] for event in await world.events(tree_id, EventType.CALL_STARTED)]


@pytest.mark.parametrize("kind", TRANSIENT)
def test_a_failure_before_the_first_text_is_tried_again_on_another_replica(kind: FailureKind) -> None:
    async def main() -> None:
        async with World(Setup(), pool_of(Moody([[Fail(kind)]] * 9), Moody([]))) as world:
            tree = await world.solve(root())
            assert tree["answer"] == 1
            assert await replicas_asked(world, tree["tree_id"]) == ["r0", "r1"]
            ids = [attempt.request.request_id for model in world.models for attempt in model.ledger]
            assert len(set(ids)) == len(ids)

    simulate(main)


@pytest.mark.parametrize("kind", TRANSIENT)
def test_three_attempts_are_made_and_no_more(kind: FailureKind) -> None:
    async def main() -> None:
        async with World(Setup(), pool_of(Moody([[Fail(kind)]] * 9))) as world:
            tree = await world.solve(root())
            assert tree["error"]["reason"] == "model_error"
            assert tree["error"]["kind"] == kind.value
            assert tree["error"]["retryable"]
            assert len(await replicas_asked(world, tree["tree_id"])) == 3

    simulate(main)


def test_a_request_that_is_rejected_is_not_tried_again() -> None:
    async def main() -> None:
        async with World(Setup(), pool_of(Moody([[Fail(FailureKind.REJECTED, 400)]]))) as world:
            tree = await world.solve(root())
            assert tree["error"]["kind"] == "rejected"
            assert len(world.models[0].ledger) == 1

    simulate(main)


def test_503_does_not_use_up_attempts() -> None:
    busy: list[Step] = [Fail(FailureKind.BUSY, 503)]

    async def main() -> None:
        async with World(Setup(), pool_of(Moody([busy] * 40))) as world:
            tree = await world.solve(root())
            assert tree["answer"] == 1
            assert tree["usage"]["calls"] == 1
            assert len(world.models[0].ledger) == 41

    simulate(main)


@pytest.mark.parametrize("busy_s", [0.05, 0.1, 0.3, 0.7, 1.1, 2.3, 7.77])
@pytest.mark.parametrize("begun_s", [0.0, 0.1, 0.37, 1.9])
def test_a_replica_that_was_busy_is_asked_again_as_soon_as_its_pause_is_over(busy_s: float, begun_s: float) -> None:
    """The pool's timer and its clock differ by a rounding: the call once waited for ever."""

    async def main() -> None:
        story = Moody([[Wait(begun_s), Fail(FailureKind.BUSY, 503, busy_s)]])
        async with World(Setup(), pool_of(story)) as world:
            tree = await world.solve(root(), timeout_s=100.0)
            assert tree["timing"]["wall_s"] == pytest.approx(begun_s + busy_s + 1.0, abs=0.01)

    simulate(main)


def test_a_replica_that_says_it_is_busy_gets_no_other_call_before_its_pause_is_over() -> None:
    async def main() -> None:
        story = Moody([[Wait(0.5), Fail(FailureKind.BUSY, 503, 10.0)]])
        async with World(Setup(slots=1), pool_of(story)) as world:
            for _ in range(3):
                await world.submit(root())
            await world.settle()
            world.check()
            assert [round(a.started_at - world.models[0].ledger[0].started_at) for a in world.models[0].ledger] == [
                0, 10, 12, 12,
            ]  # fmt: skip

    simulate(main)


def test_a_replica_that_is_down_gets_no_other_call_before_it_is_up() -> None:
    async def main() -> None:
        async with World(Setup(slots=1), pool_of(Moody([]), Moody([]))) as world:
            await world.clock.sleep(1.5)
            world.models[0].up = False
            trees = [await world.submit(root()) for _ in range(6)]
            await world.settle()
            asked = [name for tree_id in trees for name in await replicas_asked(world, tree_id)]
            assert asked.count("r0") == 1

    simulate(main)


@pytest.mark.parametrize("kind", [FailureKind.SERVER, FailureKind.BROKEN, FailureKind.TIMEOUT])
def test_nothing_is_retried_after_text_surfaced_but_the_turn_is_asked_anew_under_a_new_call(kind: FailureKind) -> None:
    late: list[Step] = [Wait(0.5), Say("<thought>so far so good"), Fail(kind)]

    async def main() -> None:
        async with World(Setup(), pool_of(Moody([late]))) as world:
            tree = await world.solve(root())
            assert tree["answer"] == 1
            failed, completed = await world.events(tree["tree_id"], EventType.CALL_FAILED, EventType.CALL_COMPLETED)
            assert failed.data["retry"] is None
            assert failed.data["usage"]["wasted_tokens"] > 0
            assert failed.data["call_id"] != completed.data["call_id"]
            assert completed.data["attempt"] == 1

    simulate(main)


def test_a_lost_call_is_asked_anew_at_most_twice() -> None:
    late: list[Step] = [Say("<thought>so far so good"), Fail(FailureKind.BROKEN)]

    async def main() -> None:
        async with World(Setup(), pool_of(Moody([late] * 2), latency_s=0.1)) as world:
            assert (await world.solve(root()))["answer"] == 1
        async with World(Setup(), pool_of(Moody([late] * 3), latency_s=0.1)) as world:
            tree = await world.solve(root())
            assert tree["error"]["reason"] == "model_error"
            assert len(world.models[0].ledger) == 3

    simulate(main)


def test_lost_calls_count_only_in_a_row() -> None:
    late: list[Step] = [Say("<thought>so far so good"), Fail(FailureKind.BROKEN)]
    good: list[Step] = [Say(written("print(1)"))]

    async def main() -> None:
        async with World(Setup(), pool_of(Moody([late, late, good, late, late]))) as world:
            assert (await world.solve(root()))["answer"] == 1

    simulate(main)


def test_a_replica_that_is_down_for_30_seconds_only_delays() -> None:
    async def main() -> None:
        async with World(Setup(), pool_of(Moody([], {"root": [gather_many("leaf", 20)]}))) as world:
            tree_id = await world.submit(root())
            await world.until(tree_id, EventType.CALL_COMPLETED)
            world.models[0].up = False
            await world.clock.sleep(30.0)
            world.models[0].up = True
            await world.settle()
            world.check()
            tree = await world.runtime.tree(tree_id)
            assert tree["status"] == "completed"
            assert 31 <= tree["timing"]["wall_s"] < 36

    simulate(main)


def test_a_hanging_replica_is_given_up_after_its_patience_and_another_one_answers() -> None:
    async def main() -> None:
        async with World(Setup(), pool_of(Moody([[Hang()]] * 9), Moody([]))) as world:
            tree = await world.solve(root())
            assert tree["answer"] == 1
            assert 31 <= tree["timing"]["wall_s"] < 32
            assert tree["usage"]["estimated"]

    simulate(main)


def test_a_call_whose_replica_is_taken_out_before_it_was_sent_costs_nothing_and_no_attempt() -> None:
    """The journal is slow, and the replica is taken out while the start of the call is being written."""

    async def played(seed: int) -> bool:
        setup = Setup(seed=seed, lag_s=0.5, retry=RetryPolicy(attempts=1))
        async with World(setup, pool_of(Moody([]), Moody([]))) as world:
            await world.clock.sleep(2.0)
            tree_id = await world.submit(root())
            replicas = world.pool.roster.replicas
            while not (taken := [replica for replica in replicas if replica.leases]):
                await world.clock.sleep(0.01)
            if any(model.ledger for model in world.models):
                return False
            world.pool.roster.take_out(taken[0], "it hangs", revoke=True)
            await world.settle()
            world.check()
            tree = await world.runtime.tree(tree_id)
            assert tree["answer"] == 1
            assert (tree["usage"]["calls"], tree["usage"]["wasted_tokens"]) == (1, 0)
            failed = await world.events(tree_id, EventType.CALL_FAILED)
            assert [event.data["retry"]["counts"] for event in failed] == [False]
            return True

    async def main() -> None:
        assert sum([await played(seed) for seed in range(20)]) >= 5

    simulate(main)


def test_a_call_that_waited_long_and_met_a_busy_replica_does_not_wait_as_long_again() -> None:
    takes_ten: Sequence[Turn] = [[Wait(10.0), Say(written("finish(1)"))]]
    story = play({"high": takes_ten})
    refused = Moody([[Fail(FailureKind.BUSY, 503)]])

    def script(request: ModelRequest) -> str | Sequence[Step]:
        return refused(request) if goal_of(request) == "low" else story(request)

    async def main() -> None:
        async with World(Setup(slots=1), pool_of(script)) as world:
            await world.submit(replace(root(), goal="high"))
            await world.clock.sleep(1.0)
            low = await world.submit(replace(root(), goal="low", priority=-5))
            await world.clock.sleep(1.0)
            for _ in range(30):
                await world.submit(replace(root(), goal="high"))
            await world.settle()
            world.check()
            assert (await world.runtime.tree(low))["timing"]["wall_s"] < 150

    simulate(main)


def test_what_a_failed_attempt_wrote_counts_when_tenants_share_a_replica() -> None:
    wrote_much: list[Step] = [Wait(1.0), Say("<thought>" + "much " * 2_000), Fail(FailureKind.BROKEN)]
    refused = Moody([wrote_much])

    def script(request: ModelRequest) -> str | Sequence[Step]:
        return refused(request) if goal_of(request) == "a1" else [Wait(1.0), Say(written("finish(1)"))]

    async def main() -> None:
        async with World(Setup(slots=1, max_tokens=10_000), pool_of(script)) as world:
            for goal in ("b1", "a1", "a2", "b2"):
                await world.runtime.submit(replace(root(), goal=goal), tenant=goal[0])
                await world.clock.sleep(0.2)
            await world.settle()
            world.check()
            assert [goal_of(attempt.request) for attempt in world.models[0].ledger][:3] == ["b1", "a1", "b2"]

    simulate(main)


def test_a_hundred_calls_share_a_few_slots_and_all_replicas_work() -> None:
    async def main() -> None:
        parts: Parts = {"root": [gather_many("leaf", 100)]}
        scripts = [play(parts)] * 3
        async with World(Setup(slots=4), pool_of(*scripts)) as world:
            tree = await world.solve(root())
            assert tree["status"] == "completed"
            assert [model.peak_in_flight for model in world.models] == [4, 4, 4]
            assert tree["timing"]["wall_s"] < 12

    simulate(main)


def test_a_parent_whose_children_returned_goes_before_work_that_has_not_begun() -> None:
    parts: Parts = {"root": [gather(*["parent"] * 6)], "parent": [gather("leaf"), "finish(1)"]}

    async def main() -> None:
        async with World(Setup(slots=1), pool_of(play(parts))) as world:
            tree_id = (await world.solve(root()))["tree_id"]
            started = await world.events(tree_id, EventType.CALL_STARTED)
            turns = [event.turn for event in started if event.depth == 1]
            # A first call's slot is free before its cell has launched anything: one more parent begins, never a third.
            begun_and_not_back = accumulate(1 if turn == 0 else -1 for turn in turns)
            assert len(turns) == 12
            assert max(begun_and_not_back) == 2

    simulate(main)


def test_a_model_that_no_replica_serves_ends_the_tree_in_words() -> None:
    async def main() -> None:
        async with World(Setup(), pool_of(Moody([]))) as world:
            tree = await world.solve(replace(root(), model="other"))
            assert tree["error"]["reason"] == "model_error"
            assert MODEL in tree["error"]["message"]

    simulate(main)
