"""What vLLM itself has counted, read from its `/metrics`."""

import asyncio
from dataclasses import dataclass

import httpx

from rao_runtime.core.usage import Tokens

SETTLE_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Tokens and ended requests since its start, and the requests it has now."""

    prompt: int
    cached: int
    generated: int
    ended: int
    running: int
    waiting: int

    def since(self, before: "Counters") -> Tokens:
        """What was counted after `before`."""
        return Tokens(
            input=self.prompt - before.prompt,
            cached=self.cached - before.cached,
            output=self.generated - before.generated,
        )


@dataclass(frozen=True, slots=True)
class Metrics:
    """Reads the counters of the vLLM at `http`'s base URL."""

    http: httpx.AsyncClient

    async def now(self) -> Counters:
        """The counters as they stand. A request's last tokens may be missing for a moment after its end."""
        answer = await self.http.get("/metrics")
        answer.raise_for_status()
        return _read(answer.text)

    async def until(self, *, running: int = 0, waiting: int = 0, ended: int | None = None) -> Counters:
        """The counters once so many requests run and wait, and so many have ended. Raises TimeoutError."""
        async with asyncio.timeout(SETTLE_S):
            while True:
                counters = await self.now()
                settled = ended is None or counters.ended == ended
                if (counters.running, counters.waiting) == (running, waiting) and settled:
                    return counters


def _read(text: str) -> Counters:
    sums = dict[str, float]()
    for line in text.splitlines():
        if line.startswith("vllm:"):
            labelled, _, value = line.rpartition(" ")
            name = labelled.partition("{")[0]
            sums[name] = sums.get(name, 0.0) + float(value)
    return Counters(
        prompt=int(sums["vllm:prompt_tokens_total"]),
        cached=int(sums["vllm:prompt_tokens_cached_total"]),
        generated=int(sums["vllm:generation_tokens_total"]),
        ended=int(sums["vllm:request_success_total"]),
        running=int(sums["vllm:num_requests_running"]),
        waiting=int(sums["vllm:num_requests_waiting"]),
    )
