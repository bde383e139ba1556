"""The trees that are followed in this process."""

import asyncio
from collections.abc import Callable

from rao_runtime.adapters import redis_journal_scripts as scripts
from rao_runtime.adapters.redis_channels import Channels
from rao_runtime.adapters.redis_feed import Feed
from rao_runtime.adapters.redis_follow import Follower
from rao_runtime.adapters.redis_link import RedisLink
from rao_runtime.adapters.redis_owner import WATCH_S
from rao_runtime.core.errors import JournalUnavailable, UnknownTree

RENEW_S = WATCH_S / 3


class Feeds:
    """One feed a tree while anybody here follows it. `is_owned` tells whether this process writes the tree itself."""

    def __init__(self, link: RedisLink, channels: Channels, is_owned: Callable[[str], bool]) -> None:
        self._link = link
        self._channels = channels
        self._is_owned = is_owned
        self._feeds = dict[str, Feed]()

    def get(self, tree_id: str) -> Feed | None:
        """The tree's feed, if it is followed here."""
        return self._feeds.get(tree_id)

    async def join(self, follower: Follower) -> Feed:
        """Let a follower hear of its tree. Raises UnknownTree, JournalUnavailable."""
        feed = self._open(follower.tree_id)
        feed.followers[follower] = None
        try:
            if not await feed.look():
                raise UnknownTree(follower.tree_id)
            if follower.wants_deltas:
                feed.followed_deltas += 1
                await self._watch(feed)
        except BaseException:
            self.leave(follower, feed)
            raise
        return feed

    def leave(self, follower: Follower, feed: Feed) -> None:
        """The end of `join`."""
        del feed.followers[follower]
        feed.followed_deltas = sum(each.wants_deltas for each in feed.followers)
        if not feed.followers:
            self._channels.leave(feed.keys.live, feed.hear)
            if self._feeds.get(feed.tree_id) is feed:
                del self._feeds[feed.tree_id]

    def owner_changed(self, tree_id: str) -> None:
        """This process has begun or ceased to write the tree."""
        feed = self._feeds.get(tree_id)
        if feed is not None:
            feed.reads_deltas = not self._is_owned(tree_id)

    async def renew(self) -> None:
        """Say again that deltas are followed here. Call it every RENEW_S."""
        async with asyncio.TaskGroup() as group:
            for feed in tuple(self._feeds.values()):
                if feed.followed_deltas:
                    group.create_task(self._renew(feed))

    async def _renew(self, feed: Feed) -> None:
        try:
            await self._watch(feed)
        except JournalUnavailable:
            return

    async def _watch(self, feed: Feed) -> None:
        if feed.reads_deltas:
            keys = feed.keys
            await self._link.run(scripts.WATCH, [keys.meta, keys.watch, keys.owner], (WATCH_S,))

    def _open(self, tree_id: str) -> Feed:
        feed = self._feeds.get(tree_id)
        if feed is None or feed.gone:
            feed = self._feeds[tree_id] = Feed(self._link, tree_id)
            feed.reads_deltas = not self._is_owned(tree_id)
            self._channels.listen(feed.keys.live, feed.hear)
        return feed
