"""A server for the length of the demo: it ends with it, and its trees with the server."""

import asyncio
import os
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar, cast

from rao_runtime.adapters.valkey_command import find_setpriv, tied
from rao_runtime.cli.errors import UNREACHABLE, CliError
from rao_runtime.cli.plain import one_line

START_S = 60.0
STOP_S = 10.0
LAST_CHARS = 2_000

SERVE = ("-m", "rao_runtime.cli", "serve", "--host", "127.0.0.1", "--port", "0")
# Beside these, what the environment and rao.toml set holds: replicas and profiles of somebody who has some.
SETTINGS = ("redis_url=memory://", "worker=true", "drain_s=1")
IS_UP = b"is serving at"

T = TypeVar("T")


class ServerGone(CliError):
    """The server did not start, or ended before the demo had."""

    def __init__(self, what: str, details: Sequence[str] = ()) -> None:
        super().__init__(what, details, status=UNREACHABLE)


class OwnServer:
    """`rao serve` as a child, on a port the system chose, its log in a file."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.url = ""
        self._process = process
        self._log = log

    @classmethod
    async def start(cls, log: Path) -> Self:
        """Start it and wait until it takes requests. Raises ServerGone."""
        made = cls(await _spawn(log), log)
        try:
            async with asyncio.timeout(START_S):
                made.url = await made._told_url()
        except TimeoutError as error:
            await made.stop()
            raise ServerGone(f"the server did not start within {START_S:.0f} s") from error
        except BaseException:
            await made.stop()
            raise
        return made

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.returncode is None

    async def beside(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work as long as the server runs. Raises ServerGone when it ends first."""
        try:
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self._until_gone())
                done = await work
                watch.cancel()
                return done
        except ExceptionGroup as errors:
            gone = errors.subgroup(ServerGone)
            raise (gone or errors).exceptions[0] from None

    async def stop(self) -> None:
        """Have it end; kill it when that takes too long."""
        try:
            if self.is_running:
                self._process.terminate()
                async with asyncio.timeout(STOP_S):
                    await self._process.wait()
        except TimeoutError:
            pass  # killed below, as it is where this wait is cancelled
        finally:
            if self.is_running:
                self._process.kill()
                await self._process.wait()

    async def _told_url(self) -> str:
        output = cast("asyncio.StreamReader", self._process.stdout)  # a pipe was asked for
        async for line in output:
            if IS_UP in line:
                return line.split()[-1].decode()
        await self._process.wait()
        raise ServerGone("the server did not start", _last_line(self._log))

    async def _until_gone(self) -> None:
        status = await self._process.wait()
        raise ServerGone(f"the server ended in the midst of it ({_ending(status)})")


async def _spawn(log: Path) -> asyncio.subprocess.Process:
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    environment = {name: value for name, value in os.environ.items() if name != "RAO_SERVER"}
    with log.open("wb") as errors:
        return await asyncio.create_subprocess_exec(
            *tied([sys.executable, *SERVE, *settings], await find_setpriv()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env=environment,
            start_new_session=True,  # Ctrl-C in a terminal is for the demo: it cancels its tree first
        )


def _ending(status: int) -> str:
    return f"killed by signal {-status}" if status < 0 else f"exit status {status}"


def _last_line(log: Path) -> list[str]:
    lines = log.read_text(errors="replace")[-LAST_CHARS:].split("\n")
    said = [line for line in lines if line.strip()]
    return [f"It said: {one_line(said[-1])}"] if said else []
