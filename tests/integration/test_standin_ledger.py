"""What the stand-in tells about itself: ledger, metrics, models, and its settings at run time."""

import asyncio
import random

import orjson
import pytest

from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.ledger import Ledger, Outcome
from rao_runtime.standin.script import RuleScript
from tests.integration.standin_client import SAYS, standing


async def test_the_ledger_equals_what_clients_counted() -> None:
    luck = random.Random(5)
    asked = [
        {"messages": [{"role": "user", "content": "x" * luck.randrange(200)}], "max_tokens": luck.choice([2, 5, 500])}
        for _ in range(60)
    ]
    script = RuleScript(lambda request: "word " * len(request.first("user")))
    async with standing(StandInConfig(slots=7, jitter=0.5, first_token_s=0.001), script) as (stand_in, client):
        told = await asyncio.gather(*[client.stream(fields, request_id=f"r{i}") for i, fields in enumerate(asked)])
        ledger = stand_in.ledger
    usages = [stream.usage or {} for stream in told]
    by_id = {entry.request_id: entry for entry in ledger.entries}
    for number, (stream, usage) in enumerate(zip(told, usages, strict=True)):
        entry = by_id[f"r{number}"]
        assert entry.outcome == stream.finish_reason
        assert (entry.prompt_tokens, entry.completion_tokens) == (usage["prompt_tokens"], usage["completion_tokens"])
    assert ledger.totals() == {
        "requests": 60,
        "prompt_tokens": sum(usage["prompt_tokens"] for usage in usages),
        "cached_tokens": 0,
        "completion_tokens": sum(usage["completion_tokens"] for usage in usages),
    }
    assert ledger.outcomes()["stop"] + ledger.outcomes()["length"] == 60
    assert (ledger.running, ledger.waiting, ledger.peak_running) == (0, 0, 7)


async def test_an_entry_tells_arrival_admission_first_chunk_and_end_in_that_order() -> None:
    async with standing(StandInConfig(first_token_s=0.002, per_token_s=0.0001, chunk_tokens=2)) as (stand_in, client):
        await client.stream()
        entry = stand_in.ledger.entries[0]
    assert entry.admitted_s is not None
    assert entry.first_s is not None
    assert entry.ended_s is not None
    assert entry.arrived_s <= entry.admitted_s <= entry.first_s <= entry.ended_s
    assert entry.first_s - entry.admitted_s >= 0.002
    assert entry.ended_s - entry.admitted_s >= 0.002 + 12 * 0.0001


async def test_the_ledger_over_http_is_the_ledger() -> None:
    async with standing() as (stand_in, client):
        await client.stream({"model": "stand-in", "priority": 3}, request_id="abc")
        told = orjson.loads((await client.get("/ledger"))[1])
        short = orjson.loads((await client.get("/ledger?entries=0"))[1])
        assert told["totals"] == stand_in.ledger.totals()
    entry = told["entries"][0]
    assert (entry["request_id"], entry["model"], entry["priority"]) == ("abc", "stand-in", 3)
    assert (entry["outcome"], entry["completion_tokens"]) == ("stop", 13)
    assert told["outcomes"]["stop"] == 1
    assert "entries" not in short
    assert short["totals"] == told["totals"]


async def test_a_reset_forgets_what_has_ended_and_keeps_what_runs() -> None:
    async with standing() as (stand_in, client):
        await client.stream(request_id="over")
        stand_in.fail_next("hang")
        hanging = asyncio.create_task(client.stream(request_id="live"))
        await stand_in.ledger.until(lambda ledger: ledger.running == 1)
        _, told = await client.post("/ledger/reset", None)
        hanging.cancel()
        await stand_in.ledger.until(lambda ledger: ledger.running == 0)
        assert stand_in.ledger.outcomes()["abort"] == 1
    assert [entry["request_id"] for entry in told["entries"]] == ["live"]
    assert (told["running"], told["peak_running"]) == (1, 1)


async def test_until_returns_at_once_where_the_condition_holds_and_leaves_nothing_behind_when_cancelled() -> None:
    ledger = Ledger(lambda: 0.0)
    await ledger.until(lambda ledger: ledger.running == 0)
    waiting = asyncio.create_task(ledger.until(lambda ledger: ledger.running == 1))
    await asyncio.wait([waiting], timeout=0)
    waiting.cancel()
    await asyncio.wait([waiting])
    ledger.admit(ledger.arrive("a"))
    await ledger.until(lambda ledger: ledger.running == 1)


