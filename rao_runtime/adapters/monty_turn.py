"""One stretch of a cell on a worker, until the cell ends, waits or calls the host. Blocking: runs in a lane."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

from pydantic_monty import (
    ExternalResult,
    ExternalReturnValue,
    ExternalSettledResult,
    FunctionSnapshot,
    FutureSnapshot,
    MontyCrashedError,
    MontyError,
    MontyRuntimeError,
    MontySession,
    MontySyntaxError,
    NameLookupSnapshot,
    ResourceLimits,
    SyncSnapshot,
)

from rao_runtime.adapters.monty_errors import limit_of, place_of, traceback_of
from rao_runtime.adapters.monty_lane import Lane
from rao_runtime.adapters.monty_outside import Outside
from rao_runtime.adapters.monty_packing import packed, unpacked
from rao_runtime.adapters.monty_prelude import CHECK
from rao_runtime.adapters.monty_values import Settled, from_sandbox, raising, settled
from rao_runtime.adapters.sandbox_check import CHECK_SOURCE
from rao_runtime.adapters.sandbox_printed import Printed
from rao_runtime.adapters.sandbox_values import Failed, UnfitError
from rao_runtime.core.errors import SandboxError
from rao_runtime.ports import CellLimits, FailedValue, Return

_RECURSION = 500
_UNLIMITED = 2**31 - 1  # suspensions are counted here, per cell; Monty's own count starts anew with every check-out


@dataclass(slots=True, kw_only=True)
class Cell:
    """What a cell keeps from turn to turn."""

    base: bytes
    functions: tuple[str, ...]
    limits: CellLimits
    printed: Printed
    outside: Outside
    failures: Mapping[FailedValue, None]
    spent_s: float = 0.0
    suspensions: int = 0
    early: dict[int, Settled] = field(default_factory=dict[int, Settled])


@dataclass(frozen=True, slots=True)
class Called:
    """The cell called a host function; the worker waits for `Turn.reply`."""

    id: int
    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Everything in the cell waits; `parked` is all of it."""

    parked: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """The cell ended, with an exception if there is an `error`; `state` is the session after it.

    `state` is None where nothing ran, so that not even the inputs were set.
    """

    state: bytes | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """The worker's session is lost: a limit fired, or it crashed."""

    reason: str
    message: str


TurnEvent = Called | Waiting | Ended | Broken


Step = Callable[[], SyncSnapshot]
S = TypeVar("S", FunctionSnapshot, FutureSnapshot)


class _CallsExhaustedError(Exception):
    pass


