"""A replica behind the OpenAI protocol: vLLM, or any server that speaks it."""

import asyncio
from collections.abc import AsyncGenerator

from rao_runtime import __version__
from rao_runtime.adapters.openai_body import body_of, headers_of, models_of
from rao_runtime.adapters.openai_looks import Looks
from rao_runtime.adapters.openai_reading import Patience, Reading, too_late
from rao_runtime.adapters.openai_wire import Reply, Wire
from rao_runtime.config.base_url import base_url
from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.ports import Finished, ModelRequest, ServedModel, TextDelta, Traits, Vitals

MODELS_BODY_BYTES = 4 << 20


class OpenAiReplica:
    """`ports.Model` over HTTP. The base URL may end in `/v1` or not; ValueError is raised for what is none.

    `vllm_fields` False leaves priority, cache salt and continuous usage out of requests, for servers that refuse them,
    and has nothing of vLLM's missed.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        patience: Patience | None = None,
        vllm_fields: bool = True,
    ) -> None:
        self._name = base_url(url)
        self._patience = patience or Patience()
        self._vllm_fields = vllm_fields
        headers = [
            ("accept", "text/event-stream, application/json"),
            ("accept-encoding", "identity"),
            ("content-type", "application/json"),
            ("user-agent", f"rao-serve/{__version__}"),
        ]
        self._wire = Wire(self._name, headers, api_key=api_key, connect_timeout_s=self._patience.connect_s)
        self._looks = Looks(self._wire, look_s=self._patience.look_s, vllm=vllm_fields)

    @property
    def name(self) -> str:
        """Its base URL, without `/v1`."""
        return self._name

    async def stream(self, request: ModelRequest) -> AsyncGenerator[TextDelta | Finished, None]:
        """The completion, as it is written. Closing the generator early closes the connection, which aborts at vLLM.

        A delta with empty text tells usage alone: the model reasons, or what it wrote may become a stop string.
        """
        until = asyncio.get_running_loop().time() + self._patience.first_token_s
        reply = await self._post(request, until)
        try:
            await _require_ok(reply)
            reading = Reading(reply, request.stop, self._patience, until)
            while (delta := await reading.next()) is not None:
                yield delta
            yield reading.finished()
        finally:
            await reply.close()

    async def served(self) -> tuple[ServedModel, ...]:
        """The models it serves. Raises ModelError when it is not up."""
        until = asyncio.get_running_loop().time() + self._patience.look_s
        reply = await self._wire.send("GET", "/v1/models", until=until)
        try:
            await _require_ok(reply)
            return models_of(await reply.read_all(until, MODELS_BODY_BYTES))
        finally:
            await reply.close()

    async def traits(self) -> Traits:
        """What it is and what it lacks, as far as a vLLM tells. Raises ModelError when it does not answer."""
        return await self._looks.traits()

    async def vitals(self) -> Vitals:
        """What its `/metrics` say. Raises ModelError when it does not answer."""
        return await self._looks.vitals()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._wire.aclose()

    async def _post(self, request: ModelRequest, until: float) -> Reply:
        body = body_of(request, vllm_fields=self._vllm_fields)
        try:
            return await self._wire.send(
                "POST", "/v1/chat/completions", headers=headers_of(request), body=body, until=until
            )
        except ModelError as error:
            raise too_late(self._patience, begun=False) if error.kind is FailureKind.TIMEOUT else error from error


async def _require_ok(reply: Reply) -> None:
    if reply.status != 200:
        raise await reply.refusal()
