"""What is asked of the engine, as bytes: the body of llama.cpp's completions API."""

from collections.abc import Sequence
from typing import Any

import orjson

from rao_runtime.adapters.nano_chat import rejected
from rao_runtime.ports import ModelRequest

SEEDS = 0xFFFF_FFFF  # the last of 32 bits means a seed of the engine's own choice
OFF = {"top_k": 0, "min_p": 0.0}  # the engine's defaults are others


def body_of(request: ModelRequest, prompt: Sequence[int]) -> bytes:
    """The JSON of a request. Raises ModelError(REJECTED) for what cannot be asked."""
    if request.max_tokens < 1:
        raise rejected(f"max_tokens must be at least 1, not {request.max_tokens}")
    body: dict[str, Any] = {
        **OFF,
        **request.options,
        "prompt": prompt,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stop": [],
        "stream": True,
        "timings_per_token": True,
    }
    # The order is vLLM's. Each costs time on every token, so those that change nothing are left out.
    cuts = [name for name in OFF if body[name] != OFF[name]] + ["top_p"] * (request.top_p < 1)
    body["samplers"] = ["temperature", *cuts]
    if request.seed is not None:
        body["seed"] = request.seed % SEEDS
    try:
        return orjson.dumps(body)
    except TypeError as error:
        raise rejected(f"the request cannot be written as JSON: {error}") from error
