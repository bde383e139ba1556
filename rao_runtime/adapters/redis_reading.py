"""Reads a tree's events in pieces: neither Redis nor this process should hold a great tree at once for one reader."""

from rao_runtime.adapters.redis_events import decode
from rao_runtime.adapters.redis_link import RedisLink
from rao_runtime.core.events import Event

FIRST_COUNT = 100
LARGEST_COUNT = 1_000
AIM_BYTES = 1 << 20


class Pace:
    """How many events one reader asks for at a time, from how large they have been."""

    def __init__(self) -> None:
        self.count = FIRST_COUNT

    def saw(self, events: int, size: int) -> None:
        """Learn from a piece of so many events and bytes."""
        if size > AIM_BYTES:
            self.count = max(1, self.count // 4)
        elif events == self.count:
            self.count = min(LARGEST_COUNT, self.count * 4)


async def read_events(link: RedisLink, tree_id: str, after: int, last: int | None, pace: Pace) -> list[Event]:
    """The next piece of a tree's events, up to `last`; empty where there is none. Raises JournalUnavailable."""
    events = link.keys.tree(tree_id).events
    end = "+" if last is None else f"{last}-0"
    entries = await link.call("XRANGE", events, f"{max(after, 0) + 1}-0", end, "COUNT", pace.count)
    pace.saw(len(entries), sum(len(fields[1]) for _, fields in entries))
    return [decode(tree_id, entry) for entry in entries]
