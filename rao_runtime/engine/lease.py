"""A slot of a replica while one attempt holds it."""

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.core.placement import PromptKey
from rao_runtime.core.ready_queue import Ticket

if TYPE_CHECKING:
    from rao_runtime.engine.replica import Replica


class Lease:
    """A context manager around the use of the slot: inside it a replica that is taken out ends the attempt.

    Leaving it then raises ModelError of kind TIMEOUT, as if the replica's patience had been told to be over; a cancel
    from elsewhere stays a cancel (the counting of `asyncio.timeout`). `written` are the tokens of the attempt's
    completion, once they are settled; `entered` and `share_s` are its part in the replica's busy time (`BusyShares`).
    """

    __slots__ = (
        "_before", "_task", "_why", "cached_tokens", "entered", "model", "prompt", "replica", "share_s", "ticket",
        "written",
    )  # fmt: skip

    def __init__(
        self, replica: "Replica", *, ticket: Ticket, model: str, prompt: PromptKey, cached_tokens: int
    ) -> None:
        self.replica = replica
        self.ticket = ticket
        self.model = model
        self.prompt = prompt
        self.cached_tokens = cached_tokens
        self.written = 0
        self.entered = 0.0
        self.share_s: float | None = None
        self._why: str | None = None
        self._task: asyncio.Task[object] | None = None
        self._before = 0

    def revoke(self, why: str) -> None:
        """End the attempt that uses the slot; it goes on elsewhere."""
        if self._why is None:
            self._why = why
            if self._task is not None:
                self._task.cancel()

    async def __aenter__(self) -> Self:
        if self._why is not None:
            raise self._lost()
        self._task = asyncio.current_task()
        self._before = 0 if self._task is None else self._task.cancelling()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        if self._why is None or task is None:
            return
        if task.uncancel() <= self._before and kind is asyncio.CancelledError:
            raise self._lost() from error

    def _lost(self) -> ModelError:
        return ModelError(FailureKind.TIMEOUT, f"replica {self.replica.name} was taken out: {self._why}")
