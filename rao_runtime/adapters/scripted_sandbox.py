"""A Sandbox inside this process, for simulated time. It keeps nobody out: for trusted cells, in tests, only."""

import ast
import sys
import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any

from rao_runtime.adapters.sandbox_evaluate import evaluate
from rao_runtime.adapters.sandbox_source import MAX_CODE_CHARS, show_last_value
from rao_runtime.adapters.scripted_cell import CELL_FILE, Execution, Results, Script, inward
from rao_runtime.adapters.scripted_errors import syntax_error_text, traceback_text
from rao_runtime.adapters.scripted_tasks import Pending, Tasks
from rao_runtime.adapters.scripted_world import World
from rao_runtime.ports import (
    CellLimits,
    Done,
    Host,
    Killed,
    Outcome,
    Output,
    Parked,
    Raise,
    Raised,
    Return,
    SessionSpec,
    Stopped,
)

_MESSAGES = {
    "time": "the cell ran longer than its limit",
    "output": "the cell prints without end",
    "calls": "the cell made more calls than its limit",
}


class ScriptedSandbox:
    """Cells are Python of this process, driven by hand: no event loop, no threads, no real time, no isolation.

    Time is counted in steps of the interpreter; memory is not limited.
    """

    @property
    def version(self) -> str:
        """See Sandbox."""
        return f"scripted-{sys.version_info.major}.{sys.version_info.minor}"

    def session(self, spec: SessionSpec) -> "ScriptedSession":
        """See Sandbox."""
        return ScriptedSession(spec)

    async def evaluate(self, expression: str, variables: Mapping[str, Any], *, limits: CellLimits) -> Return | Raise:
        """See Sandbox."""
        return await evaluate(self.session, expression, variables, limits)


@dataclass(slots=True, kw_only=True)
class _Running:
    script: Script
    execution: Execution
    saved: tuple[dict[str, Any], object]
    early: Results


class ScriptedSession:
    """A Session of ScriptedSandbox."""

    def __init__(self, spec: SessionSpec) -> None:
        self._spec = spec
        self._tasks = Tasks()
        self._world = World(spec.seed, gather=self._gather, run=self._run_nested)
        self._world.variables |= {name: self._guard(name) for name in spec.functions}
        self._sources: dict[str, str] = {}
        self._next_call = 0
        self._execution: Execution | None = None
        self._running: _Running | None = None
        self._closed = False

    async def run(self, code: str, host: Host, *, now: float, inputs: Mapping[str, Any] | None = None) -> Outcome:
        """See Session. Raises RuntimeError out of turn."""
        if self._closed or self._running is not None:
            raise RuntimeError("the session is closed" if self._closed else "the session has a parked cell")
        self._world.variables |= {name: inward(value) for name, value in (inputs or {}).items()}
        file = f"{CELL_FILE}-{len(self._sources) + 1}>"
        self._sources[file] = code
        try:
            compiled = _compiled(code, file)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            failure = error if isinstance(error, SyntaxError | ValueError) else SyntaxError("too deeply nested")
            return Raised(error=syntax_error_text(failure, code), output=Output(), cell_s=0.0)
        script = Script(code=compiled, host=host, now=now, limits=self._spec.limits, first_call=self._next_call)
        return self._execute(script, self._world.saved(), [])

    async def resume(self, results: Sequence[tuple[int, Return | Raise]], *, now: float) -> Outcome:
        """See Session."""
        running = self._running
        if running is None:
            raise RuntimeError("the session has no parked cell")
        execution, tape, held = running.execution, running.script.tape, running.execution.held
        for call, answer in results:
            self._world.note(answer)
            if call == held:
                tape.answers.append((answer, now))
                held = None
            elif call in execution.handles and call not in dict(running.early):
                running.early.append((call, answer))
        if held is not None or not (running.early or execution.held is not None):
            return self._parked(running)
        if running.early:
            tape.batches.append((running.early, now))
        if execution.live and execution.held is None:
            return self._go(_Running(script=running.script, execution=execution, saved=running.saved, early=[]))
        self._world.restore(running.saved)
        return self._execute(running.script, running.saved, [])

    async def abandon(self) -> None:
        """See Session."""
        if self._running is not None:
            self._rewind(self._running)

    async def close(self) -> None:
        """See Session."""
        await self.abandon()
        self._closed = True

    def _execute(self, script: Script, saved: tuple[dict[str, Any], object], early: Results) -> Outcome:
        self._tasks.drop()
        self._execution = Execution(self._world, self._tasks, script)
        return self._go(_Running(script=script, execution=self._execution, saved=saved, early=early))

    def _go(self, running: _Running) -> Outcome:
        self._running = None
        execution = running.execution
        execution.go()
        if execution.status in {"waits", "held"}:
            return self._parked(running)
        self._next_call = running.script.first_call + execution.calls
        output, cell_s = execution.printed.output(), execution.cell_s
        match execution.status:
            case "done":
                return Done(output=output, cell_s=cell_s)
            case "stopped":
                self._closed = True
                self._tasks.drop()
                return Stopped(output=output, cell_s=cell_s)
            case "killed":
                self._rewind(running)
                reason = execution.reason
                return Killed(reason=reason, message=_MESSAGES[reason], output=output, cell_s=cell_s)
            case _:
                return Raised(error=self._error_text(running), output=output, cell_s=cell_s)

    def _parked(self, running: _Running) -> Parked:
        self._running = running
        execution = running.execution
        waited = sorted(set(execution.handles) - set(dict(running.early)))
        output = execution.printed.output()
        return Parked(pending=tuple(waited), held=execution.held, output=output, cell_s=execution.cell_s)

    def _rewind(self, running: _Running) -> None:
        running.execution.over = True
        self._tasks.drop()
        self._world.restore(running.saved)
        self._next_call = running.script.first_call + running.execution.calls
        self._running = None

    def _error_text(self, running: _Running) -> str:
        error = running.execution.error or RuntimeError("no error")
        return traceback_text(error, self._sources, running.script.code.co_filename, self._world.failures)

    def _guard(self, name: str) -> Callable[..., object]:
        def guarded(*args: object, **kwargs: object) -> object:
            return self._current().call(name, args, kwargs)

        return guarded

    def _gather(self, *awaitables: Awaitable[Any]) -> Pending:
        return self._tasks.gather(*awaitables)

    def _run_nested(self, awaitable: Awaitable[Any]) -> object:
        return self._current().run_nested(awaitable)

    def _current(self) -> Execution:
        if self._execution is None:
            raise RuntimeError("no cell runs")
        return self._execution


def _compiled(code: str, file: str) -> CodeType:
    if len(code) > MAX_CODE_CHARS:
        raise SyntaxError(f"the cell has {len(code):,} characters; at most {MAX_CODE_CHARS:,} are allowed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(show_last_value(code), file, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