def test_only_the_first_outcome_of_a_request_counts() -> None:
    ledger = Ledger(lambda: 0.0)
    entry = ledger.arrive("a")
    ledger.admit(entry)
    ledger.close(entry, Outcome.STOP)
    ledger.close(entry, Outcome.ABORT)
    assert entry.outcome is Outcome.STOP
    assert (ledger.running, ledger.waiting) == (0, 0)


async def test_metrics_have_vllms_names_and_the_ledgers_figures() -> None:
    async with standing(StandInConfig(models=("m",), slots=1)) as (stand_in, client):
        await client.stream({"model": "m"})
        await client.stream({"model": "m", "max_tokens": 3})
        stand_in.fail_next("hang")
        tasks = [asyncio.create_task(client.stream({"model": "m"})) for _ in range(3)]
        await stand_in.ledger.until(lambda ledger: ledger.running == 1 and ledger.waiting == 2)
        status, body = await client.get("/metrics")
        for task in tasks:
            task.cancel()
    lines = body.decode().splitlines()
    labels = 'engine="0",model_name="m"'
    assert status == 200
    assert f"vllm:num_requests_running{{{labels}}} 1" in lines
    assert f"vllm:num_requests_waiting{{{labels}}} 2" in lines
    assert f"vllm:prompt_tokens_total{{{labels}}} 18" in lines
    assert f"vllm:generation_tokens_total{{{labels}}} 16" in lines
    assert f'vllm:request_success_total{{{labels},finished_reason="stop"}} 1' in lines
    assert f'vllm:request_success_total{{{labels},finished_reason="length"}} 1' in lines
    assert f'vllm:request_success_total{{{labels},finished_reason="abort"}} 0' in lines


async def test_models_tell_their_window() -> None:
    async with standing(StandInConfig(models=("big", "small"), window=4096)) as (_, client):
        told = orjson.loads((await client.get("/v1/models"))[1])
    assert told["object"] == "list"
    assert [(model["id"], model["max_model_len"]) for model in told["data"]] == [("big", 4096), ("small", 4096)]


async def test_health_and_version_answer() -> None:
    async with standing() as (_, client):
        assert await client.get("/health") == (200, b"")
        assert "version" in orjson.loads((await client.get("/version"))[1])


async def test_an_unknown_path_is_404_and_a_wrong_method_405() -> None:
    async with standing() as (_, client):
        missing, told = await client.get("/v1/nothing")
        wrong, _ = await client.get("/v1/chat/completions")
    assert (missing, wrong) == (404, 405)
    assert orjson.loads(told)["error"]["type"] == "NotFoundError"


async def test_control_changes_settings_for_the_requests_to_come() -> None:
    changes = {"models": ["other"], "window": 100, "faults": {"500": 1.0}, "next_faults": ["503"]}
    async with standing() as (stand_in, client):
        status, _ = await client.post("/control", changes)
        told = [await client.ask({"model": "other"}) for _ in range(2)]
        assert stand_in.config.models == ("other",)
        assert stand_in.config.slots == StandInConfig().slots
    assert status == 200
    assert [code for code, _ in told] == [503, 500]


@pytest.mark.parametrize(
    "changes",
    [
        {"slot": 1},
        {"slots": 0},
        {"slots": "many"},
        {"models": "m"},
        {"slots": 3, "next_faults": ["flood"]},
        {"next_faults": 7},
        {"next_faults": [0]},
        {"next_faults": [None]},
        {"next_faults": [["500"]]},
        {"next_faults": {"500": 1}},
        {"faults": {"flood": 1}},
        [],
        7,
        None,
    ],
)
async def test_control_refuses_what_makes_no_sense_and_changes_nothing(changes: object) -> None:
    async with standing() as (stand_in, client):
        before = stand_in.config
        status, told = await client.post("/control", changes)
        assert stand_in.config == before
        assert (await client.stream()).text == SAYS
    assert status == 400
    assert told["error"]["message"]


async def test_the_same_seed_and_ids_give_the_same_bytes() -> None:
    config = StandInConfig(seed=3, jitter=0.9, chunk_tokens=2, faults={"error_in_stream": 0.3, "no_usage": 0.3})

    async def bodies() -> list[bytes]:
        async with standing(config) as (_, client):
            return [(await client.stream(request_id=f"r{number}")).body for number in range(12)]

    first = await bodies()
    assert await bodies() == first
    assert len({len(body) for body in first}) > 1
