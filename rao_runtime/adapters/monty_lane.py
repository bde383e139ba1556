"""A lane: one thread and the one worker process it talks to.

Monty's synchronous interface in threads costs a third of the CPU of its asynchronous one, and one hop to the thread and
back carries a whole stretch of a cell: check-out, load, run, dump.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from pydantic_monty import Monty, MontyError, MontySession, OSPolicy, ResourceLimits

T = TypeVar("T")

_TURN_TIMEOUT_S = 120.0  # the parent's own deadline behind the worker's, in case the worker's clock never fires
_SESSIONS_PER_WORKER = 1_000
_POLICY = OSPolicy(datetime="call_host", sleep="call_host", random_start="call_host")


class Lane:
    """Runs jobs one after the other in its own thread; a job may use `checkout`."""

    def __init__(self, binary: str | None) -> None:
        self._pool = Monty(
            binary_path=binary,
            min_processes=1,
            max_processes=1,
            checkout_timeout=_TURN_TIMEOUT_S,
            request_timeout=_TURN_TIMEOUT_S,
            max_checkouts_per_worker=_SESSIONS_PER_WORKER,
        )
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = Thread(target=self._serve, name="monty-lane", daemon=True)
        self._thread.start()
        self._pid: int | None = None

    async def open(self) -> None:
        """Start the worker and see it answer. Raises what Monty raises."""
        await self.run(self._start)

    async def close(self) -> None:
        """Kill the worker, end the thread."""
        self.kill()
        await self.run(lambda: self._pool.__exit__(None, None, None))
        self._jobs.put(None)
        self._thread.join()  # it has nothing left to do: this takes microseconds

    async def run(self, job: Callable[[], T]) -> T:
        """The job's result. When cancelled, the worker is killed, so that the job comes to an end at once."""
        done: asyncio.Future[T] = self._loop.create_future()

        def work() -> None:
            try:
                result = job()
            except BaseException as error:  # noqa: BLE001 - handed to whoever waits, on the loop's thread
                self._call_back(_fail, done, error)
            else:
                self._call_back(_settle, done, result)

        self._jobs.put(work)
        try:
            return await done
        except asyncio.CancelledError:
            self.kill()
            raise

    def finish(self, job: Callable[[], None], then: Callable[[], None]) -> None:
        """Have the job done after those before it, without waiting; `then` runs on the loop, even if it failed."""

        def work() -> None:
            try:
                job()
            finally:
                self._call_back(then)

        self._jobs.put(work)

    def checkout(self, limits: ResourceLimits) -> MontySession:
        """A fresh session on the worker; for jobs."""
        session = self._pool.checkout(limits=limits, os_policy=_POLICY, script_name="cell")
        session.__enter__()
        self._pid = session.worker_pid
        return session

    def checkin(self, session: MontySession) -> None:
        """Give the worker back; for jobs."""
        self._pid = None
        with suppress(MontyError):  # a worker that died is replaced by the next check-out
            session.__exit__(None, None, None)

    def kill(self) -> None:
        """Kill the worker if it is checked out. The next check-out gets a new one."""
        if (pid := self._pid) is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _start(self) -> None:
        self._pool.__enter__()
        session = self.checkout(ResourceLimits())
        session.feed_run("None")
        self.checkin(session)

    def _serve(self) -> None:
        while (work := self._jobs.get()) is not None:
            work()

    def _call_back(self, settle: Callable[..., None], *args: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(settle, *args)


def _settle(done: "asyncio.Future[T]", result: T) -> None:
    if not done.done():
        done.set_result(result)


def _fail(done: "asyncio.Future[Any]", error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)
