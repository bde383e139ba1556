"""The real runtime, with the oracle where the model would be."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from rao_runtime.bootstrap import open_runtime
from rao_runtime.config import Settings
from rao_runtime.core.profile import CallSampling, Profile, PromptVersion
from rao_runtime.core.task import Task
from rao_runtime.engine.runtime import Runtime
from rao_runtime.ports import Message
from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.request import ChatRequest
from rao_runtime.standin.script import Reply, RuleScript
from rao_runtime.standin.server import StandIn
from training.oracle import completion

WINDOW = 1024
NANO = Profile(model="stand-in", prompt=PromptVersion.NANO, window=WINDOW, sampling=CallSampling(max_tokens=256))

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


@dataclass(slots=True)
class Oracle:
    """Writes what the oracle says, unless `strike` has something else for a prompt."""

    strike: Strike
    said: list[tuple[tuple[Message, ...], str]] = field(default_factory=list[tuple[tuple[Message, ...], str]])

    def rule(self, request: ChatRequest) -> Reply:
        """The reply to this request."""
        messages = tuple(Message(message.role, message.text) for message in request.messages)
        struck = self.strike(messages)
        if struck is not None:
            return struck
        self.said.append((messages, completion(messages)))
        return Reply(text=self.said[-1][1])


@asynccontextmanager
async def taught(strike: Strike = lambda _: None) -> AsyncGenerator[Taught, None]:
    """A runtime with Monty and a replica that refuses what does not fit the window, at three characters a token."""
    oracle = Oracle(strike)
    config = StandInConfig(window=WINDOW, chars_per_token=3)
    async with StandIn(config, RuleScript(oracle.rule)) as stand_in:
        settings = replace(
            Settings(),
            replicas=(stand_in.url,),
            prime=False,
            redis_url="memory://",
            sandbox_workers=1,
            profiles=(NANO,),
        )
        async with open_runtime(settings) as runtime:
            yield Taught(runtime, oracle.said)
