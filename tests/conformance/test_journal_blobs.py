"""What every store of contexts promises."""

from collections.abc import AsyncIterator
from hashlib import sha256

import pytest

from rao_runtime.ports import Blobs
from tests.conformance.journal_makers import MAKERS


@pytest.fixture(params=MAKERS)
async def blobs(request: pytest.FixtureRequest) -> AsyncIterator[Blobs]:
    async with MAKERS[request.param]() as stores:
        yield stores.blobs


@pytest.mark.parametrize("data", [b"", b"text", bytes(range(256)) * 1000], ids=len)
async def test_bytes_come_back_under_their_hash(blobs: Blobs, data: bytes) -> None:
    digest = await blobs.put("t1", data)
    assert digest == sha256(data).hexdigest()
    assert await blobs.get("t1", digest) == data


async def test_equal_bytes_have_one_name(blobs: Blobs) -> None:
    assert await blobs.put("t1", b"same") == await blobs.put("t1", b"same")


async def test_bytes_belong_to_their_tree(blobs: Blobs) -> None:
    digest = await blobs.put("t1", b"text")
    with pytest.raises(KeyError):
        await blobs.get("t2", digest)
    with pytest.raises(KeyError):
        await blobs.get("t1", sha256(b"other").hexdigest())


async def test_deleting_drops_all_of_one_tree_and_nothing_else(blobs: Blobs) -> None:
    kept = await blobs.put("t2", b"text")
    gone = await blobs.put("t1", b"text")
    await blobs.delete("t1")
    await blobs.delete("t1")
    with pytest.raises(KeyError):
        await blobs.get("t1", gone)
    assert await blobs.get("t2", kept) == b"text"
