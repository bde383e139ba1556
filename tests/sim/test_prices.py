"""What trees cost: by the sheet they were accepted under, and by GPU-seconds where that is how it prices."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from rao_runtime.adapters.scripted_model import ScriptedModel
from rao_runtime.adapters.scripted_steps import Fail, Say, Step, Wait
from rao_runtime.core.errors import FailureKind, InvalidRequest
from rao_runtime.core.events import Event, EventType
from rao_runtime.core.pricing import Sheet
from rao_runtime.ports import ModelRequest, ServedModel
from tests.sim.clock import EPOCH, SimClock
from tests.sim.directed import PLENTY, Parts, root, scene, solved
from tests.sim.explore import run_seed
from tests.sim.loop import simulate
from tests.sim.play import gather, gather_many, play
from tests.sim.scenario import GPU_PRICE, PRICE
from tests.sim.world import MODEL, Setup, World

PARTS: Parts = {"root": [gather("a", "b"), "finish(len(rs))"], "a": ["x = 1", "finish(x)"]}
DEARER = replace(PRICE, input=Decimal(150), version="dearer")
SETTLED = (EventType.CALL_COMPLETED, EventType.CALL_FAILED)


def busy_s(events: Sequence[Event]) -> float:
    """Seconds in which calls were in flight at one replica or another, as their events tell."""
    started = {(e.data["call_id"], e.data["attempt"]): e.ts for e in events if e.type is EventType.CALL_STARTED}
    spans = dict[str, list[tuple[float, float]]]()
    for event in events:
        if event.type in SETTLED:
            begun = started[event.data["call_id"], event.data["attempt"]]
            spans.setdefault(event.data["replica"], []).append((begun, event.ts))
    busy = 0.0
    for of_replica in spans.values():
        until = 0.0
        for begin, end in sorted(of_replica):
            busy += max(0.0, end - max(begin, until))
            until = max(until, end)
    return busy


@pytest.mark.parametrize("seed", range(6_000, 6_020))
def test_every_invariant_holds_where_time_is_priced_though_the_process_dies(seed: int) -> None:
    run_seed(seed, gpu_price=True, deaths=seed % 2 == 1, failing=seed % 4 > 1)


@pytest.mark.parametrize("slots", [1, 3, 16])
def test_trees_together_pay_each_second_a_replica_was_busy_once(slots: int) -> None:
    def falter(request: ModelRequest) -> str | Sequence[Step]:
        if request.request_id.endswith("-t0-a1"):
            return [Wait(0.75), Fail(FailureKind.SERVER)]
        return script(request)

    script = play(
        {"root": [gather_many("leaf", 12), "finish(1)"], "leaf": ["x = 1", [Wait(2.0), Say("lost")], "finish(1)"]}
    )

    def replicas(clock: SimClock) -> Sequence[ScriptedModel]:
        served = [ServedModel(MODEL, None)]
        return [ScriptedModel(clock, falter, name=f"r{n}", models=served, latency_s=1.0 + n) for n in range(2)]

    async def main() -> None:
        async with World(Setup(price=GPU_PRICE, slots=slots), replicas) as world:
            trees = [await world.submit(root()) for _ in range(3)]
            await world.until(trees[1], EventType.NODE_SPLIT)
            await world.runtime.cancel(trees[1])
            await world.settle()
            world.check()
            events = [event for tree_id in trees for event in await world.events(tree_id)]
            gpu_s = [event.data["gpu_s"] for event in events if event.type in SETTLED]
            assert sum(gpu_s) == pytest.approx(GPU_PRICE.gpus * busy_s(events), abs=1e-6 * len(gpu_s))
            assert sum(gpu_s) > 25.0
            costs = [Decimal((await world.runtime.tree(tree_id))["cost"]["amount"]) for tree_id in trees]
            assert sum(costs) == sum(map(Decimal, map(str, gpu_s))) * GPU_PRICE.gpu_second
            assert Decimal((await world.runtime.tree(trees[0]))["cost"]["wasted"]) > 0

    simulate(main)


def test_calls_side_by_side_at_one_replica_share_its_time() -> None:
    tree = solved({"root": [gather_many("leaf", 4), "finish(1)"]}, root(), Setup(price=GPU_PRICE), pace_s=2.0)
    of_leaves = [Decimal(child["cost"]["amount"]) for child in tree["tree"]["children"]]
    # Two GPUs for 2 s, for four; the root has them alone, twice.
    assert of_leaves == [GPU_PRICE.gpu_second] * 4
    assert Decimal(tree["tree"]["cost"]["amount"]) == 8 * GPU_PRICE.gpu_second


def test_a_call_whose_worker_died_pays_no_more_than_the_time_since_it_began() -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.until(tree_id, EventType.CALL_STARTED, 3)
        await world.crash()
        await world.clock.sleep(10.0)
        await world.restart()
        await world.settle()
        world.check()
        lost = await world.events(tree_id, EventType.CALL_FAILED)
        tree = await world.runtime.tree(tree_id)
        # Both leaves had begun at once: each is charged half of the ten seconds, of two GPUs.
        assert [event.data["gpu_s"] for event in lost] == pytest.approx([10.0, 10.0], abs=0.01)
        assert Decimal(tree["cost"]["wasted"]) == sum(Decimal(event.data["cost"]) for event in lost) > 0
        assert tree["usage"]["estimated"]

    scene(PARTS, act, Setup(price=GPU_PRICE))


@pytest.mark.parametrize("later", [DEARER, GPU_PRICE, None])
def test_a_tree_keeps_its_price_sheet_though_its_next_owner_has_another(later: Sheet | None) -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.until(tree_id, EventType.NODE_SPLIT)
        await world.crash()
        world.setup = replace(world.setup, price=later)
        await world.restart()
        await world.settle()
        world.check()
        tree = await world.runtime.tree(tree_id)
        (created,) = await world.events(tree_id, EventType.TREE_CREATED)
        assert created.data["price"] == PRICE.as_dict()
        assert (tree["status"], tree["cost"]["price_version"]) == ("completed", PRICE.version)
        assert len(await world.events(tree_id, EventType.TREE_RESUMED)) == 1

    scene(PARTS, act, Setup(price=PRICE))


def test_a_tree_that_waits_keeps_the_sheet_in_force_when_it_was_accepted() -> None:
    later = replace(DEARER, since=EPOCH + 20.0)

    async def act(world: World) -> None:
        early = await world.submit(root())
        await world.clock.sleep(15.0)
        waiting = [await world.submit(root()) for _ in range(2)]
        await world.clock.sleep(10.0)
        late = await world.submit(root())
        await world.settle()
        world.check()
        (started,) = await world.events(waiting[1], EventType.TREE_STARTED)
        assert started.ts > EPOCH + 20.0
        versions = [(await world.runtime.tree(tree_id))["cost"]["price_version"] for tree_id in (early, *waiting, late)]
        assert versions == ["test-1", "test-1", "test-1", "dearer"]

    scene(PARTS, act, Setup(price=PRICE, prices=(later,), max_active=1), pace_s=3.0)


def test_a_model_that_is_told_after_acceptance_has_the_sheet_of_then() -> None:
    async def main() -> None:
        def slow_to_come(clock: SimClock) -> Sequence[ScriptedModel]:
            model = ScriptedModel(clock, play(PARTS), models=[ServedModel(MODEL, None)])
            model.up = False
            return [model]

        setup = Setup(price=PRICE, prices=(replace(DEARER, since=EPOCH + 20.0),))
        async with World(setup, slow_to_come) as world:
            world.default_model = None
            await world.crash()
            await world.restart()
            tree_id = await world.submit(root())
            await world.clock.sleep(30.0)
            world.models[0].up = True
            await world.settle()
            world.check()
            created, started = await world.events(tree_id, EventType.TREE_CREATED, EventType.TREE_STARTED)
            assert (created.data["model"], created.data["price"]) == (None, None)
            assert started.data["price"] == PRICE.as_dict()
            assert (await world.runtime.tree(tree_id))["cost"]["price_version"] == PRICE.version

    simulate(main)


def test_a_cap_on_cost_is_refused_where_time_is_priced() -> None:
    async def act(world: World) -> None:
        with pytest.raises(InvalidRequest, match="GPU-seconds"):
            await world.submit(root(replace(PLENTY, max_cost=Decimal(1))))
        assert (await world.runtime.trees(limit=10))["data"] == []

    scene({}, act, Setup(price=GPU_PRICE))


def test_an_agent_that_caps_cost_where_time_is_priced_reads_what_to_do_instead() -> None:
    async def act(world: World) -> None:
        tree_id = await world.submit(root())
        await world.settle()
        (output, *_) = await world.events(tree_id, EventType.NODE_OUTPUT)
        assert "this model has no price per token. Use max_tokens" in output.data["error"]

    scene({"root": ["await launch_subagent('a', limits={'max_cost': '1'})", "finish(1)"]}, act, Setup(price=GPU_PRICE))


def test_models_are_shown_with_the_price_in_force_and_those_to_come() -> None:
    async def act(world: World) -> None:
        await world.clock.sleep(1.0)
        (model,) = world.runtime.profiles()
        assert model["price"] == {"currency": "USD"} | PRICE.as_dict()
        assert [sheet["version"] for sheet in model["prices"]] == ["test-1", "test-gpu"]
        assert model["prices"][0]["from"] is None
        await world.clock.sleep(20.0)
        (model,) = world.runtime.profiles()
        assert model["price"] == {"currency": "USD", "version": "test-gpu", "gpu_second": "0.000694", "gpus": 2}
        assert model["prices"][1] == model["price"] | {"from": "2026-11-21T10:00:20.000Z"}

    later = replace(GPU_PRICE, since=EPOCH + 20.0)
    scene({}, act, Setup(price=PRICE, prices=(later,)))
