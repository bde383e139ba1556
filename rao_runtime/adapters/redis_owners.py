"""The trees this process has claimed, and the care for what it wrote to them last."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence

from rao_runtime.adapters import redis_journal_scripts as scripts
from rao_runtime.adapters.redis_channels import Channels
from rao_runtime.adapters.redis_commands import Commands
from rao_runtime.adapters.redis_events import Fields
from rao_runtime.adapters.redis_link import RedisLink
from rao_runtime.adapters.redis_owner import ClaimReply, Owner
from rao_runtime.adapters.redis_tail import KEPT_S, MAX_BYTES
from rao_runtime.core.errors import JournalError, UnknownTree
from rao_runtime.ports import Command

log = logging.getLogger(__name__)


class Owners:
    """By tree, the last claim of this process, until it is known to be over. `on_change` is told of both."""

    def __init__(self, link: RedisLink, channels: Channels, kept_s: float, on_change: Callable[[str], None]) -> None:
        self._link = link
        self._channels = channels
        self._kept_s = kept_s
        self._on_change = on_change
        self._owners = dict[str, Owner]()
        self._commands = dict[str, Commands]()
        self._made = dict[str, tuple[float, bytes, Sequence[Fields]]]()

    def get(self, tree_id: str) -> Owner | None:
        """The claim in force here, as far as is known."""
        return self._owners.get(tree_id)

    def made(self, tree_id: str, born: str, events: Sequence[Fields]) -> None:
        """This process has made the tree: its first events can be lost, too."""
        if sum(len(value) for _, value in events) <= MAX_BYTES:
            self._made[tree_id] = (asyncio.get_running_loop().time(), born.encode(), events)

    async def claim(self, tree_id: str, token: str) -> Owner:
        """Become the owner. Waits while Redis is in trouble. Raises UnknownTree."""
        keys = self._link.keys.tree(tree_id)
        reply = await self._link.run(scripts.CLAIM, [keys.meta, keys.watch, keys.owner], (token,), patient=True)
        if reply is None:
            raise UnknownTree(tree_id)
        fence, last_seq, born, is_watched = reply
        self.drop(tree_id)
        claim = ClaimReply(token=token, born=born, fence=fence, last_seq=last_seq)
        _, made_as, made_with = self._made.pop(tree_id, (0.0, b"", ()))
        owner = Owner(self._link, tree_id, claim, made_with=made_with if made_as == born else (), kept_s=self._kept_s)
        if is_watched:
            owner.watched()
        self._owners[tree_id] = owner
        self._on_change(tree_id)
        return owner

    def commands(self, tree_id: str) -> AsyncIterator[Command]:
        """The commands for the claim in force here; none where there is none."""
        owner = self._owners.get(tree_id)
        if owner is None:
            return _none()
        self._end_commands(tree_id)
        self._commands[tree_id] = Commands(self._link, self._channels, owner, self._let_go)
        return self._commands[tree_id]

    def drop(self, tree_id: str) -> None:
        """The claim is over."""
        self._end_commands(tree_id)
        if self._owners.pop(tree_id, None) is not None:
            self._on_change(tree_id)

    async def verify(self) -> None:
        """After Redis was away: give back what it has lost of this process's last writes."""
        async with asyncio.TaskGroup() as group:
            for owner in tuple(self._owners.values()):
                if len(owner.tail):
                    group.create_task(self._verify(owner))

    def sweep(self) -> None:
        """Forget what can no longer be lost, and trees that have ended."""
        now = asyncio.get_running_loop().time()
        for tree_id, owner in tuple(self._owners.items()):
            owner.tail.forget(now)
            if owner.ended and not len(owner.tail):
                self.drop(tree_id)
        self._made = {tree_id: made for tree_id, made in self._made.items() if made[0] > now - KEPT_S}

    async def _verify(self, owner: Owner) -> None:
        try:
            await owner.verify()
        except JournalError as error:
            # Whoever writes to the tree next is told the same; one that has ended has nobody left to tell.
            log.info("after Redis was away: %s", error)

    def _let_go(self, owner: Owner) -> None:
        if self._owners.get(owner.tree_id) is owner:
            self.drop(owner.tree_id)

    def _end_commands(self, tree_id: str) -> None:
        commands = self._commands.pop(tree_id, None)
        if commands is not None:
            commands.end()


async def _none() -> AsyncIterator[Command]:
    for command in ():
        yield command
