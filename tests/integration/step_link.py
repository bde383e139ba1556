"""A link to Redis that lets a test in before each command: to kill who sends it, or to have others come first."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from rao_runtime.adapters.redis_link import RedisLink
from rao_runtime.adapters.redis_scripts import Script
from rao_runtime.adapters.redis_wire import Arg, Reply
from tests.conformance import redis_servers


class Died(Exception):
    """The process ended here."""


class StepLink(RedisLink):
    """`before` is awaited before each command, with how many came before it. With `twice` each is sent two times."""

    before: Callable[[int], Awaitable[None]] | None = None
    twice = False
    steps = 0

    async def call(self, *command: Arg, patient: bool = False) -> Reply:
        await self._step()
        if self.twice:
            await super().call(*command, patient=patient)
        return await super().call(*command, patient=patient)

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Arg], *, patient: bool = False) -> Reply:
        await self._step()
        if self.twice:
            await super().run(script, keys, args, patient=patient)
        return await super().run(script, keys, args, patient=patient)

    def die_at(self, step: int) -> None:
        """Let that many more commands through, and no other."""
        self.steps = 0

        async def die(done: int) -> None:
            if done >= step:
                raise Died

        self.before = die

    def interrupt_at(self, step: int, act: Callable[[], Awaitable[object]]) -> None:
        """After that many more commands, have this done first."""
        self.steps = 0

        async def interrupt(done: int) -> None:
            if done == step:
                await act()

        self.before = interrupt

    async def keys_left(self) -> set[str]:
        """What is under the prefix, and has no end."""
        self.before = None
        names = await self.call("KEYS", f"{self.keys.prefix}:*")
        return {name.decode() for name in names if await self.call("TTL", name) < 0}

    async def _step(self) -> None:
        done, self.steps = self.steps, self.steps + 1
        if self.before is not None:
            await self.before(done)


@asynccontextmanager
async def step_links(kind: str) -> AsyncGenerator[tuple[StepLink, StepLink]]:
    """Two processes' links to the same new part of a server."""
    url, prefix = redis_servers.shared(kind).url, redis_servers.new_prefix()
    async with StepLink(url, prefix=prefix) as one, StepLink(url, prefix=prefix) as other:
        yield one, other
