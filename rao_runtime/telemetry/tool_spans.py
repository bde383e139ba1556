"""The spans of what a node's code did: its cells, and the tools they called."""

import builtins
import re

from rao_runtime.core.events import Event
from rao_runtime.core.ids import cell_span_id, tool_span_id
from rao_runtime.telemetry import content, names
from rao_runtime.telemetry.open_node import OpenNode, Trace
from rao_runtime.telemetry.span import Attribute, Span, SpanKind

# Code may raise what it names itself: only Python's own names are few enough for an error type.
_EXCEPTIONS = frozenset(
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)
)
_RAISED = re.compile(r"^(\w+)(?::|$)", re.MULTILINE)
OTHER = "_OTHER"
KILLED = "killed"
# What was still open when its node completed; its code cannot be waiting for it any more.
LEFT = "left"


def cell_span(trace: Trace, node: OpenNode, begun: Event, ended: Event, start: float, end: float) -> Span:
    """The span of a cell over this interval, which ends with its output, or with its node.

    Children that it launched are not below it: a tree of nodes is a tree of agents.
    """
    told, turn = ended.data, begun.turn or 0
    attributes = _head(trace, begun, names.PYTHON)
    if trace.content:
        attributes[names.CELL_CODE] = content.text(begun.data["code"])
    if "output" in told:
        attributes[names.CELL_SECONDS] = told["cell_s"]
        error = _cell_error(told["error"], killed=told["killed"])
        if trace.content:
            attributes[names.CELL_OUTPUT] = content.text(told["output"])
            if told["error"] is not None:
                attributes[names.CELL_ERROR] = content.text(told["error"])
    else:
        error = _cut_short(ended)
    return _span(trace, node, cell_span_id(node.created.node_id or "", turn), attributes, error, start, end)


def tool_span(trace: Trace, node: OpenNode, begun: Event, ended: Event, start: float, end: float) -> Span:
    """The span of a tool call over this interval, which ends with its result, or with its node."""
    told = ended.data
    attributes = _head(trace, begun, begun.data["name"])
    attributes[names.TOOL_TYPE] = "function"
    attributes[names.TOOL_CALL_ID] = begun.data["call_id"]
    if trace.content:
        attributes[names.TOOL_ARGUMENTS] = content.as_json(begun.data["arguments"])
    if told.get("call_id") != begun.data["call_id"]:
        error, message = _cut_short(ended), None
    elif told.get("error") is not None:
        error = told["error"]["type"]
        message = content.text(told["error"]["message"]) if trace.content else None
    else:
        error = message = None
        if trace.content:
            attributes[names.TOOL_RESULT] = content.as_json(told["result"])
    return _span(trace, node, tool_span_id(begun.data["call_id"]), attributes, error, start, end, message)


def _head(trace: Trace, begun: Event, tool: str) -> dict[str, Attribute]:
    return {
        names.OPERATION: names.EXECUTE_TOOL,
        names.TOOL_NAME: tool,
        names.TREE_ID: trace.tree_id,
        names.NODE_ID: begun.node_id or "",
        names.TURN: begun.turn or 0,
    }


def _span(
    trace: Trace,
    node: OpenNode,
    span_id: str,
    attributes: dict[str, Attribute],
    error: str | None,
    start: float,
    end: float,
    message: str | None = None,
) -> Span:
    return Span(
        trace_id=trace.trace_id,
        span_id=span_id,
        parent_id=node.span_id,
        name=f"{names.EXECUTE_TOOL} {attributes[names.TOOL_NAME]}",
        kind=SpanKind.INTERNAL,
        start=start,
        end=end,
        attributes=attributes,
        error=error,
        message=message,
    )


def _cell_error(error: str | None, *, killed: bool) -> str | None:
    """A word for what the node is told: the exception's name where it is one of Python's own."""
    if error is None:
        return None
    if killed:
        return KILLED
    return next((name for name in _RAISED.findall(error) if name in _EXCEPTIONS), OTHER)


def _cut_short(node_end: Event) -> str:
    """Why something ended together with its node."""
    error = node_end.data.get("error")
    return LEFT if error is None else error["reason"]
