"""Journals of traced trees, and the spans that come of them."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from rao_runtime.core.events import Event, EventType
from rao_runtime.core.usage import Tokens, Usage
from rao_runtime.telemetry.span import Span
from rao_runtime.telemetry.tree_spans import TreeSpans
from tests.unit.core.tree_builder import CREATED, STARTED, TreeBuilder

NO_USE: Mapping[str, Any] = Usage().as_dict()
SAMPLING = {"temperature": 0.7, "top_p": 0.9, "max_tokens": 100, "seed": 7}
URL = "http://gpu-1:8001"
ERROR = {"kind": None, "node_id": "r", "limit": None, "spent": None, "retryable": False}


def error(reason: str, message: str = "it says why") -> dict[str, Any]:
    """The error of a node or tree."""
    return {**ERROR, "reason": reason, "message": message}


class TracedTree(TreeBuilder):
    """A journal as a runtime writes it, of a tree that is sampled unless said otherwise."""

    def __init__(self, *, started: bool = True, **created: Any) -> None:  # noqa: ANN401 - an event's data is any JSON
        super().__init__(begun=False)
        self.tree(EventType.TREE_CREATED, **{**CREATED, "tenant": "acme", "sampled": True, **created})
        if started:
            self.tree(EventType.TREE_STARTED, **STARTED)

    def born(self, node_id: str, parent: str | None = None, index: int = 0, *, starts: bool = True) -> Self:
        """A node that is created, and started."""
        self._parents[node_id] = parent
        data = {"goal": f"goal of {node_id}", "launch_index": index, "mode": "recursive"}
        self.node(node_id, EventType.NODE_CREATED, **data)
        return self.node(node_id, EventType.NODE_STARTED) if starts else self

    def asks(self, node_id: str, turn: int = 0, attempt: int = 1, *, replica: str = URL) -> Self:
        """An attempt of a call starts."""
        data = {"replica": replica, "expected_cached_tokens": 12, "model": "m", "sampling": SAMPLING}
        return self.node(node_id, EventType.CALL_STARTED, turn, **_head(node_id, turn, attempt), **data)

    def told(self, node_id: str, turn: int = 0, attempt: int = 1, *, cost: str | None = "0.25") -> Self:
        """It is answered."""
        times = {"queued_s": 0.5, "first_token_s": 0.125, "run_s": 2.0}
        usage = Usage.of(Tokens(input=40, cached=10, output=8)).as_dict()
        data = {"text": "a thought", "finish_reason": "stop", "usage": usage, "cost": cost, "times": times}
        return self.node(node_id, EventType.CALL_COMPLETED, turn, **_head(node_id, turn, attempt), **data)

    def fails(
        self,
        node_id: str,
        kind: str,
        turn: int = 0,
        attempt: int = 1,
        *,
        retry: Mapping[str, Any] | None = None,
        cost: str | None = None,
    ) -> Self:
        """It comes to nothing; without a cost it never reached a replica."""
        times = {"queued_s": 0.0, "first_token_s": None, "run_s": 1.0}
        data = {"error": {"kind": kind, "message": "no luck", "status": None}, "retry": retry, "surfaced": False}
        usage = NO_USE if cost is None else Usage.of(Tokens(input=40), wasted=True, estimated=True).as_dict()
        more = {"usage": usage, "cost": cost, "times": times}
        return self.node(node_id, EventType.CALL_FAILED, turn, **_head(node_id, turn, attempt), **data, **more)

    def acts(self, node_id: str, code: str | None = "print(1)", turn: int = 0) -> Self:
        """Its code is read."""
        return self.node(node_id, EventType.NODE_TURN, turn, thought="hm", code=code, problem=None)

    def sees(self, node_id: str, turn: int = 0, *, error: str | None = None, killed: bool = False) -> Self:
        """Its cell is over."""
        data = {"output": "1", "error": error, "truncated": False, "cell_s": 0.25, "killed": killed}
        return self.node(node_id, EventType.NODE_OUTPUT, turn, **data)

    def done(self, node_id: str, answer: object = 1, **more: Any) -> Self:  # noqa: ANN401 - as above
        """It finishes."""
        return self.node(node_id, EventType.NODE_COMPLETED, **{"answer": answer, "usage": NO_USE, "cost": None, **more})

    def lost(self, node_id: str, reason: str, kind: EventType = EventType.NODE_FAILED, message: str = "why") -> Self:
        """It ends without an answer."""
        return self.node(node_id, kind, error=error(reason, message), usage=NO_USE, cost=None)

    def later(self, seconds: float) -> Self:
        """Time goes by; back, where a new owner's clock is behind."""
        self.at += seconds
        return self

    def spans(self, *, content: bool = False) -> list[Span]:
        """The spans that its one owner tells of."""
        return spans_of(self.events[:1], self.events[1:], content=content)

    def named(self, name: str, *, content: bool = False) -> Span:
        """The one span whose name starts so."""
        (span,) = [span for span in self.spans(content=content) if span.name.startswith(name)]
        return span


def spans_of(past: Sequence[Event], news: Sequence[Event], *, content: bool = False) -> list[Span]:
    """The spans that an owner with this past tells of, while these events come one by one."""
    told = list[Span]()
    watch = TreeSpans(told.extend, content=content).watch(past)
    for event in news:
        watch.saw([event])
    return told


def _head(node_id: str, turn: int, attempt: int) -> dict[str, Any]:
    return {"call_id": f"{node_id}-t{turn}", "attempt": attempt, "turn": turn}
