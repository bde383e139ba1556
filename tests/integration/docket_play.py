"""Trees that do what a test says, and tell what they do; and workers that run them in this process."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from rao_runtime.adapters.docket_dispatch import DocketDispatch, Timing
from rao_runtime.adapters.redis_link import RedisLink
from rao_runtime.adapters.redis_wire import Reply
from rao_runtime.core.errors import CannotReplay
from rao_runtime.ports import RunTree
from tests.conformance.redis_servers import new_prefix

USUAL = Timing()


class Play:
    """A tree runs until it is told to end."""

    def __init__(self) -> None:
        self.starts = Counter[str]()
        self.now = list[tuple[str, str]]()
        self.most = Counter[str]()
        self.ends = asyncio.Event()
        self._changed = asyncio.Event()

    def trees_of(self, worker: str) -> set[str]:
        """What this worker runs now."""
        return {tree_id for name, tree_id in self.now if name == worker}

    def worker(self, name: str, *, raises: Exception | None = None) -> RunTree:
        """A worker's way to run a tree: until `ends`, or into this error."""

        async def run_tree(tree_id: str) -> None:
            self.starts[tree_id] += 1
            self.now.append((name, tree_id))
            self.most[tree_id] = max(self.most[tree_id], sum(each == tree_id for _, each in self.now))
            self._change()
            try:
                if raises is not None:
                    raise raises
                await self.ends.wait()
            finally:
                self.now.remove((name, tree_id))
                self._change()

        return run_tree

    async def until(self, holds: Callable[[], bool], *, within_s: float = 20.0) -> None:
        """Wait for something to be so. Raises TimeoutError."""
        async with asyncio.timeout(within_s):
            while not holds():
                await self._changed.wait()

    async def never(self, holds: Callable[[], bool], *, for_s: float) -> None:
        """Watch that something does not happen for so long."""
        try:
            await self.until(holds, within_s=for_s)
        except TimeoutError:
            return
        raise AssertionError(f"it happened: {self.now}")

    def _change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


async def once(holds: Callable[[], object], *, within_s: float = 20.0) -> None:
    """Wait for something that nothing tells of. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not holds():
            await a_moment()


async def a_moment() -> None:
    """Between two looks at something."""
    await asyncio.wait([asyncio.get_running_loop().create_future()], timeout=0.02)


@dataclass(frozen=True, slots=True)
class Place:
    """A docket of a test's own."""

    url: str
    name: str = field(default_factory=lambda: f"{new_prefix()}:{{docket}}")

    def dispatch(
        self,
        run_tree: RunTree,
        *,
        url: str | None = None,
        room: int = 100,
        max_queued: int = 1_000,
        works: bool = True,
        timing: Timing = USUAL,
    ) -> DocketDispatch:
        """A worker."""
        return DocketDispatch(
            run_tree,
            url=url or self.url,
            name=self.name,
            max_active=room,
            max_queued=max_queued,
            works=works,
            timing=timing,
        )

    def gateway(self, *, url: str | None = None, max_queued: int = 1_000, patience_s: float = 5.0) -> DocketDispatch:
        """A process that only hands out."""
        timing = Timing(patience_s=patience_s)
        return self.dispatch(no_tree, url=url, max_queued=max_queued, works=False, timing=timing)

    async def ask(self, *command: str) -> Reply:
        """What the server answers."""
        async with RedisLink(self.url) as link:
            return await link.call(*command)

    async def lasting(self) -> set[str]:
        """The keys of docket's that do not end by themselves."""
        keys = [key for key in await self.ask("KEYS", f"{self.name}*") if await self.ask("TTL", key) == -1]
        return {key.decode().removeprefix(self.name) for key in keys}

    async def keeps(self, tree_id: str, *, for_s: float) -> None:
        """Watch that a tree stays a worker's for so long."""
        try:
            async with asyncio.timeout(for_s):
                while await self._is_held(tree_id):
                    await a_moment()
        except TimeoutError:
            return
        raise AssertionError(f"{tree_id} is nobody's")

    async def gone(self) -> None:
        """Wait until there is nothing left of any tree. Raises TimeoutError."""
        async with asyncio.timeout(20):
            while any(part in key for key in await self.lasting() for part in (":runs:", ":progress:", ":queue")):
                await a_moment()

    async def _is_held(self, tree_id: str) -> bool:
        held, *_ = await self.ask("XPENDING", f"{self.name}:stream", "docket-workers")
        return held == 1 and await self.ask("HGET", f"{self.name}:runs:{tree_id}", "state") == b"running"


async def no_tree(tree_id: str) -> None:
    """A gateway runs none."""
    raise CannotReplay(tree_id)
