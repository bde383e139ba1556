"""Coroutines without an event loop: a queue of tasks, driven by hand, the same order every time."""

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import suppress
from functools import partial
from typing import Any, cast


class Unwound(BaseException):
    """Leaves a cell from the inside, past its `except Exception`."""


class Pending(Awaitable[Any]):
    """Something that will have a result."""

    def __init__(self) -> None:
        self.done = False
        self._value: object = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[], None]] = []

    def __await__(self) -> Generator["Pending", None, Any]:
        if not self.done:
            yield self
        return self.result()

    def result(self) -> object:
        """The value, or raises the error."""
        if self._error is not None:
            raise self._error
        return self._value

    @property
    def error(self) -> BaseException | None:
        """The error it ended with."""
        return self._error

    def settle(self, value: object = None, error: BaseException | None = None) -> None:
        """End it; the first time counts."""
        if self.done:
            return
        self.done, self._value, self._error = True, value, error
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def when_done(self, callback: Callable[[], None]) -> None:
        """Call back once it has ended."""
        if self.done:
            callback()
        else:
            self._callbacks.append(callback)


class Task(Pending):
    """A coroutine on its way."""

    def __init__(self, coroutine: Coroutine[Pending, None, Any]) -> None:
        super().__init__()
        self.coroutine = coroutine


class Tasks:
    """Runs tasks in the order in which they became ready."""

    def __init__(self) -> None:
        self._ready: deque[Task] = deque()
        self._all: list[Task] = []

    def spawn(self, awaitable: Awaitable[Any]) -> Task:
        """A task for the awaitable; it starts when the others have had their turn."""
        own = cast(Coroutine[Pending, None, Any], awaitable) if isinstance(awaitable, Coroutine) else _run(awaitable)
        task = Task(own)
        self._all.append(task)
        self._ready.append(task)
        return task

    def run(self, until: Task) -> bool:
        """Run until that task has ended, or everything waits; returns whether it has ended."""
        while not until.done and self._ready:
            self._step(self._ready.popleft())
        return until.done

    def gather(self, *awaitables: Awaitable[Any]) -> Pending:
        """All results in order; the first error ends the wait, the other tasks go on."""
        tasks = [self.spawn(each) for each in awaitables]
        whole, left = Pending(), len(tasks)

        def one_ended(task: Task) -> None:
            nonlocal left
            left -= 1
            if task.error is not None:
                whole.settle(error=task.error)
            elif left == 0 and not whole.done:
                whole.settle([each.result() for each in tasks])

        for task in tasks:
            task.when_done(partial(one_ended, task))
        if not tasks:
            whole.settle([])
        return whole

    def drop(self) -> None:
        """Forget all tasks. What their code does on the way out has no effect on anything."""
        for task in self._all:
            with suppress(BaseException):
                task.coroutine.close()

    def _step(self, task: Task) -> None:
        try:
            awaited = task.coroutine.send(None)
        except StopIteration as stop:
            task.settle(stop.value)
        except Unwound:
            raise
        except BaseException as error:  # noqa: BLE001 - a cell's own error belongs to its task, SystemExit too
            task.settle(error=error)
        else:
            awaited.when_done(lambda: self._ready.append(task))


async def _run(awaitable: Awaitable[Any]) -> Any:  # noqa: ANN401 - whatever a cell's coroutine returns
    return await awaitable
