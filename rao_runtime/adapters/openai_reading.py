"""Reads one streamed completion: waits no longer than it may, and decides when the stream is at its end."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from rao_runtime.adapters.openai_completion import Completion
from rao_runtime.adapters.openai_sse import SseParser
from rao_runtime.adapters.openai_wire import Reply
from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.ports import Finished, TextDelta

LAST_BYTES_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a replica may take: to connect, for the first token (queueing included), for each further one.

    `look_s` is for each page on which it tells of itself.
    """

    connect_s: float = 5.0
    first_token_s: float = 120.0
    inter_token_s: float = 60.0
    look_s: float = 5.0


class Reading:
    """One completion on its way. `until` is when the first token must be there, in loop time."""

    __slots__ = ("_completion", "_events", "_parser", "_patience", "_reply", "_until")

    def __init__(self, reply: Reply, stop: Sequence[str], patience: Patience, until: float) -> None:
        self._reply = reply
        self._parser = SseParser()
        self._completion = Completion(stop)
        self._patience = patience
        self._until = until
        self._events = 0

    async def next(self) -> TextDelta | None:
        """Some more of it, None at the end. Raises ModelError; what came before the failure is handed out first."""
        completion = self._completion
        while not completion.over:
            told = completion.tokens
            text = await self._some()
            if text or (completion.begun and completion.reason is None and completion.tokens is not told):
                return TextDelta(text, completion.tokens)
        if completion.failure is not None:
            raise completion.failure
        rest = completion.rest()
        if rest:
            return TextDelta(rest, completion.tokens)
        await self._last_bytes()
        return None

    def finished(self) -> Finished:
        """How it ended. Raises ModelError(BROKEN) where the stream did not say."""
        if self._completion.reason is None:
            kind = self._reply.header("content-type")
            raise ModelError(FailureKind.BROKEN, f"the stream ended without a finish (content-type {kind})")
        return Finished(self._completion.reason, self._completion.tokens)

    async def _some(self) -> str:
        completion = self._completion
        chunk = await self._read()
        text = completion.take(self._parser.feed(chunk) if chunk else self._parser.rest())
        if not chunk:
            completion.over = True
        if completion.events != self._events:
            self._events = completion.events
            self._until = asyncio.get_running_loop().time() + self._patience.inter_token_s
        return text

    async def _read(self) -> bytes:
        try:
            return await self._reply.read(self._until)
        except ModelError as error:
            if self._completion.reason is not None:
                return b""  # the text is whole; only its usage may be missing
            if error.kind is FailureKind.TIMEOUT:
                raise too_late(self._patience, begun=self._completion.begun) from error
            raise

    async def _last_bytes(self) -> None:
        """A body read to its very end leaves a connection that can be used again."""
        if self._completion.cut_off:
            return
        until = asyncio.get_running_loop().time() + LAST_BYTES_S
        with suppress(ModelError):
            while await self._reply.read(until):
                pass


def too_late(patience: Patience, *, begun: bool) -> ModelError:
    """The failure of a replica that wrote nothing in time."""
    which, seconds = ("further", patience.inter_token_s) if begun else ("first", patience.first_token_s)
    return ModelError(FailureKind.TIMEOUT, f"no {which} token within {seconds:g} s")
