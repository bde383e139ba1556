"""A completion on its way from the thread that the engine writes it in to the loop that reads it."""

import asyncio
from collections import deque

from rao_runtime.adapters import openai_errors
from rao_runtime.adapters.nano_completion import Completion, Item
from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.ports import TextDelta

# To wake the loop for each token of each completion costs as much as to write them.
GATHER_S = 0.04


class Feed:
    """One completion's items. The engine's thread calls `take`; everything else is the loop's.

    The first text is handed on at once, what comes later in pieces of `GATHER_S`, and the end at once.
    """

    def __init__(self, completion: Completion) -> None:
        self._completion = completion
        self._loop = asyncio.get_running_loop()
        self._items = deque[Item]()
        self._ready = asyncio.Event()
        self._begun = False
        self._noticed = False
        self._over = False
        self._error: ModelError | None = None
        self.closed = False

    def take(self, chunk: bytes) -> bool:
        """Hand a chunk over; whether the engine is to end the completion. It must not raise: native code calls it."""
        if self.closed:
            return True
        try:
            self._items.extend(self._completion.take(chunk))
        except Exception as error:  # noqa: BLE001 - native code has no use for it: whoever reads is told
            self._error = _as_model_error(error)
            return True
        if not self._noticed:
            self._noticed = True
            try:
                self._loop.call_soon_threadsafe(self._notice)
            except RuntimeError:
                return True  # the loop is closed
        return self._completion.over

    def end(self, error: BaseException | None) -> None:
        """The engine has ended the completion."""
        self._over = True
        if error is not None and self._error is None:
            self._error = _as_model_error(error)
        self._ready.set()

    async def next(self) -> Item | None:
        """The next item, None after the last. Raises the ModelError it ended with: BROKEN for what was none."""
        while not self._items:
            if self._over:
                if self._error is not None:
                    raise self._error
                return None
            self._ready.clear()
            self._noticed = False
            # What came before that line has woken nobody.
            if not self._items:
                await self._ready.wait()
        return self._gathered(self._items.popleft())

    def _notice(self) -> None:
        if self._begun:
            self._loop.call_later(GATHER_S, self._ready.set)
        else:
            self._begun = True
            self._ready.set()

    def _gathered(self, item: Item) -> Item:
        if not isinstance(item, TextDelta):
            return item
        parts, tokens = [item.text], item.tokens
        while self._items and isinstance(more := self._items[0], TextDelta):
            parts.append(more.text)
            tokens = more.tokens
            self._items.popleft()
        return TextDelta("".join(parts), tokens)


def _as_model_error(error: BaseException) -> ModelError:
    if isinstance(error, ModelError):
        return error
    return ModelError(FailureKind.BROKEN, openai_errors.cut(f"{type(error).__name__}: {error}"))
