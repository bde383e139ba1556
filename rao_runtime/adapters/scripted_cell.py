"""One execution of one cell in this process.

A call that is held, or `asyncio.run` around something that waits, cannot be suspended in plain Python. Such a cell is
left by an exception; to go on, it is executed again from its start with the answers it had before.
"""

import builtins
import inspect
import sys
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any, NoReturn, cast

from rao_runtime.adapters.sandbox_check import CHECK_SOURCE
from rao_runtime.adapters.sandbox_printed import Printed
from rao_runtime.adapters.sandbox_values import Failed, UnfitError, encodable, mapped, refuse_huge
from rao_runtime.adapters.scripted_tasks import Pending, Task, Tasks, Unwound
from rao_runtime.adapters.scripted_world import World
from rao_runtime.ports import CellLimits, FailedValue, Hold, Host, HostCall, Later, Raise, Return, Stop

CELL_FILE = "<cell"
_STEPS_PER_S = 100_000

Results = list[tuple[int, Return | Raise]]


@dataclass(slots=True)
class Tape:
    """All that a cell was told from outside, in order, with the time it was told at where that moved the clock."""

    answers: list[tuple[Return | Raise | Later, float | None]] = field(
        default_factory=list[tuple[Return | Raise | Later, float | None]]
    )
    batches: list[tuple[Results, float]] = field(default_factory=list[tuple[Results, float]])


@dataclass(slots=True, kw_only=True)
class Script:
    """A cell: its code, who answers, when it starts, under which bounds; `first_call` is the id of its first call."""

    code: CodeType
    host: Host
    now: float
    limits: CellLimits
    first_call: int
    tape: Tape = field(default_factory=Tape)


