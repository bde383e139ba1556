"""The two ways to tell a completion to the client: streamed, or whole at the end."""

from typing import Protocol

from rao_runtime.standin.connection import Exchange
from rao_runtime.standin.faults import Fault
from rao_runtime.standin.plan import Plan, Step
from rao_runtime.standin.refusal import Refusal
from rao_runtime.standin.request import ChatRequest
from rao_runtime.standin.sse import DONE, Shapes

BROKEN = Refusal(500, "the engine has failed")


class Answer(Protocol):
    """One response under way. Exactly one of `finish`, `fail`, `garble` and `cut` ends what is sent."""

    def open(self) -> None:
        """The request is accepted."""
        ...

    def say(self, step: Step, *, last: bool) -> None:
        """A chunk is there."""
        ...

    def flush(self) -> None:
        """Nothing more comes for a while."""
        ...

    def finish(self) -> None:
        """The completion is whole."""
        ...

    def fail(self) -> None:
        """The engine failed."""
        ...

    def garble(self) -> None:
        """End well-formed HTTP with malformed JSON."""
        ...

    def cut(self) -> None:
        """Send what there is, as a part of something that will not come."""
        ...


class StreamedAnswer:
    """Server-sent events. Headers go out at once, as vLLM's do, long before the first token."""

    def __init__(self, exchange: Exchange, request: ChatRequest, plan: Plan, fault: Fault, shapes: Shapes) -> None:
        self._exchange = exchange
        self._plan = plan
        self._shapes = shapes
        self._usage = request.wants_usage and fault.usage
        self._running_usage = request.wants_running_usage and fault.usage
        self._said = 0
        self._begun = False

    def open(self) -> None:
        """Send the headers."""
        self._exchange.begin()

    def say(self, step: Step, *, last: bool) -> None:
        """Write the chunk's event."""
        self._begin_message()
        self._said = step.tokens
        if last:
            self._write({"content": step.text}, finish_reason=self._plan.finish_reason)
        else:
            self._write({"content": step.text})

    def flush(self) -> None:
        """Send what was written."""
        self._exchange.flush()

    def finish(self) -> None:
        """Write usage, where asked for, and the end mark."""
        if not self._begun:
            self._begin_message()
            self._write({}, finish_reason=self._plan.finish_reason)
        if self._usage:
            self._exchange.write(self._shapes.usage_chunk(self._said))
        self._exchange.write(DONE)
        self._exchange.end()

    def fail(self) -> None:
        """Write an error event and the end mark; the status stays 200."""
        self._exchange.write(b"data: " + BROKEN.body() + b"\n\n" + DONE)
        self._exchange.end()

    def garble(self) -> None:
        """Write half an event, and end the body properly."""
        event = self._shapes.chunk({"content": ""})
        self._exchange.write(event[: len(event) // 2] + b"\n\n")
        self._exchange.end()

    def cut(self) -> None:
        """Send what was written and leave the body open."""
        self._exchange.flush()

    def _begin_message(self) -> None:
        if not self._begun:
            self._begun = True
            self._write({"role": "assistant", "content": ""})

    def _write(self, delta: dict[str, str], finish_reason: str | None = None) -> None:
        usage = self._shapes.usage(self._said, details=False) if self._running_usage else None
        stop_reason = self._plan.stop_reason
        self._exchange.write(
            self._shapes.chunk(delta, finish_reason=finish_reason, stop_reason=stop_reason, usage=usage)
        )


class WholeAnswer:
    """One JSON body, sent when the completion is there."""

    def __init__(self, exchange: Exchange, plan: Plan, fault: Fault, shapes: Shapes) -> None:
        self._exchange = exchange
        self._plan = plan
        self._usage = fault.usage
        self._shapes = shapes

    def open(self) -> None:
        """Nothing is sent before the end."""

    def say(self, step: Step, *, last: bool) -> None:
        """Nothing is sent before the end."""

    def flush(self) -> None:
        """Nothing is sent before the end."""

    def finish(self) -> None:
        """Send it."""
        self._exchange.respond(200, self._body())

    def fail(self) -> None:
        """Send an error."""
        self._exchange.respond(BROKEN.status, BROKEN.body())

    def garble(self) -> None:
        """Send half of it as if it were all."""
        body = self._body()
        self._exchange.respond(200, body[: len(body) // 2])

    def cut(self) -> None:
        """Promise all and send half."""
        body = self._body()
        self._exchange.begin_sized(200, len(body))
        self._exchange.write_raw(body[: len(body) // 2])

    def _body(self) -> bytes:
        plan = self._plan
        usage = self._shapes.usage(plan.tokens) if self._usage else None
        return self._shapes.completion(
            plan.text, finish_reason=plan.finish_reason, stop_reason=plan.stop_reason, usage=usage
        )
