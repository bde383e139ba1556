"""One stretch of a cell on a worker, until the cell ends, waits or calls the host. Blocking: runs in a lane."""

from collections.abc import Callable, Mapping
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
    SyncSnapshot,
)

from rao_runtime.adapters.monty_cell import Broken, Called, Cell, Ended, TurnEvent, Waiting, resources
from rao_runtime.adapters.monty_errors import limit_of, place_of, traceback_of
from rao_runtime.adapters.monty_lane import Lane
from rao_runtime.adapters.monty_packing import packed, unpacked
from rao_runtime.adapters.monty_prelude import CHECK
from rao_runtime.adapters.monty_values import Settled, from_sandbox, raising, settled
from rao_runtime.adapters.sandbox_check import CHECK_SOURCE
from rao_runtime.adapters.sandbox_values import Failed, UnfitError
from rao_runtime.core.errors import SandboxError
from rao_runtime.ports import FailedValue, Return

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

    def hold(self) -> Waiting | Broken:
        """Park the cell at the call it stands at."""
        try:
            return self._waiting(self._stood_at(FunctionSnapshot))
        except MontyError as error:
            return self._broken(error)
        finally:
            self.leave()

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
        try:
            return self._stretch(step)
        except MontyError as error:  # also where a dump does not fit into the memory any more
            return self._broken(error)
        except _CallsExhaustedError:
            return Broken("calls", f"more than {self._cell.limits.calls:,} calls in one cell")

    def _stretch(self, step: Step) -> TurnEvent:
        self._called = None
        try:
            next_step: Step | None = step
            while next_step is not None:
                self._snapshot = self._timed(next_step)
                next_step = self._own_answer(self._snapshot)
        except MontySyntaxError as error:
            return Ended(None, traceback_of(error, self._cell.failures))
        except MontyRuntimeError as error:
            if limit_of(error) or not error.traceback():  # not the cell's own: the session may stand anywhere
                raise
            return self._ended(traceback_of(error, self._cell.failures))
        return self._event()

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

    def _broken(self, error: MontyError) -> Broken:
        match error:
            case MontyCrashedError() if self._cell.printed.flooded:
                return Broken("output", "the cell prints without end")
            case MontyCrashedError() if error.timed_out:
                return self._limit("time", "")
            case MontyRuntimeError() if limit := limit_of(error):
                return self._limit(limit, place_of(error))
            case _:
                return Broken("crash", f"the worker process failed: {str(error)[:200]}")

    def _limit(self, limit: str, place: str) -> Broken:
        # Monty's own words hold the exact time; a replay is to say the same.
        limits = self._cell.limits
        bound = f"{limits.run_s:g} s of execution" if limit == "time" else f"{limits.memory_bytes >> 20} MiB of memory"
        return Broken(limit, f"more than {bound}" + (f", at {place}" if place else ""))


def _on_failed(method: str, args: tuple[Any, ...]) -> Settled:
    """The answer to a call on `Failed`, or on one of them: it can be made, and has no methods."""
    match method, args:
        case "__call__", (str(reason), str(message)):
            return settled(Return(FailedValue(reason, message)))
        case "__call__", _:
            return raising("TypeError", f"{Failed.__name__}(reason, message) takes two strings")
        case _:
            return raising("AttributeError", f"'{Failed.__name__}' object has no attribute '{method}'")
