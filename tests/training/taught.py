"""The real runtime, with the oracle where the model would be."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from rao_runtime.bootstrap import open_runtime
from rao_runtime.config import Settings
from rao_runtime.core.profile import CallSampling, Profile, PromptVersion
from rao_runtime.core.task import Task
from rao_runtime.engine.runtime import Runtime
from rao_runtime.ports import Message
from rao_runtime.standin.script import Reply
from training.evaluation.oracle_replica import WINDOW, oracle_replica
from training.oracle import completion

MODEL = "taught"
NANO = Profile(model=MODEL, prompt=PromptVersion.NANO, window=WINDOW, sampling=CallSampling(max_tokens=256))

Prompted = Sequence[Message]
Strike = Callable[[Prompted], Reply | None]


@dataclass(frozen=True, slots=True)
class Taught:
    """An open runtime; `said` is every prompt the replica was sent, with what it wrote."""

    runtime: Runtime
    said: list[tuple[tuple[Message, ...], str]]

    async def solve(self, task: Task) -> dict[str, Any]:
        """The tree of this task once it has ended, its nodes with it."""
        tree_id = (await self.runtime.submit(task)).tree_id
        assert await self.runtime.wait(tree_id, timeout_s=60) is not None
        return await self.runtime.tree(tree_id, nodes=True)


@asynccontextmanager
async def taught(strike: Strike = lambda _: None) -> AsyncGenerator[Taught, None]:
    """A runtime with Monty and a replica that writes what the oracle says, unless `strike` has something else."""
    said = list[tuple[tuple[Message, ...], str]]()

    def heard(messages: Prompted) -> Reply:
        struck = strike(messages)
        if struck is not None:
            return struck
        said.append((tuple(messages), completion(messages)))
        return Reply(text=said[-1][1])

    async with oracle_replica(MODEL, heard, call_s=0.0) as url:
        settings = replace(
            Settings(),
            replicas=(url,),
            prime=False,
            redis_url="memory://",
            sandbox_workers=1,
            profiles=(NANO,),
        )
        async with open_runtime(settings) as runtime:
            yield Taught(runtime, said)
