"""The span of one attempt of a model call, from its start and its end in the journal."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from rao_runtime.core.events import Event, EventType
from rao_runtime.core.ids import attempt_id, attempt_span_id
from rao_runtime.telemetry import content, names
from rao_runtime.telemetry.open_node import OpenNode, Trace
from rao_runtime.telemetry.span import Attribute, Span, SpanKind

_PORTS = {"http": 80, "https": 443}


def chat_span(trace: Trace, node: OpenNode, started: Event, ended: Event, start: float, end: float) -> Span:
    """The span of an attempt over this interval.

    Usage and cost stand on these spans only, so that a sum over a trace counts nothing twice.
    """
    asked, told = started.data, ended.data
    attributes: dict[str, Attribute] = {
        names.OPERATION: names.CHAT,
        names.REQUEST_MODEL: asked["model"],
        names.REQUEST_STREAM: True,
        names.TREE_ID: trace.tree_id,
        names.NODE_ID: started.node_id or "",
        names.TURN: told["turn"],
        names.CALL_ID: told["call_id"],
        names.CALL_ATTEMPT: told["attempt"],
        names.CALL_REPLICA: asked["replica"],
        names.CALL_EXPECTED_CACHED: asked["expected_cached_tokens"],
        names.CALL_QUEUED_S: told["times"]["queued_s"],
        **_server(asked["replica"]),
    }
    _add_sampling(attributes, asked["sampling"])
    _add_usage(attributes, told, trace.price_version)
    error = message = None
    if ended.type is EventType.CALL_COMPLETED:
        attributes[names.FINISH_REASONS] = (told["finish_reason"],)
        if trace.content:
            attributes[names.OUTPUT_MESSAGES] = content.messages("assistant", told["text"], told["finish_reason"])
    else:
        attributes[names.FINISH_REASONS] = ("error",)
        error, message = told["error"]["kind"], told["error"]["message"]
    return Span(
        trace_id=trace.trace_id,
        span_id=attempt_span_id(attempt_id(told["call_id"], told["attempt"])),
        parent_id=node.span_id,
        name=f"{names.CHAT} {asked['model']}",
        kind=SpanKind.CLIENT,
        start=start,
        end=end,
        attributes=attributes,
        error=error,
        message=message,
    )


def _add_sampling(attributes: dict[str, Attribute], sampling: Mapping[str, Any]) -> None:
    attributes[names.REQUEST_TEMPERATURE] = sampling["temperature"]
    attributes[names.REQUEST_TOP_P] = sampling["top_p"]
    attributes[names.REQUEST_MAX_TOKENS] = sampling["max_tokens"]
    if sampling["seed"] is not None:
        attributes[names.REQUEST_SEED] = sampling["seed"]


def _add_usage(attributes: dict[str, Attribute], told: Mapping[str, Any], price_version: str | None) -> None:
    """What the attempt used and cost. Where time is paid for, one that the replica turned away cost something too."""
    usage, first_s = told["usage"], told["times"]["first_token_s"]
    if first_s is not None:
        attributes[names.FIRST_CHUNK_S] = first_s
    if usage["calls"]:
        attributes[names.INPUT_TOKENS] = usage["input_tokens"]
        attributes[names.OUTPUT_TOKENS] = usage["output_tokens"]
        attributes[names.CACHED_TOKENS] = usage["cached_tokens"]
        attributes[names.CALL_WASTED] = usage["wasted_tokens"]
        attributes[names.CALL_ESTIMATED] = usage["estimated"]
    if told["cost"] is not None:
        attributes[names.USAGE_COST] = float(told["cost"])
        attributes[names.COST_USD] = told["cost"]
        if price_version is not None:
            attributes[names.PRICE_VERSION] = price_version
    if "gpu_s" in told:
        attributes[names.CALL_GPU_S] = told["gpu_s"]


@lru_cache(maxsize=1_024)
def _server(replica: str) -> Mapping[str, Attribute]:
    """Who answers, and where that is. A replica's name is its URL, or a label where it runs in this process."""
    try:
        url = urlsplit(replica)
        host, port = url.hostname, url.port or _PORTS.get(url.scheme)
    except ValueError:
        host = port = None
    if host is None:
        return {names.PROVIDER: names.PROVIDER_OWN}
    place: dict[str, Attribute] = {names.PROVIDER: names.PROVIDER_SERVED, names.SERVER_ADDRESS: host}
    return place if port is None else place | {names.SERVER_PORT: port}
