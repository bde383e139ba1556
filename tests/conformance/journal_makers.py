"""The stores the journal's conformance suite runs on: add a maker here, and every case runs on it."""

import functools
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from rao_runtime.adapters.memory_blobs import MemoryBlobs
from rao_runtime.adapters.memory_index import MemoryIndex
from rao_runtime.adapters.memory_journal import MemoryJournal
from rao_runtime.adapters.memory_ledger import MemoryLedger
from rao_runtime.adapters.redis_blobs import RedisBlobs
from rao_runtime.adapters.redis_index import RedisIndex
from rao_runtime.adapters.redis_ledger import RedisLedger
from rao_runtime.core.events import Event, EventType, NodeDelta
from rao_runtime.ports import Blobs, Journal, Ledger, TreeEntry, TreeIndex
from tests.conformance import redis_servers


class HandClock:
    """A clock that moves when a test moves it."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """One set of empty stores over one clock."""

    journal: Journal
    index: TreeIndex
    ledger: Ledger
    blobs: Blobs
    clock: HandClock


@asynccontextmanager
async def in_memory() -> AsyncGenerator[Stores]:
    clock = HandClock()
    ledger = MemoryLedger(clock)
    yield Stores(journal=MemoryJournal(), index=MemoryIndex(clock), ledger=ledger, blobs=MemoryBlobs(), clock=clock)


@asynccontextmanager
async def in_redis(kind: str) -> AsyncGenerator[Stores]:
    clock = HandClock()
    url, prefix = redis_servers.shared(kind).url, redis_servers.new_prefix()
    async with redis_servers.redis_journal(url, prefix) as (link, journal):
        index, ledger = RedisIndex(link, clock), RedisLedger(link, clock)
        yield Stores(journal=journal, index=index, ledger=ledger, blobs=RedisBlobs(link), clock=clock)


MAKERS: dict[str, Callable[[], AbstractAsyncContextManager[Stores]]] = {
    "memory": in_memory,
    **{kind: functools.partial(in_redis, kind) for kind in redis_servers.KINDS},
}


def event(seq: int, type: EventType = EventType.NODE_OUTPUT, tree_id: str = "t1") -> Event:  # noqa: A002 - the field's name
    return Event(seq=seq, type=type, tree_id=tree_id, ts=float(seq), node_id="n1", data={"seq": seq, "text": "é\u2028"})


def events(first: int, last: int, tree_id: str = "t1") -> list[Event]:
    return [event(seq, tree_id=tree_id) for seq in range(first, last + 1)]


def delta(offset: int, tree_id: str = "t1") -> NodeDelta:
    return NodeDelta(
        tree_id=tree_id,
        node_id="n1",
        parent_id=None,
        depth=0,
        fork_step=None,
        turn=0,
        attempt=1,
        offset=offset,
        text="x",
        ts=0.0,
    )


def entry(tree_id: str, created_at: float, *, tenant: str = "default", status: str = "submitted") -> TreeEntry:
    return TreeEntry(tree_id=tree_id, tenant=tenant, status=status, created_at=created_at)
