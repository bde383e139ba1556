"""Whole trees through a gateway on a real vLLM, and their bills against what vLLM has counted."""

from decimal import Decimal
from typing import Any

from rao_runtime.core.usage import Tokens
from tests.contract.world import Frame
from tests.vllm.counters import Metrics
from tests.vllm.gateway import Gateway
from tests.vllm.served_models import (
    BOASTFUL,
    CACHED_PRICE,
    ENDLESS,
    INPUT_PRICE,
    NUMBER,
    OUTPUT_PRICE,
    PLAIN,
    SPLIT_ANSWER,
    SPLITTER,
)

MILLION = 1_000_000


def billed(tree: dict[str, Any]) -> Tokens:
    usage = tree["usage"]
    return Tokens(input=usage["input_tokens"], cached=usage["cached_tokens"], output=usage["output_tokens"])


def named(events: list[Frame], kind: str) -> list[dict[str, Any]]:
    return [event.data["data"] for event in events if event.event == kind]


async def test_a_tree_of_four_nodes_is_billed_as_vllm_counts(gateway: Gateway, metrics: Metrics) -> None:
    before = await metrics.until()
    tree_id = await gateway.begin(SPLITTER, "split this", mode="recursive")
    events = await gateway.events(tree_id)
    tree = named(events, "tree.completed")[0]
    counted = (await metrics.until(ended=before.ended + 4)).since(before)
    assert (tree["status"], tree["answer"]) == ("completed", SPLIT_ANSWER)
    assert tree["nodes"] == {"total": 4, "completed": 4, "failed": 0, "canceled": 0, "max_depth": 1}
    assert (billed(tree), tree["usage"]["calls"], tree["usage"]["estimated"]) == (counted, 4, False)
    assert [event.event for event in events[:6]] == [
        *("tree.created", "tree.started", "node.created", "node.started", "call.started", "call.completed")
    ]
    assert len(named(events, "node.split")[0]["children"]) == 3


async def test_siblings_find_their_prefix_in_the_cache(gateway: Gateway) -> None:
    tree_id = await gateway.begin(SPLITTER, "split this too", mode="recursive")
    calls = named(await gateway.events(tree_id), "call.completed")
    for usage in [call["usage"] for call in calls[1:]]:
        assert usage["cached_tokens"] > usage["input_tokens"] // 2


async def test_a_price_is_applied_to_what_vllm_counted(gateway: Gateway, metrics: Metrics) -> None:
    before = await metrics.until()
    tree = await gateway.solve(SPLITTER, "what does this cost", mode="recursive")
    counted = (await metrics.until(ended=before.ended + 4)).since(before)
    cost = (
        Decimal(INPUT_PRICE) * (counted.input - counted.cached)
        + Decimal(CACHED_PRICE) * counted.cached
        + Decimal(OUTPUT_PRICE) * counted.output
    ) / MILLION
    assert Decimal(tree["cost"]["amount"]) == cost


async def test_a_seed_decides_the_answer(gateway: Gateway) -> None:
    trees = [await gateway.solve(NUMBER, "draw", sampling={"seed": seed}) for seed in (1, 1, 2)]
    answers = [tree["answer"] for tree in trees]
    assert all(100_000 <= answer <= 999_999 for answer in answers)
    assert answers[0] == answers[1] != answers[2]


async def test_random_text_ends_a_tree_with_a_reason_and_an_exact_bill(gateway: Gateway, metrics: Metrics) -> None:
    before = await metrics.until()
    limits, sampling = {"max_turns": 3}, {"max_tokens": 48, "seed": 3}
    events = await gateway.events(await gateway.begin(PLAIN, "babble", limits=limits, sampling=sampling))
    tree = named(events, "tree.failed")[0]
    counted = (await metrics.until(ended=before.ended + 3)).since(before)
    assert (tree["status"], tree["error"]["reason"]) == ("failed", "turns")
    assert billed(tree) == counted
    turn = ["call.started", "call.completed", "node.turn", "node.output"]
    assert [event.event for event in events] == [
        *("tree.created", "tree.started", "node.created", "node.started"),
        *(turn * 3),
        *("node.failed", "tree.failed"),
    ]
    assert [event.data["seq"] for event in events] == list(range(1, len(events) + 1))
    assert all(
        "</python>" in output["error"] or "<python>" in output["error"] for output in named(events, "node.output")
    )


async def test_a_goal_over_the_known_window_costs_nothing(gateway: Gateway, metrics: Metrics) -> None:
    before = await metrics.until()
    tree = await gateway.solve(PLAIN, "word " * 10_000)
    assert (tree["error"]["reason"], tree["usage"]["calls"]) == ("window", 0)
    assert (await metrics.now()) == before


async def test_a_window_smaller_than_its_profile_says_is_told_by_vllm(gateway: Gateway, metrics: Metrics) -> None:
    before = await metrics.until()
    tree = await gateway.solve(BOASTFUL, "word " * 10_000)
    assert tree["error"]["reason"] == "window"
    assert "8192" in tree["error"]["message"]
    assert (tree["usage"]["output_tokens"], (await metrics.now()).since(before)) == (0, Tokens())


async def test_a_tree_of_higher_priority_is_served_first(gateway: Gateway, metrics: Metrics) -> None:
    fillers = [await gateway.begin(ENDLESS, "fill a slot") for _ in range(4)]
    await metrics.until(running=4)
    low = await gateway.begin(NUMBER, "low", priority=-5)
    await metrics.until(running=4, waiting=1)
    high = await gateway.begin(NUMBER, "high", priority=5)
    await metrics.until(running=4, waiting=2)
    await gateway.cancel(fillers[0])
    last, first = await gateway.end(low), await gateway.end(high)
    for filler in fillers[1:]:
        await gateway.cancel(filler)
    await metrics.until()
    assert (first["status"], last["status"]) == ("completed", "completed")
    assert first["timing"]["ended_at"] < last["timing"]["ended_at"]


async def test_a_deadline_ends_what_vllm_writes(gateway: Gateway, metrics: Metrics) -> None:
    before = await metrics.until()
    tree = await gateway.solve(ENDLESS, "never done", limits={"deadline_s": 1.0})
    after = await metrics.until()
    assert tree["error"]["reason"] == "deadline"
    assert billed(tree).input == after.since(before).input
