"""Streams of events as callers hold them: iterators that are also context managers."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

import httpx

from rao_runtime.client.async_wire import AsyncWire
from rao_runtime.client.event import Event
from rao_runtime.client.following import Following
from rao_runtime.client.http import INTERRUPTED
from rao_runtime.client.steps import Told
from rao_runtime.client.wire import Wire


class EventStream:
    """A tree's events. It closes by itself after the last one; who leaves before uses `with`, or `close`.

    An interrupted `next` loses nothing: the next one goes on from there.
    """

    def __init__(self, http: httpx.Client, plan: Following) -> None:
        self._wire = Wire(http)
        self._plan = plan
        self._told: Told = None

    @property
    def headers(self) -> Mapping[str, str]:
        """Those of the last answer, names in lowercase; empty before the first one."""
        return self._wire.headers

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        told, self._told = self._told, INTERRUPTED
        try:
            while True:
                step = self._plan.send(told)
                if isinstance(step, Event):
                    self._told = None
                    return step
                told = self._wire.do(step)
        except BaseException:
            self._wire.close()
            raise

    def close(self) -> None:
        """End it; the tree goes on."""
        self._plan.close()
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class AsyncEventStream:
    """A tree's events. It closes by itself after the last one; who leaves before uses `async with`, or `aclose`.

    A cancelled `anext`, by a timeout for instance, loses nothing: the next one goes on from there.
    """

    def __init__(self, http: httpx.AsyncClient, plan: Following) -> None:
        self._wire = AsyncWire(http)
        self._plan = plan
        self._told: Told = None

    @property
    def headers(self) -> Mapping[str, str]:
        """Those of the last answer, names in lowercase; empty before the first one."""
        return self._wire.headers

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        told, self._told = self._told, INTERRUPTED
        try:
            while True:
                step = self._plan.send(told)
                if isinstance(step, Event):
                    self._told = None
                    return step
                told = await self._wire.do(step)
        except StopIteration:
            await self._wire.close()
            raise StopAsyncIteration from None
        except BaseException:
            await self._wire.close()
            raise

    async def aclose(self) -> None:
        """End it; the tree goes on."""
        self._plan.close()
        await self._wire.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
