"""A completion between the engine's thread and the loop: whatever goes wrong there is a ModelError here."""

import asyncio

import pytest

from rao_runtime.adapters.nano_completion import Completion, Item
from rao_runtime.adapters.nano_feed import Feed
from rao_runtime.core.errors import FailureKind, ModelError


class Bad(Completion):
    """One that cannot even say what is wrong with a chunk."""

    def take(self, chunk: bytes) -> list[Item]:
        raise RecursionError("too deep")


async def failure(feed: Feed) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await feed.next()
    return caught.value


async def test_what_native_code_raises_is_a_broken_call() -> None:
    feed = Feed(Completion(()))
    feed.end(RuntimeError("ggml: out of memory"))
    error = await failure(feed)
    assert (error.kind, str(error)) == (FailureKind.BROKEN, "RuntimeError: ggml: out of memory")


async def test_a_model_error_stays_what_it_is() -> None:
    feed = Feed(Completion(()))
    feed.end(ModelError(FailureKind.REJECTED, "too long", status=400))
    assert (await failure(feed)).kind is FailureKind.REJECTED


async def test_native_code_gets_no_exception_whatever_a_chunk_is() -> None:
    for completion in (Bad(()), Completion(())):
        feed = Feed(completion)
        assert await asyncio.to_thread(feed.take, b"\xff")
        feed.end(None)
        assert (await failure(feed)).kind is FailureKind.BROKEN
