"""A real vLLM dies in the middle of a tree and comes back: the tree goes on."""

import asyncio
from time import perf_counter
from typing import Any

from tests.vllm.counters import Metrics
from tests.vllm.gateway import Gateway
from tests.vllm.replica import VllmProcess
from tests.vllm.served_models import SLOW_SPLITTER, SPLIT_ANSWER

NOTICED_S = 5.0
CANARY_TOKENS = 60


async def test_a_tree_waits_for_its_replica_and_goes_on(vllm: VllmProcess, gateway: Gateway, metrics: Metrics) -> None:
    await metrics.until()
    tree_id = await gateway.begin(SLOW_SPLITTER, "split this slowly", mode="recursive")
    await gateway.written(tree_id, nodes=4)
    vllm.kill()
    killed = perf_counter()
    async with asyncio.timeout(NOTICED_S):
        while (await gateway.replica())["state"] == "ready":
            pass
    print(f"found out after {perf_counter() - killed:.3f} s")
    vllm.start()
    print(f"up again after {perf_counter() - killed:.1f} s")
    events = await gateway.events(tree_id)
    print(f"done after {perf_counter() - killed:.1f} s")
    tree = events[-1].data["data"]
    assert (tree["status"], tree["answer"]) == ("completed", SPLIT_ANSWER)
    assert tree["usage"]["estimated"]
    failed = [event for event in events if event.event == "call.failed"]
    assert {event.data["data"]["error"]["kind"] for event in failed} <= {"broken", "unreachable"}
    assert len({event.data["node_id"] for event in failed if event.data["data"]["usage"]["wasted_tokens"]}) == 3
    completed = [event.data["data"] for event in events if event.event == "call.completed"]
    assert len({call["call_id"] for call in completed}) == len(completed) == 4
    assert (await gateway.replica())["state"] == "ready"
    counted = await metrics.until()
    # After so many failures a canary may have come first: one token, and a prompt of a word.
    canaries = counted.ended - 3
    assert canaries in {0, 1}
    assert _sum(completed[1:], "output_tokens") == counted.generated - canaries
    assert 0 <= counted.prompt - _sum(completed[1:], "input_tokens") <= CANARY_TOKENS * canaries
    assert 0 <= counted.cached - _sum(completed[1:], "cached_tokens") <= CANARY_TOKENS * canaries


def _sum(calls: list[dict[str, Any]], kind: str) -> int:
    return sum(call["usage"][kind] for call in calls)
