"""What is asked of an OpenAI server and the list of its models, as bytes. Knows nothing of sockets."""

import re
from collections.abc import Sequence
from typing import Any

import orjson

from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.ports import Message, ModelRequest, ServedModel

TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def body_of(request: ModelRequest, *, vllm_fields: bool) -> bytes:
    """The JSON to post. `vllm_fields` False leaves out what only vLLM knows.

    Raises ModelError(REJECTED) for options that are not JSON.
    """
    body: dict[str, Any] = {
        **request.options,
        "model": request.model,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.seed is not None:
        body["seed"] = request.seed
    if request.stop:
        body["stop"] = request.stop
    if vllm_fields:
        body["stream_options"]["continuous_usage_stats"] = True
        if request.priority:
            body["priority"] = request.priority
        if request.cache_salt:
            body["cache_salt"] = request.cache_salt
    return _json(body, request.messages)


def headers_of(request: ModelRequest) -> list[tuple[str, str]]:
    """Headers of this one request; a `traceparent` that is none is left out."""
    headers = [("x-request-id", request.request_id)]
    if request.traceparent and TRACEPARENT.fullmatch(request.traceparent):
        headers.append(("traceparent", request.traceparent))
    return headers


def models_of(body: bytes) -> tuple[ServedModel, ...]:
    """The models a `GET /v1/models` names. Raises ModelError(BROKEN)."""
    try:
        listed = orjson.loads(body)["data"]
        return tuple(ServedModel(_named(model["id"]), _window(model.get("max_model_len"))) for model in listed)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(FailureKind.BROKEN, "the list of models is not one") from error


def _named(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a model's id is text")
    return value


def _window(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _json(body: dict[str, Any], messages: Sequence[Message]) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError:
        # What a cell prints may hold lone surrogates, which are no UTF-8. The model gets a question mark instead.
        body["messages"] = [{"role": message.role, "content": _mended(message.content)} for message in messages]
    try:
        return orjson.dumps(body)
    except TypeError as error:
        raise ModelError(FailureKind.REJECTED, f"the request cannot be written as JSON: {error}") from error


def _mended(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
