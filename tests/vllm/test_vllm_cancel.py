"""A cancel reaches a real vLLM: what is written there ends, and is billed."""

from time import perf_counter

from tests.vllm.counters import Metrics
from tests.vllm.gateway import Gateway
from tests.vllm.served_models import ENDLESS, ENDLESS_TOKENS

FREE_S = 1.0
# What vLLM may have written that did not come through before the abort did: less than half a second's worth.
UNSEEN_TOKENS = 200


async def test_a_cancelled_tree_frees_vllm_and_is_billed_for_what_it_wrote(gateway: Gateway, metrics: Metrics) -> None:
    before = await metrics.until()
    tree_id = await gateway.begin(ENDLESS, "write on and on")
    await gateway.written(tree_id, chars=1_000)
    assert (await metrics.now()).running == 1
    asked = perf_counter()
    await gateway.cancel(tree_id)
    after = await metrics.until()
    free_s = perf_counter() - asked
    tree = await gateway.end(tree_id)
    counted, usage = after.since(before), tree["usage"]
    unseen = counted.output - usage["output_tokens"]
    print(f"free after {free_s:.3f} s; {counted.output} tokens written, {unseen} of them not seen")
    assert tree["status"] == "canceled"
    assert free_s < FREE_S
    assert counted.output < ENDLESS_TOKENS
    assert usage["input_tokens"] == counted.input
    assert 0 <= unseen <= UNSEEN_TOKENS
    assert usage["estimated"]
    assert usage["wasted_tokens"] == usage["input_tokens"] + usage["output_tokens"]