class Execution:
    """Runs a script until `status` says `done`, `failed`, `waits`, `held`, `stopped` or `killed`."""

    def __init__(self, world: World, tasks: Tasks, script: Script) -> None:
        self._world = world
        world.now = script.now
        self._tasks = tasks
        self._script = script
        self.calls = 0
        self._batches = 0
        self._steps = 0
        self.over = False
        self.printed = world.printed = Printed(script.limits.output_bytes)
        self._main = tasks.spawn(_body(script.code, world.variables))
        self.status = "runs"
        self.reason = ""
        self.error: BaseException | None = None
        self.live = True
        self.handles: dict[int, Pending] = {}

    @property
    def cell_s(self) -> float:
        """Execution time, by a rule: so many steps of the interpreter are a second."""
        return self._steps / _STEPS_PER_S

    @property
    def held(self) -> int | None:
        """The call it stands at."""
        return self._script.first_call + self.calls - 1 if self.status == "held" else None

    def go(self) -> None:
        """Run until something has to come from outside."""
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            if not self._advance(self._main):
                self.status = "waits"
            else:
                self.error = self._main.error
                self.status = "done" if self.error is None else "failed"
                self.over = True
        except Unwound:
            self.over = True
        finally:
            sys.settrace(before)

    def run_nested(self, awaitable: Awaitable[Any]) -> object:
        """`asyncio.run`: the awaitable's result, while everything else stands still."""
        task = self._tasks.spawn(awaitable)
        self.live = False  # if it waits in here, the code around it cannot be kept
        if not self._advance(task):
            self._leave("waits")
        self.live = True
        return task.result()

    def call(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> object:
        """A host function was called by the cell."""
        if self.over:
            raise Unwound
        _check(name, [*args, *kwargs.values()])
        call_id = self._script.first_call + self.calls
        try:
            call = HostCall(call_id, name, tuple(map(outward, args)), {key: outward(kwargs[key]) for key in kwargs})
        except UnfitError as error:
            raise ValueError(f"{name}(): {error}") from None
        answer = self._answer(call)
        match answer:
            case Later():
                self.handles[call_id] = Pending()
                return Handle(self.handles[call_id], name, self)
            case Return():
                return inward(answer.value)
            case Raise():
                raise _exception_of(answer)

    def _advance(self, until: Task) -> bool:
        tape = self._script.tape
        while not self._tasks.run(until):
            if self._batches == len(tape.batches):
                return False
            results, self._world.now = tape.batches[self._batches]
            self._batches += 1
            for call_id, result in results:
                _settle(self.handles.pop(call_id), result)
        return True

    def _answer(self, call: HostCall) -> Return | Raise | Later:
        tape = self._script.tape
        self.calls += 1
        if self.calls > self._script.limits.calls:
            self._leave("killed", "calls")
        if self.calls > len(tape.answers):
            answer = self._script.host.call(call)
            self._world.note(answer)
            match answer:
                case Stop():
                    self._leave("stopped")
                case Hold():
                    self._leave("held")
                case _:
                    tape.answers.append((answer, None))
        answer, moved = tape.answers[self.calls - 1]
        if moved is not None:
            self._world.now = moved
        return answer

    def _leave(self, status: str, reason: str = "") -> NoReturn:
        self.status, self.reason, self.over = status, reason, True
        self._world.printed = Printed(0)  # what the cell says on its way out is not part of it
        raise Unwound

    def _trace(self, frame: FrameType, _event: str, _arg: object) -> Callable[..., Any] | None:
        if not frame.f_code.co_filename.startswith(CELL_FILE):
            return None
        frame.f_trace_opcodes = True  # a loop on one line makes no line events
        return self._step

    def _step(self, _frame: FrameType, event: str, _arg: object) -> Callable[..., Any]:
        self._steps += event == "opcode"
        if self.cell_s > self._script.limits.run_s:
            self._leave("killed", "time")
        if self._world.printed.flooded:
            self._leave("killed", "output")
        return self._step


class Handle(Awaitable[Any]):
    """What a cell gets for a call answered later. As in Monty, it can be awaited once, and in its own cell only."""

    def __init__(self, pending: Pending, name: str, execution: Execution) -> None:
        self._pending = pending
        self._name = name
        self._execution = execution
        self._used = False

    def __await__(self) -> Generator[Pending, None, Any]:
        if self._execution.over:
            raise RuntimeError(f"{self._name}(): this call was made by an earlier cell and ended with it; call again")
        if self._used:
            raise RuntimeError("cannot reuse already awaited coroutine")
        self._used = True
        return self._pending.__await__()


def outward(value: object) -> object:
    """A cell's value as the host takes it. Raises UnfitError."""
    if isinstance(value, int):
        refuse_huge(value)
    if isinstance(value, Failed):
        return FailedValue(value.reason, value.message)
    changed = mapped(outward, value)
    return value if changed is None else changed


def inward(value: object) -> object:
    """A host's value as a cell takes it. Raises TypeError for what is not plain."""
    match value:
        case None | bool() | int() | float() | bytes():
            return value
        case str():
            return value if value.isascii() else encodable(value)
        case FailedValue():
            return Failed(encodable(value.reason), encodable(value.message))
        case _:
            changed = mapped(inward, value)
            if changed is None:
                raise TypeError(f"not a plain value: {type(value).__name__}")
            return changed


async def _body(code: CodeType, variables: dict[str, Any]) -> None:
    result = eval(code, variables)  # noqa: S307 - this is the sandbox for tests, and says that it is none
    if inspect.iscoroutine(result):
        await result


def _settle(handle: Pending, result: Return | Raise) -> None:
    if isinstance(result, Return):
        handle.settle(inward(result.value))
    else:
        handle.settle(error=_exception_of(result))


def _exception_of(answer: Raise) -> BaseException:
    kind = getattr(builtins, answer.exc_type, None)
    if isinstance(kind, type) and issubclass(kind, BaseException):
        return kind(answer.message)
    return RuntimeError(f"{answer.exc_type}: {answer.message}")


def _load_check() -> Callable[[str, list[Any]], None]:
    scope: dict[str, Any] = {"Failed": Failed}
    exec(CHECK_SOURCE, scope)  # noqa: S102 - our own text, the same that runs in Monty
    return cast(Callable[[str, list[Any]], None], scope["check"])


_check = _load_check()
