"""Servers as processes of their own, forked from one that has imported everything.

A start from nothing is mostly imports: 0.8 s of CPU, 200 times over. A fork costs a twentieth of that, and all that
matters here is as in `python -m server`: settings, the embedded store, the port, signals and who is whose parent.
"""

import asyncio
import os
import signal
from collections.abc import Mapping
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from rao_runtime.config import load
from server.serving import serve

START_S = 30.0

_NURSERY = get_context("forkserver")
_NURSERY.set_forkserver_preload(["server.serving", __name__])


class ServerProcess:
    """One server, from its start on. Its output is added to `log`. It does not outlive this process."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._url, url = _NURSERY.Pipe(duplex=False)
        lifeline, self._lifeline = _NURSERY.Pipe(duplex=False)
        self._process: ForkServerProcess = _NURSERY.Process(
            target=_serve, args=(dict(environment), str(log), url, lifeline), daemon=True
        )
        self._process.start()
        url.close()
        lifeline.close()
        self._end = asyncio.create_task(self._ended())

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    async def ready(self) -> str:
        """Its URL once it takes requests. Raises AssertionError where it ends before, or takes too long."""
        async with asyncio.timeout(START_S):
            await _readable(self._url.fileno())
        try:
            return self._url.recv()
        except EOFError:
            raise AssertionError(f"the server did not start, status {await self.ended()}") from None

    async def ended(self) -> int:
        """Wait for its end; its exit status, a signal's number negative."""
        return await asyncio.shield(self._end)

    def send(self, number: signal.Signals) -> None:
        """Signal it, unless it has ended."""
        if not self._end.done():
            os.kill(self.pid, number)

    def close(self) -> None:
        """Let go of what tied it to us, once it has ended."""
        self._process.close()
        self._url.close()
        self._lifeline.close()

    async def _ended(self) -> int:
        await _readable(self._process.sentinel)
        self._process.join()
        status = self._process.exitcode
        return -1 if status is None else status


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(descriptor, lambda: ready.done() or ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)


def _serve(environment: Mapping[str, str], log: str, url: Connection, lifeline: Connection) -> None:
    """What the new process does."""
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    # Settings of whoever runs the tests must not reach it.
    for name in [name for name in os.environ if name.startswith("RAO_")]:
        del os.environ[name]
    os.environ.update(environment)

    def ready(at: str) -> None:
        url.send(at)
        asyncio.get_running_loop().add_reader(lifeline.fileno(), os.kill, os.getpid(), signal.SIGKILL)

    serve(load(), on_ready=ready)
