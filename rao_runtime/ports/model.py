"""One replica, and what is asked of it."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from rao_runtime.core.usage import Tokens


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message; `role` is `system`, `user` or `assistant`."""

    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One attempt at a completion.

    `request_id` is new for every attempt. `priority` follows vLLM: lower goes first. The completion stops at any
    of `stop`; the stop string itself is not part of the text. `options` are extra body fields, sent as they are.
    """

    request_id: str
    model: str
    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    priority: int = 0
    cache_salt: str | None = None
    traceparent: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Some more text; `tokens` is the count so far where the replica says it (continuous usage), else None."""

    text: str
    tokens: Tokens | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a completion, always the last item.

    `reason` is `stop`, `length` or another of the server's finish reasons; `tokens` is None where it gave no usage.
    """

    reason: str
    tokens: Tokens | None


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model a replica serves; `window` is its context length in tokens, None where it is not told."""

    id: str
    window: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a replica is, as far as it tells; None, or nothing, where it does not.

    `kv_tokens` is the size of its prefix cache, `block_tokens` the step in which it caches. `missing` says in whole
    sentences what an operator should change, and what is lost until then.
    """

    version: str | None = None
    kv_tokens: int | None = None
    block_tokens: int | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """What a replica does at this moment; None where it does not tell.

    `running` and `waiting` are requests, `kv_usage` is from 0 to 1; all others only ever grow, in tokens but for
    `preemptions`, until the replica starts again.
    """

    running: int | None = None
    waiting: int | None = None
    kv_usage: float | None = None
    generated_tokens: int | None = None
    prompt_tokens: int | None = None
    prefix_queries: int | None = None
    prefix_hits: int | None = None
    preemptions: int | None = None


class Model(Protocol):
    """One replica."""

    @property
    def name(self) -> str:
        """How events and logs call it: its base URL, or a label."""
        ...

    def stream(self, request: ModelRequest) -> AsyncGenerator[TextDelta | Finished, None]:
        """The completion, as it is written. Closing the generator early aborts the request at the replica.

        Raises ModelError for anything that goes wrong, before or after the first item.
        """
        ...

    async def served(self) -> tuple[ServedModel, ...]:
        """The models it serves. Raises ModelError when it is not up."""
        ...

    async def traits(self) -> Traits:
        """What it is and what it lacks, looked at once after each start. Raises ModelError when it is not up."""
        ...

    async def vitals(self) -> Vitals:
        """What it does now, asked every second. Raises ModelError when it does not answer."""
        ...

    async def aclose(self) -> None:
        """Give connections back."""
        ...
