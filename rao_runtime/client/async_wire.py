"""Carries out the steps of a plan over httpx, on asyncio."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import TypeVar, cast

import httpx

from rao_runtime.client.http import ENDED, answer, build, lost
from rao_runtime.client.steps import Ask, Open, Pause, Plan, Read, Request, Step, Told

T = TypeVar("T")


class AsyncWire:
    """One plan's connection. `headers` are those of the stream it has open."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.headers: Mapping[str, str] = {}
        self._http = http
        self._response: httpx.Response | None = None
        self._chunks: AsyncIterator[bytes] | None = None

    async def run(self, plan: Plan[T]) -> T:
        """The plan's result."""
        told: Told = None
        try:
            while True:
                try:
                    step = plan.send(told)
                except StopIteration as end:
                    return cast("T", end.value)
                told = await self.do(step)
        finally:
            plan.close()
            await self.close()

    async def do(self, step: Step) -> Told:
        """Carry out one step; what the plan is to be told."""
        try:
            match step:
                case Ask(request):
                    response = await self._http.send(build(self._http, request))
                    return answer(response, response.content)
                case Open(request):
                    return await self._open(request)
                case Read():
                    return await self._read()
                case Pause(seconds):
                    await self.close()
                    await asyncio.sleep(seconds)
                    return None
        except httpx.RequestError as error:
            return lost(error)

    async def close(self) -> None:
        """Leave the stream that is open, if any."""
        response, self._response, self._chunks = self._response, None, None
        if response is not None:
            await response.aclose()

    async def _open(self, request: Request) -> Told:
        await self.close()
        self._response = response = await self._http.send(build(self._http, request), stream=True)
        if not response.is_success:
            return answer(response, await response.aread())
        self._chunks = response.aiter_bytes()
        told = answer(response)
        self.headers = told.headers
        return told

    async def _read(self) -> Told:
        while self._chunks is not None:
            chunk = await anext(self._chunks, None)
            if chunk is None:
                break
            if chunk:
                return chunk
        return ENDED
