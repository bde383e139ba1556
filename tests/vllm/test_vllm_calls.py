"""The HTTP adapter against a real vLLM: what it hands out, and that it counts as vLLM does."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing

import pytest

from rao_runtime.adapters.openai_http import OpenAiReplica
from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.core.usage import Tokens
from rao_runtime.ports import Finished, Message, ModelRequest, ServedModel, TextDelta
from tests.vllm.counters import Metrics
from tests.vllm.served_models import NAMES, NUMBER_PATTERN, PLAIN
from tests.vllm.tiny_model import WINDOW

SYSTEM = "You work in turns, and what you write has no meaning at all. " * 20
FOREVER = {"ignore_eos": True}
NUMBERED = {"structured_outputs": {"regex": NUMBER_PATTERN}}


def request(
    content: str,
    *,
    max_tokens: int = 256,
    seed: int | None = 7,
    stop: tuple[str, ...] = (),
    options: Mapping[str, object] | None = None,
    priority: int = 0,
    model: str = PLAIN,
) -> ModelRequest:
    return ModelRequest(
        request_id=f"test-{content}-{seed}",
        model=model,
        messages=(Message("system", SYSTEM), Message("user", content)),
        max_tokens=max_tokens,
        seed=seed,
        stop=stop,
        priority=priority,
        cache_salt="tests",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        options=options or {},
    )


async def ask(replica: OpenAiReplica, asked: ModelRequest) -> tuple[str, Finished, Sequence[TextDelta]]:
    items = [item async for item in replica.stream(asked)]
    last = items.pop()
    assert isinstance(last, Finished)
    deltas = [item for item in items if isinstance(item, TextDelta)]
    return "".join(delta.text for delta in deltas), last, deltas


async def tokens_of(replica: OpenAiReplica, asked: ModelRequest) -> Tokens:
    _, finished, _ = await ask(replica, asked)
    assert finished.tokens is not None
    return finished.tokens


async def test_it_serves_the_model_under_every_name(replica: OpenAiReplica) -> None:
    assert await replica.served() == tuple(ServedModel(name, WINDOW) for name in NAMES)


# --- streaming and usage ----------------------------------------------------------------------------------------------


async def test_text_comes_while_the_model_still_writes(replica: OpenAiReplica, metrics: Metrics) -> None:
    before = await metrics.until()
    stream = replica.stream(request("stream", max_tokens=1000, options=FOREVER))
    async with aclosing(stream):
        first = await anext(stream)
        meanwhile = await metrics.now()
        rest = [item async for item in stream]
    assert isinstance(first, TextDelta)
    assert meanwhile.running == 1
    assert meanwhile.since(before).output < 1000
    assert sum(1 for item in rest if isinstance(item, TextDelta) and item.text) > 20
    assert rest[-1] == Finished("length", (await metrics.until(ended=before.ended + 1)).since(before))


async def test_the_count_told_with_each_piece_grows_to_the_final_one(replica: OpenAiReplica) -> None:
    _, finished, deltas = await ask(replica, request("count", max_tokens=300, options=FOREVER))
    assert finished.tokens is not None
    counts = [delta.tokens.output for delta in deltas if delta.tokens is not None]
    assert len(counts) == len(deltas)
    assert counts == sorted(counts)
    assert counts[0] < counts[-1] <= finished.tokens.output == 300
    assert {delta.tokens.input for delta in deltas if delta.tokens is not None} == {finished.tokens.input}


async def test_a_prompt_sent_again_comes_from_the_cache_and_both_count_alike(
    replica: OpenAiReplica, metrics: Metrics
) -> None:
    before = await metrics.until()
    first = await tokens_of(replica, request("again"))
    between = await metrics.until(ended=before.ended + 1)
    again = await tokens_of(replica, request("again"))
    after = await metrics.until(ended=before.ended + 2)
    assert between.since(before) == first
    assert after.since(between) == again
    assert again.input == first.input
    assert 0 < again.cached < again.input
    assert first.cached <= again.cached


async def test_another_tenants_salt_shares_no_cache(replica: OpenAiReplica) -> None:
    await tokens_of(replica, request("salted"))
    stranger = ModelRequest(
        request_id="stranger",
        model=PLAIN,
        messages=request("salted").messages,
        max_tokens=8,
        cache_salt="somebody else",
    )
    assert (await tokens_of(replica, stranger)).cached == 0


async def test_a_stream_that_is_closed_is_aborted(replica: OpenAiReplica, metrics: Metrics) -> None:
    before = await metrics.until()
    async with aclosing(replica.stream(request("closed", max_tokens=6000, options=FOREVER))) as stream:
        told = await anext(stream)
        assert (await metrics.now()).running == 1
    after = await metrics.until()
    assert isinstance(told, TextDelta)
    assert told.tokens is not None
    assert told.tokens.output <= after.since(before).output < 6000


# --- endings ----------------------------------------------------------------------------------------------------------


async def test_a_stop_string_ends_the_text_before_it_and_the_writing_with_it(
    replica: OpenAiReplica, metrics: Metrics
) -> None:
    before = await metrics.until()
    whole, unstopped, _ = await ask(replica, request("stop", options=NUMBERED))
    between = await metrics.until(ended=before.ended + 1)
    text, stopped, _ = await ask(replica, request("stop", options=NUMBERED, stop=("</python>",)))
    after = await metrics.until(ended=before.ended + 2)
    assert text == whole.partition("</python>")[0]
    assert len(whole) >= len(text) + len("</python>") + 100
    assert (stopped.reason, unstopped.reason) == ("stop", "stop")
    assert stopped.tokens == after.since(between)
    assert after.since(between).output < between.since(before).output


async def test_a_completion_at_its_limit_ends_with_length(replica: OpenAiReplica) -> None:
    _, finished, _ = await ask(replica, request("short", max_tokens=5, options=FOREVER))
    assert finished.reason == "length"
    assert finished.tokens is not None
    assert finished.tokens.output == 5


async def test_a_choice_is_written_as_it_stands(replica: OpenAiReplica) -> None:
    wanted = "<thought>ünïcode, 日本</thought><python>\nfinish('\\n')"
    text, finished, _ = await ask(replica, request("choose", options={"structured_outputs": {"choice": [wanted]}}))
    assert (text, finished.reason) == (wanted, "stop")


async def test_the_same_seed_draws_the_same_text_and_another_seed_another(replica: OpenAiReplica) -> None:
    texts = [(await ask(replica, request("seed", max_tokens=64, seed=seed)))[0] for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


async def test_calls_at_once_get_each_their_own_text(replica: OpenAiReplica) -> None:
    alone = [(await ask(replica, request("many", max_tokens=32, seed=seed)))[0] for seed in range(8)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ask(replica, request("many", max_tokens=32, seed=seed))) for seed in range(8)]
    assert [task.result()[0] for task in tasks] == alone


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        (request("who", model="nobody"), 404, "`nobody` does not exist"),
        (request("a pattern", options={"structured_outputs": {"regex": "("}}), 400, "inside the stream: Grammar error"),
        (request("an option", options={"min_p": 7}), 400, "min_p must be in"),
        (request("too long " * 5_000), 400, "maximum context length is 8192 tokens"),
        (request("too much", max_tokens=WINDOW + 1), 400, "max_model_len=8192"),
    ],
    ids=["unknown model", "bad pattern", "bad option", "prompt over the window", "completion over the window"],
)
async def test_what_vllm_refuses_is_told_in_its_words(
    replica: OpenAiReplica, asked: ModelRequest, status: int, says: str
) -> None:
    with pytest.raises(ModelError, match=says) as refused:
        await ask(replica, asked)
    assert (refused.value.kind, refused.value.status) == (FailureKind.REJECTED, status)
