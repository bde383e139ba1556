"""One node's REPL on Monty: bytes between turns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic_monty import ExternalFuture, ExternalResult

from rao_runtime.adapters.monty_cell import Broken, Called, Cell, Ended, TurnEvent, Waiting
from rao_runtime.adapters.monty_outside import Outside
from rao_runtime.adapters.monty_pool import MontyPool
from rao_runtime.adapters.monty_prelude import CELL
from rao_runtime.adapters.monty_turn import Turn
from rao_runtime.adapters.monty_values import Settled, encodable_inputs, settled
from rao_runtime.adapters.sandbox_printed import Printed
from rao_runtime.adapters.sandbox_source import MAX_CODE_CHARS, show_last_value
from rao_runtime.ports import (
    Done,
    FailedValue,
    Hold,
    Host,
    HostCall,
    Killed,
    Later,
    Outcome,
    Parked,
    Raise,
    Raised,
    Return,
    SessionSpec,
    Stop,
    Stopped,
)

_FAILURES_KEPT = 5


@dataclass(slots=True, kw_only=True)
class _Running:
    """A cell that has not ended. `calls` maps the ids the host knows to Monty's, which start anew in every cell."""

    cell: Cell
    host: Host
    draws_before: int
    calls: dict[int, int]
    held: int | None = None
    held_answer: Settled | None = None
    parked: bytes = b""


class MontyRepl:
    """A Session. What it keeps between turns: a dump of the interpreter, and of a parked cell a second one."""

    def __init__(self, pool: MontyPool, spec: SessionSpec) -> None:
        self._pool = pool
        self._spec = spec
        self._outside = Outside(spec.seed)
        self._base: bytes | None = None  # packed dumps need this very one, so it is not asked for twice
        self._idle: bytes | None = None
        self._inputs: dict[str, Any] = {}  # given, but in no dump yet: a killed cell must not take the context with it
        self._cells = 0
        self._next_call = 0
        self._failures: dict[FailedValue, None] = {}
        self._running: _Running | None = None
        self._closed = False

    async def run(self, code: str, host: Host, *, now: float, inputs: Mapping[str, Any] | None = None) -> Outcome:
        """See Session. Raises SandboxError; TypeError for an input that is not plain; RuntimeError out of turn."""
        if self._closed or self._running is not None:
            raise RuntimeError("the session is closed" if self._closed else "the session has a parked cell")
        self._inputs |= encodable_inputs(inputs or {})
        self._base = self._base or await self._pool.base(self._spec)
        running = self._begin(host, self._base)
        if len(code) > MAX_CODE_CHARS:
            return _too_long(code, running)
        self._outside.set_clock(now)
        self._cells += 1
        state, text, given = self._idle, show_last_value(code), {CELL: self._cells, **self._inputs}
        return await self._drive(running, lambda turn: turn.start(state, text, given))

    async def resume(self, results: Sequence[tuple[int, Return | Raise]], *, now: float) -> Outcome:
        """See Session. Results of calls nobody waits for are ignored."""
        running = self._running
        if running is None:
            raise RuntimeError("the session has no parked cell")
        taken = [self._take(running, call, answer) for call, answer in results]
        if not any(taken) or (running.held is not None and running.held_answer is None):
            return self._parked(running)
        if running.cell.spent_s > self._spec.limits.run_s:
            return self._outcome(running, Broken("time", f"more than {self._spec.limits.run_s:g} s of execution"))
        self._outside.set_clock(now)
        parked, answer = running.parked, running.held_answer
        running.held = running.held_answer = None
        return await self._drive(running, lambda turn: turn.resume(parked, answer))

    async def abandon(self) -> None:
        """See Session."""
        if self._running is not None:
            self._outside.draws = self._running.draws_before
            self._running = None

    async def close(self) -> None:
        """See Session."""
        self._closed = True
        self._running = None
        self._idle = None
        self._inputs.clear()

    def _begin(self, host: Host, base: bytes) -> _Running:
        cell = Cell(
            base=base,
            functions=self._spec.functions,
            limits=self._spec.limits,
            printed=Printed(self._spec.limits.output_bytes),
            outside=self._outside,
            failures=self._failures,
        )
        return _Running(cell=cell, host=host, draws_before=self._outside.draws, calls={})

    def _take(self, running: _Running, call: int, answer: Return | Raise) -> bool:
        if isinstance(answer, Return) and isinstance(answer.value, FailedValue):
            self._note(answer.value)
        if call == running.held:
            running.held_answer = settled(answer)
        elif (own := running.calls.pop(call, None)) is not None:
            running.cell.early[own] = settled(answer)
        else:
            return False
        return True

    def _note(self, failure: FailedValue) -> None:
        self._failures.pop(failure, None)
        self._failures[failure] = None
        if len(self._failures) > _FAILURES_KEPT:
            self._failures.pop(next(iter(self._failures)))

    async def _drive(self, running: _Running, first: Callable[[Turn], TurnEvent]) -> Outcome:
        self._running = None  # whatever goes wrong from here on, variables are as before the cell
        async with self._pool.turn(running.cell) as (lane, turn):
            event = await lane.run(partial(first, turn))
            while isinstance(event, Called):
                reply = self._ask(running, event)
                if isinstance(reply, Stop):
                    return await self._stopped(running)
                event = await lane.run(turn.hold if isinstance(reply, Hold) else partial(turn.reply, reply))
        return self._outcome(running, event)

    def _ask(self, running: _Running, called: Called) -> ExternalResult | Hold | Stop:
        call = HostCall(self._next_call, called.name, called.args, called.kwargs)
        self._next_call += 1
        answer = running.host.call(call)
        match answer:
            case Stop():
                return answer
            case Hold():
                running.held = call.call_id
                return answer
            case Later():
                running.calls[call.call_id] = called.id
                return ExternalFuture(future=...)
            case Return() | Raise():
                if isinstance(answer, Return) and isinstance(answer.value, FailedValue):
                    self._note(answer.value)
                return settled(answer)

    async def _stopped(self, running: _Running) -> Stopped:
        await self.close()
        return Stopped(output=running.cell.printed.output(), cell_s=running.cell.spent_s)

    def _parked(self, running: _Running) -> Parked:
        self._running = running
        output, spent_s = running.cell.printed.output(), running.cell.spent_s
        return Parked(pending=tuple(sorted(running.calls)), held=running.held, output=output, cell_s=spent_s)

    def _outcome(self, running: _Running, event: Waiting | Ended | Broken) -> Outcome:
        self._running = None
        output, spent_s = running.cell.printed.output(), running.cell.spent_s
        match event:
            case Waiting():
                running.parked = event.parked
                return self._parked(running)
            case Ended():
                if event.state is not None:
                    self._idle = event.state
                    self._inputs.clear()
                if event.error is None:
                    return Done(output=output, cell_s=spent_s)
                return Raised(error=event.error, output=output, cell_s=spent_s)
            case Broken():
                self._outside.draws = running.draws_before
                return Killed(reason=event.reason, message=event.message, output=output, cell_s=spent_s)


def _too_long(code: str, running: _Running) -> Raised:
    error = f"SyntaxError: the cell has {len(code):,} characters; at most {MAX_CODE_CHARS:,} are allowed"
    return Raised(error=error, output=running.cell.printed.output(), cell_s=0.0)
