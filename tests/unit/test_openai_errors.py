"""What an error event inside a 200 stream means."""

from typing import Any

import pytest

from rao_runtime.adapters.openai_errors import of_event
from rao_runtime.core.errors import FailureKind


def vllm_error(code: object) -> dict[str, Any]:
    return {"error": {"message": "so it is", "type": "SomeError", "param": None, "code": code}}


@pytest.mark.parametrize(
    ("event", "kind", "status"),
    [
        (vllm_error(400), FailureKind.REJECTED, 400),
        (vllm_error(404), FailureKind.REJECTED, 404),
        (vllm_error(408), FailureKind.TIMEOUT, 408),
        (vllm_error(429), FailureKind.BUSY, 429),
        (vllm_error(503), FailureKind.BUSY, 503),
        (vllm_error(500), FailureKind.SERVER, 500),
        (vllm_error(200), FailureKind.SERVER, None),
        (vllm_error("context_length_exceeded"), FailureKind.SERVER, None),
        (vllm_error(None), FailureKind.SERVER, None),
        ({"object": "error", "message": "so it is", "code": 400}, FailureKind.REJECTED, 400),
        ({"error": "so it is"}, FailureKind.SERVER, None),
    ],
)
def test_an_error_event_is_the_failure_its_code_stands_for(
    event: dict[str, Any], kind: FailureKind, status: int | None
) -> None:
    failure = of_event(event)
    assert failure is not None
    assert (failure.kind, failure.status, str(failure)) == (kind, status, "error inside the stream: so it is")


def test_a_chunk_is_no_error() -> None:
    assert of_event({"id": "c", "object": "chat.completion.chunk", "choices": []}) is None
    assert of_event({"error": None, "choices": []}) is None
