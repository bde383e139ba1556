"""The stand-in's KV cache over real sockets: what is cached, who must wait, who loses its place, what is told of it."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from rao_runtime.standin.config import StandInConfig, changed
from rao_runtime.standin.ledger import Outcome
from rao_runtime.standin.plan import plan
from rao_runtime.standin.script import Reply, RuleScript
from rao_runtime.standin.server import StandIn
from tests.integration.standin_client import SAYS, Client, Streamed, standing

ROOMY = StandInConfig(kv_blocks=4096)
# Four requests of some seventy tokens want twice of what there is.
SCARCE = StandInConfig(window=128, kv_blocks=32, block_size=4, chunk_tokens=4, per_token_s=0.0005)
LABELS = 'engine="0",model_name="stand-in"'
LONG = {"messages": [{"role": "user", "content": "x" * 400}]}
# 400 characters are 100 tokens, and four for the message: six full blocks, and eight tokens.
LONG_TOKENS, LONG_CACHED = 104, 96


def _cached(streamed: Streamed) -> int:
    assert streamed.usage is not None
    return streamed.usage["prompt_tokens_details"]["cached_tokens"]


async def _metric(client: Client, name: str) -> float:
    _, body = await client.get("/metrics")
    lines = [line for line in body.decode().splitlines() if line.startswith(f"vllm:{name}{{")]
    return float(lines[0].rpartition(" ")[2])


async def test_usage_tells_what_was_cached() -> None:
    async with standing(ROOMY) as (stand_in, client):
        told = [_cached(await client.stream(LONG)) for _ in range(2)]
        _, whole = await client.ask(LONG)
        entries = stand_in.ledger.entries
    assert told == [0, LONG_CACHED]
    assert whole["usage"]["prompt_tokens_details"] == {"cached_tokens": LONG_CACHED}
    assert [entry.cached_tokens for entry in entries] == [0, LONG_CACHED, LONG_CACHED]


async def test_what_a_script_says_of_cached_tokens_counts_only_without_a_cache() -> None:
    script = RuleScript(lambda _: Reply(text=SAYS, cached_tokens=5))
    async with standing(ROOMY, script) as (_, client):
        assert _cached(await client.stream()) == 0
    async with standing(StandInConfig(), script) as (_, client):
        assert _cached(await client.stream()) == 5


async def test_a_salt_keeps_caches_apart() -> None:
    async with standing(ROOMY) as (_, client):
        told = [
            _cached(await client.stream({**LONG, **salt})) for salt in ({}, {"cache_salt": "s"}, {"cache_salt": "s"})
        ]
    assert told == [0, 0, LONG_CACHED]


async def test_the_next_turn_finds_what_was_asked_and_written_before() -> None:
    async with standing(ROOMY, RuleScript(lambda _: "word " * 80)) as (_, client):
        first = await client.stream(LONG)
        history: list[Any] = [
            *LONG["messages"],
            {"role": "assistant", "content": first.text},
            {"role": "user", "content": "And?"},
        ]
        assert first.usage is not None
        cached = _cached(await client.stream({"messages": history}))
    written = LONG_TOKENS + first.usage["completion_tokens"]
    assert cached == written // 16 * 16


async def test_reading_a_prompt_takes_its_time_and_what_is_cached_takes_none() -> None:
    config = replace(ROOMY, prefill_tokens_per_s=2000, prefill_chunk_tokens=16)
    async with standing(config) as (stand_in, client):
        await client.stream(LONG)
        await client.stream(LONG)
        cold, warm = stand_in.ledger.entries
    assert cold.admitted_s is not None
    assert cold.first_s is not None
    assert cold.first_s - cold.admitted_s >= LONG_TOKENS / 2000
    assert (cold.cached_tokens, warm.cached_tokens) == (0, LONG_CACHED)


async def test_one_factor_stretches_every_time() -> None:
    # More than two hours, in a world that is a million times faster.
    config = replace(ROOMY, prefill_tokens_per_s=0.02, first_token_s=3600, per_token_s=60, time_scale=1e-6)
    async with standing(config) as (_, client):
        assert (await client.stream(LONG)).text == SAYS
    fast, slow = (
        plan(SAYS, stops=(), cap=99, request_id="r", config=changed(config, {"time_scale": s})) for s in (1, 3)
    )
    assert [step.delay_s * 3 for step in fast.steps] == pytest.approx([step.delay_s for step in slow.steps])


async def test_preempted_requests_end_with_the_same_text_and_every_token_is_counted_once() -> None:
    script = RuleScript(lambda request: request.last("user")[0] * 240)
    asked = [{"messages": [{"role": "user", "content": f"{number} please"}]} for number in range(8)]
    async with standing(replace(SCARCE, slots=4), script) as (stand_in, client):
        told = await asyncio.gather(*(client.stream(fields, request_id=f"r{i}") for i, fields in enumerate(asked)))
        ledger = stand_in.ledger
        assert await _metric(client, "num_preemptions_total") == ledger.preemptions > 0
        assert await _metric(client, "kv_cache_usage_perc") == 0
    assert [stream.text for stream in told] == [str(number) * 240 for number in range(8)]
    assert ledger.totals()["completion_tokens"] == 8 * 60
    assert ledger.outcomes()["stop"] == 8
    assert (ledger.running, ledger.waiting) == (0, 0)
    assert ledger.peak_running <= 4


async def test_a_hanging_request_loses_its_blocks_to_one_that_grows_and_can_still_be_left() -> None:
    script = RuleScript(lambda _: "y" * 400)
    async with standing(replace(SCARCE, slots=2), script) as (stand_in, client):
        stand_in.fail_next("hang")
        big = {"messages": [{"role": "user", "content": "z" * 200}], "priority": 9}
        hanging = asyncio.create_task(client.stream(big, request_id="hanging"))
        await stand_in.ledger.until(lambda ledger: ledger.running == 1)
        streamed = await client.stream(request_id="growing")
        await stand_in.ledger.until(lambda ledger: (ledger.running, ledger.waiting) == (1, 0))
        hanging.cancel()
        await stand_in.ledger.until(lambda ledger: (ledger.running, ledger.waiting) == (0, 0))
        lost, grown = stand_in.ledger.entries
        assert await _metric(client, "kv_cache_usage_perc") == 0
    assert streamed.text == "y" * 400
    assert (lost.preemptions, lost.outcome, grown.preemptions) == (1, Outcome.ABORT, 0)


async def test_who_finds_no_blocks_waits_though_a_slot_is_free_and_past_slots_and_queue_together_comes_a_503() -> None:
    async with standing(replace(SCARCE, slots=2, queue_limit=1)) as (stand_in, client):
        stand_in.fail_next("hang")
        big = {"messages": [{"role": "user", "content": "z" * 300}], "max_tokens": 9}
        hanging = asyncio.create_task(client.stream(big, request_id="hanging"))
        await stand_in.ledger.until(lambda ledger: ledger.running == 1)
        other = {"messages": [{"role": "user", "content": "o" * 300}], "max_tokens": 9}
        queued = [asyncio.create_task(client.stream(other, request_id=f"queued-{number}")) for number in range(2)]
        await stand_in.ledger.until(lambda ledger: ledger.waiting == 2)
        used = await _metric(client, "kv_cache_usage_perc")
        status, _ = await client.ask({"stream": True})
        hanging.cancel()
        assert {(await each).text for each in queued} == {SAYS[:36]}
    assert used == 20 / 32
    assert status == 503


async def test_who_comes_in_the_middle_of_a_step_is_not_turned_away_while_slots_are_free() -> None:
    reading = replace(ROOMY, slots=32, queue_limit=4, prefill_tokens_per_s=1_000.0, prefill_chunk_tokens=128)
    async with standing(reading) as (stand_in, client):
        streams = await asyncio.gather(*(client.stream(LONG, request_id=f"r{number}") for number in range(20)))
        assert stand_in.ledger.peak_waiting > 4
    assert [stream.status for stream in streams] == [200] * 20


async def test_a_client_that_leaves_while_its_prompt_is_read_or_waits_gives_everything_back() -> None:
    async with standing(replace(ROOMY, prefill_tokens_per_s=0.001, slots=1)) as (stand_in, client):
        reading = asyncio.create_task(client.stream(LONG))
        await stand_in.ledger.until(lambda ledger: ledger.running == 1)
        waiting = asyncio.create_task(client.stream(LONG))
        await stand_in.ledger.until(lambda ledger: ledger.waiting == 1)
        waiting.cancel()
        await stand_in.ledger.until(lambda ledger: ledger.waiting == 0)
        reading.cancel()
        await stand_in.ledger.until(lambda ledger: ledger.running == 0)
        assert await _metric(client, "kv_cache_usage_perc") == 0
        assert stand_in.ledger.outcomes()["abort"] == 2
        assert stand_in.ledger.peak_running == 1


async def test_the_metrics_of_the_cache_have_vllms_names() -> None:
    async with standing(ROOMY) as (_, client):
        await client.stream(LONG)
        await client.stream(LONG)
        lines = (await client.get("/metrics"))[1].decode().splitlines()
    assert f"vllm:kv_cache_usage_perc{{{LABELS}}} 0.0" in lines
    assert f"vllm:num_preemptions_total{{{LABELS}}} 0" in lines
    assert f"vllm:prefix_cache_queries_total{{{LABELS}}} {2 * LONG_TOKENS}" in lines
    assert f"vllm:prefix_cache_hits_total{{{LABELS}}} {LONG_CACHED}" in lines
    info = 'block_size="16",enable_prefix_caching="True",engine="0",num_gpu_blocks="4096"'
    assert f"vllm:cache_config_info{{{info}}} 1" in lines


async def test_without_a_cache_there_is_nothing_to_tell_of_one() -> None:
    async with standing() as (_, client):
        assert b"cache_config_info" not in (await client.get("/metrics"))[1]


async def test_slots_and_rate_change_at_run_time_and_the_cache_does_not() -> None:
    async with standing(replace(ROOMY, slots=1, prefill_tokens_per_s=1e9)) as (stand_in, client):
        stand_in.fail_next("hang", "")
        hanging = asyncio.create_task(client.stream())
        await stand_in.ledger.until(lambda ledger: ledger.running == 1)
        queued = asyncio.create_task(client.stream(LONG))
        await stand_in.ledger.until(lambda ledger: ledger.waiting == 1)
        refused, told = await client.post("/control", {"kv_blocks": 5000, "next_faults": ["500"]})
        taken, _ = await client.post("/control", {"slots": 2, "prefill_tokens_per_s": None})
        assert (await queued).text == SAYS
        hanging.cancel()
    assert (refused, taken) == (400, 200)
    assert told["error"]["message"] == "kv_blocks: is fixed at the start"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"kv_blocks": 2047}, "kv_blocks: 2047 blocks of 16 tokens do not hold a window of 32768"),
        ({"prefill_tokens_per_s": 1.0}, "prefill_tokens_per_s: needs kv_blocks"),
        ({"kv_blocks": 2048, "prefill_tokens_per_s": 0.0}, "prefill_tokens_per_s: must be more than 0"),
        ({"keep_alive_s": 0.0}, "keep_alive_s: must be more than 0"),
        ({"time_scale": -1.0}, "time_scale: must not be negative"),
        ({"block_size": 0}, "block_size: must be at least 1"),
    ],
)
def test_settings_that_make_no_sense_are_explained(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        changed(StandInConfig(), fields)


async def test_a_connection_that_is_idle_for_long_enough_is_closed_and_one_that_waits_for_its_answer_is_not() -> None:
    async with StandIn(StandInConfig(keep_alive_s=0.5, first_token_s=0.6), RuleScript(lambda _: SAYS)) as stand_in:
        host, port = stand_in.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        body = b'{"messages":[{"role":"user","content":"Say it."}]}'
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        # Only the end of the connection ends this.
        assert SAYS.encode() in await reader.read()
        writer.close()
        await writer.wait_closed()
