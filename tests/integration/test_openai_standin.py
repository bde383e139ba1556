"""The HTTP adapter against the stand-in: what it reports is what the replica's ledger says."""

import asyncio
from contextlib import aclosing

import pytest

from rao_runtime.adapters.openai_http import OpenAiReplica
from rao_runtime.adapters.openai_reading import Patience
from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.core.usage import Tokens
from rao_runtime.ports import Finished, Message, ModelRequest, ServedModel, TextDelta
from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.ledger import Outcome
from rao_runtime.standin.script import Reply, RuleScript
from rao_runtime.standin.server import StandIn

ANSWER = "<thought>easy</thought><python>finish(42)</python> and never this"
KINDS = {
    "400": FailureKind.REJECTED,
    "404": FailureKind.REJECTED,
    "422": FailureKind.REJECTED,
    "429": FailureKind.BUSY,
    "503": FailureKind.BUSY,
    "500": FailureKind.SERVER,
    "error_in_stream": FailureKind.SERVER,
    "close_before_first": FailureKind.BROKEN,
    "close_mid_stream": FailureKind.BROKEN,
    "garbage": FailureKind.BROKEN,
    "truncated_json": FailureKind.BROKEN,
    "hang": FailureKind.TIMEOUT,
    "hang_after_headers": FailureKind.TIMEOUT,
    "hang_mid_stream": FailureKind.TIMEOUT,
}


def standin(fault: str | None = None, *, per_token_s: float = 0.0) -> StandIn:
    config = StandInConfig(models=("m",), window=4096, chunk_tokens=1, per_token_s=per_token_s)
    return StandIn(config, RuleScript(lambda _: Reply(text=ANSWER, fault=fault, cached_tokens=1)))


def request(request_id: str = "n1-t0-a1") -> ModelRequest:
    return ModelRequest(
        request_id=request_id,
        model="m",
        messages=(Message("system", "s" * 40), Message("user", "u" * 40)),
        max_tokens=100,
        stop=("</python>",),
    )


async def test_text_and_usage_are_those_of_the_ledger() -> None:
    async with standin() as server:
        replica = OpenAiReplica(server.url)
        items = [item async for item in replica.stream(request())]
        assert await replica.served() == (ServedModel("m", 4096),)
        await replica.aclose()
    assert "".join(item.text for item in items if isinstance(item, TextDelta)) == ANSWER.partition("</python>")[0]
    entry = server.ledger.entries[0]
    counted = Tokens(input=entry.prompt_tokens, cached=entry.cached_tokens, output=entry.completion_tokens)
    assert items[-1] == Finished("stop", counted)
    assert (entry.request_id, entry.outcome) == ("n1-t0-a1", Outcome.STOP)


async def test_closing_early_aborts_at_the_replica_and_nothing_produced_goes_unreported() -> None:
    async with standin(per_token_s=3_600.0) as server:
        replica = OpenAiReplica(server.url)
        async with aclosing(replica.stream(request())) as stream:
            first = await asyncio.wait_for(anext(stream), 10)
        async with asyncio.timeout(1):
            await server.ledger.until(lambda ledger: ledger.running == 0)
        await replica.aclose()
    entry = server.ledger.entries[0]
    assert entry.outcome is Outcome.ABORT
    assert isinstance(first, TextDelta)
    assert first.tokens == Tokens(input=entry.prompt_tokens, output=entry.completion_tokens)


@pytest.mark.parametrize(("fault", "kind"), KINDS.items())
async def test_every_fault_is_the_failure_it_is_meant_to_be(fault: str, kind: FailureKind) -> None:
    async with standin(fault) as server:
        replica = OpenAiReplica(server.url, patience=Patience(first_token_s=0.2, inter_token_s=0.2))
        with pytest.raises(ModelError) as failed:
            async for _ in replica.stream(request()):
                pass
        await replica.aclose()
    assert failed.value.kind is kind
    assert len(server.ledger.entries) == 1
