"""The journal in Redis: one stream of events a tree, one script a write, one subscriber a process.

What a tree has in Redis, and under which names, is in `redis_keys`; what is done there in one step, in
`redis_journal_scripts`.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

from rao_runtime.adapters import redis_journal_scripts as scripts
from rao_runtime.adapters.clock import new_tree_id
from rao_runtime.adapters.redis_channels import Channels
from rao_runtime.adapters.redis_events import decode, encode, encode_command, encode_delta
from rao_runtime.adapters.redis_feeds import RENEW_S, Feeds
from rao_runtime.adapters.redis_follow import Follower
from rao_runtime.adapters.redis_link import RedisLink
from rao_runtime.adapters.redis_owners import Owners
from rao_runtime.adapters.redis_reading import Pace, read_events
from rao_runtime.adapters.redis_wire import Arg
from rao_runtime.core.errors import SequenceConflict, StaleFence, UnknownTree
from rao_runtime.core.events import Event, NodeDelta
from rao_runtime.ports import Claim, Command, JournalHealth

MAX_DELTAS = 1_000
DELTAS_KEPT_S = 60
SWEEP_S = 2.0
# Longer than trees are kept otherwise: only a tree that nobody removed comes to this.
KEPT_S = 8 * 24 * 3600.0


class RedisJournal:
    """`ports.Journal` on a Redis, for any number of processes. Use as a context manager, inside the link's.

    `kept_s` is for how long an ended tree stays where nobody deletes it; `max_deltas` bounds what a slow follower of
    deltas leaves unread: the oldest are dropped, events never.
    """

    def __init__(self, link: RedisLink, *, kept_s: float = KEPT_S, max_deltas: int = MAX_DELTAS) -> None:
        self._link = link
        self._kept_s = max(1, round(kept_s))
        self._max_deltas = max_deltas
        # Names every claim, tree and command of this process apart from any other's.
        self._name = new_tree_id()
        self._numbers = itertools.count(1)
        self._channels = Channels(link.address)
        self._feeds = Feeds(link, self._channels, lambda tree_id: self._owners.get(tree_id) is not None)
        self._owners = Owners(link, self._channels, kept_s, self._feeds.owner_changed)
        self._reconnected = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._channels.__aenter__()
        self._link.on_reconnect.append(self._reconnected.set)
        self._task = asyncio.create_task(self._keep(), name="redis-journal")
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._link.on_reconnect.remove(self._reconnected.set)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._channels.__aexit__(exc_type, exc, traceback)

    async def create(self, tree_id: str, events: Sequence[Event] = ()) -> bool:
        """Make a tree with its first events. False, and nothing is changed, where it exists."""
        for seq, event in enumerate(events, 1):
            if event.seq != seq:
                raise SequenceConflict(f"tree {tree_id} expects event {seq}, not {event.seq}")
        born = self._new_name()
        written = [encode(event) for event in events]
        args: list[Arg] = [born]
        for fields in written:
            args += fields
        keys = self._link.keys.tree(tree_id)
        is_made = await self._link.run(scripts.CREATE, [keys.meta, keys.events], args) == 1
        if is_made:
            self._owners.made(tree_id, born, written)
        return is_made

    async def claim(self, tree_id: str) -> Claim:
        """Become the owner: fence + 1. The former owner's `commands` end. Raises UnknownTree."""
        owner = await self._owners.claim(tree_id, self._new_name())
        return Claim(owner.fence, owner.last_seq)

    async def append(self, tree_id: str, fence: int, events: Sequence[Event]) -> None:
        """Add events that follow the last one. Raises StaleFence or SequenceConflict, and then nothing was written."""
        owner = self._owners.get(tree_id)
        if owner is None or owner.fence != fence:
            raise StaleFence(f"fence {fence} of tree {tree_id} is not in force")
        self._expect(tree_id, events[-1].seq if events else 0)
        try:
            await owner.append(events)
        except BaseException as error:
            if isinstance(error, StaleFence) and self._owners.get(tree_id) is owner:
                self._owners.drop(tree_id)
            self._expect(tree_id, 0)
            raise
        feed = self._feeds.get(tree_id)
        if feed is not None:
            feed.push(events)

    async def read(self, tree_id: str, after: int = 0) -> Sequence[Event]:
        """Events with `seq` over `after`. Raises UnknownTree."""
        pace = Pace()
        events = list[Event]()
        while piece := await read_events(self._link, tree_id, after, None, pace):
            events += piece
            after = piece[-1].seq
        if not events:
            await self._check_exists(tree_id)
        return events

    async def last(self, tree_id: str) -> Event | None:
        """The newest event; None where there is none yet. Raises UnknownTree."""
        entries = await self._link.call("XREVRANGE", self._link.keys.tree(tree_id).events, "+", "-", "COUNT", 1)
        if entries:
            return decode(tree_id, entries[0])
        await self._check_exists(tree_id)
        return None

    def follow(
        self, tree_id: str, after: int = 0, *, deltas: bool = False
    ) -> AbstractAsyncContextManager[AsyncIterator[Sequence[Event | NodeDelta]]]:
        """Events after `after` in batches, then live ones as they come.

        Raises UnknownTree when it is entered, and from the iterator when the tree is deleted.
        """
        return Follower(tree_id, after, self._max_deltas if deltas else 0, self._feeds.join, self._feeds.leave)

    def publish(self, delta: NodeDelta) -> None:
        """Offer a delta to whoever follows now. Lost where nobody does, or while Redis is in trouble."""
        owner, feed = self._owners.get(delta.tree_id), self._feeds.get(delta.tree_id)
        if feed is not None:
            feed.offer(feed.last_seq if owner is None else owner.last_seq, delta)
        if owner is not None and owner.wants_deltas:
            keys = owner.keys
            name, value = encode_delta(delta)
            entry = ("MAXLEN", "~", self._max_deltas, "*", "before", owner.last_seq, name, value)
            if self._link.offer("XADD", keys.deltas, *entry):
                self._link.offer("EXPIRE", keys.deltas, DELTAS_KEPT_S)
                self._link.offer("PUBLISH", keys.live, "delta")

    def wants_deltas(self, tree_id: str) -> bool:
        """Whether anybody follows this tree's deltas, so that nobody computes them in vain.

        An owner hears of followers in other processes from its claim on, as long as it listens for commands.
        """
        owner, feed = self._owners.get(tree_id), self._feeds.get(tree_id)
        return (feed is not None and feed.followed_deltas > 0) or (owner is not None and owner.wants_deltas)

    async def send(self, tree_id: str, command: Command) -> None:
        """Leave a command for the owner, this one or the next. Raises UnknownTree."""
        keys = self._link.keys.tree(tree_id)
        args = (self._kept_s, self._new_name(), *encode_command(command))
        if not await self._link.run(scripts.SEND, [keys.meta, keys.commands, keys.owner], args):
            raise UnknownTree(tree_id)

    def commands(self, tree_id: str) -> AsyncIterator[Command]:
        """Commands in the order they were sent; for the owner.

        A command counts as read once the next one is asked for: an owner that dies over one leaves it to its heir. The
        iterator ends when somebody else claims the tree or listens, or the tree is deleted.
        """
        return self._owners.commands(tree_id)

    async def delete(self, tree_id: str) -> None:
        """Erase the tree's events, and end those who follow it. Raises UnknownTree."""
        await self._check_exists(tree_id)
        keys = self._link.keys.tree(tree_id)
        names = [keys.meta, keys.events, keys.commands, keys.deltas, keys.watch, keys.live, keys.owner]
        await self._link.run(scripts.DELETE, names, ())
        self._owners.drop(tree_id)
        feed = self._feeds.get(tree_id)
        if feed is not None:
            feed.go()

    def health(self) -> JournalHealth:
        """Whether Redis takes writes now, as of the last command or probe."""
        return self._link.health()

    async def _check_exists(self, tree_id: str) -> None:
        if not await self._link.call("EXISTS", self._link.keys.tree(tree_id).meta):
            raise UnknownTree(tree_id)

    def _expect(self, tree_id: str, seq: int) -> None:
        """Tell the feed what this process is about to write itself, and need not read; or with 0, that it failed to."""
        feed = self._feeds.get(tree_id)
        if feed is not None:
            feed.coming = seq
            if not seq:
                feed.hear(None)

    def _new_name(self) -> str:
        return f"{self._name}-{next(self._numbers)}"

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        renew_at = loop.time() + RENEW_S
        while True:
            try:
                async with asyncio.timeout(SWEEP_S):
                    await self._reconnected.wait()
                self._reconnected.clear()
                await self._owners.verify()
            except TimeoutError:
                pass
            # While Redis is away nothing is forgotten: what was written just before may have to be written again.
            if self._link.health().ready:
                self._owners.sweep()
            if loop.time() >= renew_at:
                renew_at = loop.time() + RENEW_S
                await self._feeds.renew()
