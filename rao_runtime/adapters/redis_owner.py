"""An owner's writing of one tree: what it claimed, what it wrote last, and what to do when Redis does not have it."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from rao_runtime.adapters import redis_journal_scripts as scripts
from rao_runtime.adapters.redis_events import Fields, encode
from rao_runtime.adapters.redis_keys import TreeKeys
from rao_runtime.adapters.redis_link import RedisLink
from rao_runtime.adapters.redis_tail import Tail
from rao_runtime.adapters.redis_wire import Arg, Reply
from rao_runtime.core.errors import JournalError, SequenceConflict, StaleFence
from rao_runtime.core.events import Event

# How long somebody who follows the deltas is believed to.
WATCH_S = 30

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimReply:
    """What a claim gave: `token` names it, `born` names this making of the tree, should its id come back."""

    token: str
    born: bytes
    fence: int
    last_seq: int


class Owner:
    """One claim of this process. `last_seq` is the last event known to be in the journal.

    `made_with` are the events this process made the tree with, if it did: the start of the tail.
    """

    def __init__(
        self, link: RedisLink, tree_id: str, claim: ClaimReply, *, made_with: Sequence[Fields], kept_s: float
    ) -> None:
        self.tree_id = tree_id
        self.token = claim.token
        self.fence = claim.fence
        self.last_seq = claim.last_seq
        self._deltas_until = 0.0
        self.ended = False
        self.tail = Tail(claim.last_seq)
        self.keys: TreeKeys = link.keys.tree(tree_id)
        self._link = link
        # What is written anew and what comes next must not overtake each other.
        self._writing = asyncio.Lock()
        self._server = link.server
        self._head: tuple[Arg, ...] = (claim.born, claim.fence, claim.token)
        self._kept_s = max(1, round(kept_s))
        if len(made_with) == claim.last_seq:
            self.tail = Tail(0)
            self.tail.add(made_with, asyncio.get_running_loop().time())

    @property
    def wants_deltas(self) -> bool:
        """Whether somebody in another process follows the deltas."""
        return not self.ended and asyncio.get_running_loop().time() < self._deltas_until

    def watched(self) -> None:
        """Somebody says that it follows the deltas; it says so again while it does."""
        self._deltas_until = asyncio.get_running_loop().time() + WATCH_S

    async def append(self, events: Sequence[Event]) -> None:
        """Write events that follow `last_seq`. Raises StaleFence, SequenceConflict or JournalError."""
        async with self._writing:
            for seq, event in enumerate(events, self.last_seq + 1):
                if event.seq != seq:
                    raise SequenceConflict(f"tree {self.tree_id} expects event {seq}, not {event.seq}")
            ends = any(event.is_end for event in events)
            await self._write([encode(event) for event in events], ends=ends)
            self.last_seq += len(events)
            self.ended = self.ended or ends

    async def verify(self) -> None:
        """Give Redis back what it has lost of the last few seconds, if it has. Raises as `append`."""
        async with self._writing:
            await self._write([], ends=self.ended)

    async def _write(self, batch: list[Fields], *, ends: bool) -> None:
        after, sent = self.last_seq, batch
        while (answer := await self._run(after, sent, ends=ends)) != 0:
            after, sent = await self._mend(answer, batch, after)
        now = asyncio.get_running_loop().time()
        self.tail.forget(now)
        self.tail.add(batch, now)
        self._server = self._link.server

    async def _run(self, after: int, fields: Sequence[Fields], *, ends: bool) -> Reply:
        keys = self.keys
        names = [keys.meta, keys.events, keys.live]
        if ends:
            names += [keys.blobs, keys.entry, keys.commands, keys.deltas, keys.watch]
        args: list[Arg] = [*self._head, after, self._kept_s]
        for name, value in fields:
            args += (name, value)
        script = scripts.APPEND_END if ends else scripts.APPEND
        return await self._link.run(script, names, args, patient=True)

    async def _mend(self, answer: Reply, batch: list[Fields], after: int) -> tuple[int, list[Fields]]:
        """From which event on to write again, and what."""
        match answer:
            case [b"behind", int(seq)]:
                return seq, self._again_from(seq, batch)
            case [b"gone", _] if self._was_lost():
                await self._link.run(
                    scripts.RESTORE, [self.keys.meta, self.keys.events], list(self._head), patient=True
                )
                return 0, self._again_from(0, batch)
            case [b"conflict", int(seq)]:
                raise SequenceConflict(f"tree {self.tree_id} is at event {seq}, not {after}")
            case _:
                raise StaleFence(f"fence {self.fence} of tree {self.tree_id} is not in force")

    def _again_from(self, seq: int, batch: list[Fields]) -> list[Fields]:
        lost = self.tail.since(seq)
        if lost is None:
            message = f"Redis has lost events of tree {self.tree_id} after {seq}, more than can be written again"
            log.error("%s", message)
            raise JournalError(message)
        log.warning("Redis had lost %d events of tree %s; writing them again", len(lost), self.tree_id)
        return lost + batch

    def _was_lost(self) -> bool:
        """Whether the tree is gone because Redis lost it, not because somebody deleted it.

        Only an ended tree is ever deleted, and a server that has not restarted since has lost nothing.
        """
        return not self.ended and self.tail.starts_after == 0 and self._server != self._link.server
