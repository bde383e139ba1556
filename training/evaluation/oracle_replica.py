"""The oracle in a model's place: what the evaluation shows of a policy that makes no mistakes."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager

from rao_runtime.ports import Message
from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.request import ChatRequest
from rao_runtime.standin.script import Reply, RuleScript
from rao_runtime.standin.server import StandIn
from training.oracle import completion

WINDOW = 1024
# About what a call takes where a real model runs alone: without it, there would be nothing to gain from many at once.
CALL_S = 0.01

Strike = Callable[[Sequence[Message]], Reply | str | None]


@asynccontextmanager
async def oracle_replica(
    model: str, strike: Strike = lambda _: None, *, call_s: float = CALL_S
) -> AsyncGenerator[str, None]:
    """The URL of a replica that writes what the oracle says, unless `strike` has something else for a prompt."""

    def rule(request: ChatRequest) -> Reply:
        messages = [Message(message.role, message.text) for message in request.messages]
        struck = strike(messages)
        said = completion(messages) if struck is None else struck
        return Reply(text=said) if isinstance(said, str) else said

    config = StandInConfig(models=(model,), window=WINDOW, chars_per_token=3, first_token_s=call_s)
    async with StandIn(config, RuleScript(rule)) as stand_in:
        yield stand_in.url
