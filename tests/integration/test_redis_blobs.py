"""Large texts in Redis: in pieces, compressed where it helps, there only once they are whole, checked when read."""

import random
from collections.abc import AsyncGenerator
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.adapters.blob_chunks import CHUNK_BYTES, decode, encode, split
from rao_runtime.adapters.redis_blobs import BlobDamaged, RedisBlobs
from tests.conformance.redis_servers import KINDS
from tests.integration.step_link import Died, StepLink, step_links

NOISE = random.Random(1).randbytes(2 * CHUNK_BYTES + 5)


@pytest.fixture(params=KINDS)
async def link(request: pytest.FixtureRequest) -> AsyncGenerator[StepLink]:
    async with step_links(request.param) as (one, _):
        yield one


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES + 5])
@pytest.mark.parametrize("data", [NOISE, b"text" * CHUNK_BYTES], ids=["noise", "text"])
async def test_texts_of_every_size_come_back_whole(link: StepLink, data: bytes, size: int) -> None:
    blobs = RedisBlobs(link)
    assert await blobs.get("t1", await blobs.put("t1", data[:size])) == data[:size]


@given(data=st.binary(max_size=3_000))
def test_a_chunk_comes_back_and_costs_at_most_one_byte_more(data: bytes) -> None:
    kept = encode(memoryview(data))
    assert decode(kept) == data
    assert len(kept) <= len(data) + 1


@given(kept=st.binary(max_size=200))
def test_no_garbage_breaks_the_reading_of_a_chunk(kept: bytes) -> None:
    try:
        decode(kept)
    except ValueError:
        return
    assert kept[:1] in {b"-", b"z"}


def test_a_text_is_split_without_copies_and_nothing_is_one_piece() -> None:
    assert [len(chunk) for chunk in split(NOISE)] == [CHUNK_BYTES, CHUNK_BYTES, 5]
    assert [len(chunk) for chunk in split(b"")] == [0]
    assert all(chunk.obj is NOISE for chunk in split(NOISE))


async def test_text_takes_less_room_than_it_has_letters(link: StepLink) -> None:
    await RedisBlobs(link).put("t1", b"It was the best of times, it was the worst of times. " * 40_000)
    assert await link.call("MEMORY", "USAGE", link.keys.tree("t1").blobs) < 100_000


async def test_a_text_that_was_broken_off_does_not_exist_and_can_be_put_again(link: StepLink) -> None:
    blobs, digest = RedisBlobs(link), sha256(NOISE).hexdigest()
    for step in range(5):
        link.die_at(step)
        with pytest.raises(Died):
            await blobs.put("t1", NOISE)
        link.before = None
        with pytest.raises(KeyError):
            await blobs.get("t1", digest)
    assert await blobs.put("t1", NOISE) == digest
    assert await blobs.get("t1", digest) == NOISE


async def test_a_text_that_is_there_is_not_sent_again(link: StepLink) -> None:
    blobs = RedisBlobs(link)
    await blobs.put("t1", NOISE)
    link.steps = 0
    await blobs.put("t1", NOISE)
    assert link.steps == 1


async def test_a_text_that_is_not_what_was_kept_is_not_handed_out(link: StepLink) -> None:
    blobs, name = RedisBlobs(link), link.keys.tree("t1").blobs
    digest = await blobs.put("t1", b"good" * 100)
    for kept in (encode(memoryview(b"evil" * 100)), b"z", b"z no frame", b"?", b""):
        await link.call("HSET", name, f"{digest}/0", kept)
        with pytest.raises(BlobDamaged, match=digest):
            await blobs.get("t1", digest)
    await link.call("HDEL", name, f"{digest}/0")
    with pytest.raises(KeyError):
        await blobs.get("t1", digest)


async def test_a_deleted_tree_leaves_no_key(link: StepLink) -> None:
    blobs = RedisBlobs(link)
    await blobs.put("t1", NOISE)
    await blobs.delete("t1")
    assert await link.keys_left() == set()
