"""Asks a raw server through the HTTP adapter, in one line."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import pytest

from rao_runtime.adapters.openai_http import OpenAiReplica
from rao_runtime.adapters.openai_reading import Patience
from rao_runtime.core.errors import ModelError
from rao_runtime.ports import Finished, Message, ModelRequest, TextDelta
from tests.integration.raw_server import DONE, RawServer, chunk, chunked

HELLO = chunked(chunk("", role="assistant"), chunk("Hello", usage=(5, 1)), chunk(" you", finish="stop"), DONE)
SHORT = Patience(connect_s=0.2, first_token_s=0.2, inter_token_s=0.2)


def request(
    *, stop: tuple[str, ...] = (), content: str = "Hi", options: dict[str, object] | None = None, priority: int = 0
) -> ModelRequest:
    return ModelRequest(
        request_id="n1-t0-a1",
        model="m",
        messages=(Message("system", "Be brief."), Message("user", content)),
        max_tokens=64,
        temperature=0.5,
        top_p=0.9,
        seed=7,
        stop=stop,
        priority=priority,
        cache_salt="tenant",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        options=options or {},
    )


@asynccontextmanager
async def replica_at(
    url: str, *, api_key: str | None = None, patience: Patience | None = None, vllm_fields: bool = True
) -> AsyncGenerator[OpenAiReplica]:
    replica = OpenAiReplica(url, api_key=api_key, patience=patience, vllm_fields=vllm_fields)
    try:
        yield replica
    finally:
        await replica.aclose()


async def ask(
    server: RawServer, asked: ModelRequest | None = None, *, patience: Patience | None = None
) -> list[TextDelta | Finished]:
    async with replica_at(server.url, patience=patience) as replica, asyncio.timeout(20):
        return [item async for item in replica.stream(asked or request())]


async def failure(server: RawServer, *, patience: Patience | None = None) -> ModelError:
    with pytest.raises(ModelError) as failed:
        await ask(server, patience=patience)
    return failed.value


def text_of(items: Sequence[TextDelta | Finished]) -> str:
    return "".join(item.text for item in items if isinstance(item, TextDelta))
