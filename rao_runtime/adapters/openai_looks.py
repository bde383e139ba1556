"""What a server tells of itself beside the protocol: asked at the root of its URL, where vLLM has it."""

import asyncio
from contextlib import suppress

from rao_runtime.adapters.openai_metrics import is_vllms, vitals_of
from rao_runtime.adapters.openai_traits import traits_of
from rao_runtime.adapters.openai_wire import Wire
from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.ports import Traits, Vitals

AGAIN_S = 60.0
# It is there in vLLM's development mode only, whose first answer looks for every library on the machine.
INFO = "/server_info?config_format=json"
INFO_S = 3.0
SMALL_BYTES = 64 << 10
PAGE_BYTES = 8 << 20


class Looks:
    """Asks one server.

    `look_s` is how long a page may take; `vllm` whether it should be a vLLM; without metrics, `again_s` pass before it
    is asked for them again.
    """

    def __init__(self, wire: Wire, *, look_s: float, vllm: bool, again_s: float = AGAIN_S) -> None:
        self._wire = wire
        self._look_s = look_s
        self._vllm = vllm
        self._again_s = again_s
        self._ask_again = 0.0  # loop time; until then it has no metrics

    async def traits(self) -> Traits:
        """What it is and lacks. Raises ModelError when it does not answer."""
        version = await self._page("/version", self._look_s, SMALL_BYTES)
        metrics = await self._metrics()
        info = await self._info() if self._vllm and version is not None else None
        return traits_of(version=version, metrics=metrics, info=info, vllm=self._vllm)

    async def vitals(self) -> Vitals:
        """What it does now. Raises ModelError when it does not answer.

        A server without vLLM's metrics tells nothing.
        """
        if asyncio.get_running_loop().time() < self._ask_again:
            return Vitals()
        page = await self._metrics()
        return Vitals() if page is None else vitals_of(page)

    async def _metrics(self) -> bytes | None:
        page = await self._page("/metrics", self._look_s, PAGE_BYTES)
        if page is None or not is_vllms(page):
            self._ask_again = asyncio.get_running_loop().time() + self._again_s
            return None
        self._ask_again = 0.0
        return page

    async def _info(self) -> bytes | None:
        """Nice to have: whatever goes wrong here says nothing about the replica."""
        with suppress(ModelError):
            return await self._page(INFO, min(INFO_S, self._look_s), PAGE_BYTES)
        return None

    async def _page(self, path: str, seconds: float, most: int) -> bytes | None:
        """A page, cut off at `most` bytes; None where there is none, which the server says itself."""
        until = asyncio.get_running_loop().time() + seconds
        reply = await self._wire.send("GET", path, until=until)
        try:
            if reply.status == 200:
                return await reply.read_all(until, most)
            failure = await reply.refusal()
        finally:
            await reply.close()
        # Statuses below 400 are BROKEN: a redirect, for instance, to a page for people.
        if failure.kind in {FailureKind.REJECTED, FailureKind.BROKEN}:
            return None
        raise failure