class Turn:
    """Uses a lane's worker for one cell, once; `leave` must follow unless `is_over`.

    It is over, and the worker given back, with any event but Called.
    """

    def __init__(self, lane: Lane, cell: Cell) -> None:
        self._lane = lane
        self._cell = cell
        self._session: MontySession | None = None
        self._snapshot: SyncSnapshot | None = None
        self._called: Called | None = None
        self.is_over = False

    def start(self, state: bytes | None, code: str, inputs: Mapping[str, Any]) -> TurnEvent:
        """Run a cell on an idle session, None being a new one. Raises SandboxError."""
        dump = self._cell.base if state is None else unpacked(state, self._cell.base)
        session = self._open(lambda session: session.load_session(dump))
        step = partial(session.feed_start, code, inputs=dict(inputs), print_callback=self._cell.printed)
        return self._advance(step)

    def resume(self, parked: bytes, answer: Settled | None) -> TurnEvent:
        """Go on with a parked cell: `answer` is for the call it stands at, if it stands at one. Raises SandboxError."""
        dump = unpacked(parked, self._cell.base)
        self._open(lambda session: self._restore(session, dump))
        if answer is not None:
            return self.reply(answer)
        return self._advance(lambda: self._stood_at(FutureSnapshot))  # its results are in `early`

    def reply(self, answer: ExternalResult) -> TurnEvent:
        """Answer the call the cell stands at."""
        return self._advance(partial(self._stood_at(FunctionSnapshot).resume, answer))

    def hold(self) -> Waiting:
        """Park the cell at the call it stands at."""
        waiting = self._waiting(self._stood_at(FunctionSnapshot))
        self.leave()
        return waiting

    def leave(self) -> None:
        """Give the worker back."""
        self._give_back()
        self.is_over = True

    def _give_back(self) -> None:
        if self._session is not None:
            self._lane.checkin(self._session)
            self._session = None

    def _open(self, load: Callable[[MontySession], None]) -> MontySession:
        self._cell.printed.on_flood = self._lane.kill
        for attempt in (1, 2):
            try:
                self._session = self._lane.checkout(resources(self._cell.limits))
                load(self._session)
            except (MontyError, TimeoutError) as error:
                self._give_back()
                if attempt == 2:
                    raise SandboxError(f"no worker: {error}") from error
            else:
                return self._session
        raise AssertionError("unreachable")

    def _restore(self, session: MontySession, parked: bytes) -> None:
        self._snapshot = session.load_snapshot(parked, print_callback=self._cell.printed)

    def _stood_at(self, kind: type[S]) -> S:
        snapshot = self._snapshot
        if not isinstance(snapshot, kind):
            raise SandboxError(f"the cell stands at a {type(snapshot).__name__}, not at a {kind.__name__}")
        return snapshot

    def _advance(self, step: Step) -> TurnEvent:
        event = self._go(step)
        if not isinstance(event, Called):
            self.leave()
        return event

    def _go(self, step: Step) -> TurnEvent:
        self._called = None
        try:
            next_step: Step | None = step
            while next_step is not None:
                self._snapshot = self._timed(next_step)
                next_step = self._own_answer(self._snapshot)
            return self._event()
        except (MontyRuntimeError, MontySyntaxError) as error:
            return self._failed(error)
        except MontyCrashedError as error:
            return self._crashed(error)
        except _CallsExhaustedError:
            return Broken("calls", f"more than {self._cell.limits.calls:,} calls in one cell")

    def _timed(self, step: Step) -> SyncSnapshot:
        started = perf_counter()
        try:
            return step()
        finally:
            self._cell.spent_s += perf_counter() - started

    def _own_answer(self, snapshot: SyncSnapshot) -> Step | None:
        """How to go on where the host need not be asked."""
        match snapshot:
            case NameLookupSnapshot():
                self._count()
                return snapshot.resume  # a name, or an attribute of a Failed, that does not exist
            case FunctionSnapshot():
                self._count()
                return self._system_answer(snapshot) if snapshot.is_os_function else self._receive(snapshot)
            case FutureSnapshot():
                return self._early_results(snapshot)
            case _:
                return None

    def _count(self) -> None:
        self._cell.suspensions += 1
        if self._cell.suspensions > self._cell.limits.calls:
            raise _CallsExhaustedError

    def _system_answer(self, snapshot: FunctionSnapshot) -> Step:
        if not self._cell.outside.answers(snapshot.function_name):
            return snapshot.resume_not_handled
        try:
            value = self._cell.outside.answer(snapshot.function_name, snapshot.args)
        except UnfitError as error:
            return partial(snapshot.resume, raising(error.exc_type, str(error)))
        return partial(snapshot.resume, ExternalReturnValue(return_value=value))

    def _receive(self, snapshot: FunctionSnapshot) -> Step | None:
        name = str(snapshot.function_name)
        if snapshot.object_id is not None:
            return partial(snapshot.resume, _on_failed(name, snapshot.args))
        if name == CHECK:
            return partial(snapshot.resume, ExternalReturnValue(return_value=CHECK_SOURCE))
        if name not in self._cell.functions:  # built-ins Monty leaves to the host: `input`, `exit`
            return partial(snapshot.resume, raising("NameError", f"name '{name}' is not defined"))
        try:
            args = tuple(map(from_sandbox, snapshot.args))
            kwargs = {key: from_sandbox(value) for key, value in snapshot.kwargs.items()}
        except UnfitError as error:
            return partial(snapshot.resume, raising(error.exc_type, f"{name}(): {error}"))
        self._called = Called(snapshot.call_id, name, args, kwargs)
        return None

    def _early_results(self, snapshot: FutureSnapshot) -> Step | None:
        pending = set(snapshot.pending_call_ids)
        results: dict[int, ExternalSettledResult] = {
            call: result for call, result in self._cell.early.items() if call in pending
        }
        self._cell.early.clear()
        return partial(snapshot.resume, results) if results else None

    def _event(self) -> TurnEvent:
        if self._called is not None:
            return self._called
        if isinstance(self._snapshot, FutureSnapshot):
            return self._waiting(self._snapshot)
        return self._ended(None)

    def _waiting(self, snapshot: FunctionSnapshot | FutureSnapshot) -> Waiting:
        return Waiting(packed(snapshot.dump(), self._cell.base))

    def _ended(self, error: str | None) -> Ended:
        if self._session is None:
            raise SandboxError("the worker was given back already")
        return Ended(packed(self._session.dump(), self._cell.base), error)

    def _failed(self, error: MontyRuntimeError | MontySyntaxError) -> TurnEvent:
        if isinstance(error, MontyRuntimeError) and (limit := limit_of(error)):
            return Broken(limit, " at ".join(filter(None, (error.display("msg"), place_of(error)))))
        if isinstance(error, MontyRuntimeError) and not error.traceback():
            return Broken("crash", error.display("type-msg"))  # not the cell's: the session may stand anywhere
        text = traceback_of(error, self._cell.failures)
        return Ended(None, text) if isinstance(error, MontySyntaxError) else self._ended(text)

    def _crashed(self, error: MontyCrashedError) -> Broken:
        if self._cell.printed.flooded:
            return Broken("output", "the cell prints without end")
        if error.timed_out:
            return Broken("time", f"more than {self._cell.limits.run_s:g} s of execution")
        return Broken("crash", "the worker process died")


def resources(limits: CellLimits) -> ResourceLimits:
    """The limits as the worker enforces them."""
    return ResourceLimits(
        max_feed_duration_secs=limits.run_s,
        max_turn_duration_secs=limits.run_s,
        max_memory=limits.memory_bytes,
        max_recursion_depth=_RECURSION,
        max_suspensions=_UNLIMITED,
        max_total_sleep_secs=1.0,
    )


def _on_failed(method: str, args: tuple[Any, ...]) -> Settled:
    """The answer to a call on `Failed`, or on one of them: it can be made, and has no methods."""
    match method, args:
        case "__call__", (str(reason), str(message)):
            return settled(Return(FailedValue(reason, message)))
        case "__call__", _:
            return raising("TypeError", f"{Failed.__name__}(reason, message) takes two strings")
        case _:
            return raising("AttributeError", f"'{Failed.__name__}' object has no attribute '{method}'")
