"""Starts the programs a benchmark needs, on ports of the system's choice, and stops them whatever happens."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from rao_runtime.adapters.embedded_valkey import EmbeddedValkey

ROOT = Path(__file__).parent.parent
START_S = 30.0
STOP_S = 12.0
LOG_TAIL_BYTES = 4000


@dataclass(frozen=True, slots=True)
class Program:
    """A running program that takes requests."""

    pid: int
    url: str


@asynccontextmanager
async def stand_in(*arguments: str) -> AsyncGenerator[Program, None]:
    """A replica that is none: `python -m benchmarks.replica` with these arguments."""
    async with _running("benchmarks.replica", *arguments) as running:
        yield await running.program()


@asynccontextmanager
async def collector() -> AsyncGenerator[Program, None]:
    """Counts spans: `python -m benchmarks.collector`."""
    async with _running("benchmarks.collector") as running:
        yield await running.program()


@asynccontextmanager
async def server(settings: Mapping[str, str]) -> AsyncGenerator[Program, None]:
    """The server itself, `python -m server`, with these settings and no others."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {"RAO_PORT": "0", "RAO_LOG_LEVEL": "warning", "RAO_DATA_DIR": folder, **settings}
        async with _running("server", environment=environment) as running:
            yield await running.program()


@asynccontextmanager
async def worker(settings: Mapping[str, str]) -> AsyncGenerator[None, None]:
    """A worker, `rao worker`, with these settings and no others, once it is up."""
    environment = {"RAO_LOG_LEVEL": "warning", **settings}
    async with _running("rao_runtime.cli", "worker", environment=environment) as running:
        async with asyncio.timeout(START_S):
            if not await running.output.readline():
                raise RuntimeError(f"the worker did not start: {running.log_tail()}")
        yield


@asynccontextmanager
async def valkey(folder: Path) -> AsyncGenerator[str, None]:
    """A Valkey of its own, data in this folder; its URL."""
    async with EmbeddedValkey(folder) as running:
        yield running.url


async def answer_of(module: str, *arguments: str, timeout_s: float) -> dict[str, Any]:
    """The JSON object on the last line that a module prints. Raises RuntimeError where it fails, and TimeoutError."""
    async with _running(module, *arguments) as running:
        async with asyncio.timeout(timeout_s):
            printed = await running.output.read()
            status = await running.process.wait()
        if status or not printed:
            raise RuntimeError(f"{module} ended with status {status}: {running.log_tail()}")
        return orjson.loads(printed.splitlines()[-1])


@dataclass(frozen=True, slots=True)
class _Running:
    name: str
    process: asyncio.subprocess.Process
    output: asyncio.StreamReader
    log: BinaryIO

    async def program(self) -> Program:
        """The program once it takes requests: the first line it prints is its URL."""
        async with asyncio.timeout(START_S):
            line = await self.output.readline()
        if not line:
            raise RuntimeError(f"{self.name} did not start: {self.log_tail()}")
        return Program(self.process.pid, line.decode().strip())

    def log_tail(self) -> str:
        """The end of what it wrote to standard error."""
        self.log.seek(0)
        return self.log.read()[-LOG_TAIL_BYTES:].decode(errors="replace")


@asynccontextmanager
async def _running(
    module: str, *arguments: str, environment: Mapping[str, str] | None = None
) -> AsyncGenerator[_Running, None]:
    # A setting of whoever starts the benchmarks would change what is measured.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RAO_", "OTEL_"))}
    with tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *arguments,
            cwd=ROOT,
            env={**inherited, "PYTHONUNBUFFERED": "1", **(environment or {})},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
        try:
            if process.stdout is None:
                raise RuntimeError("asked for a pipe, got none")
            yield _Running(module, process, process.stdout, log)
        finally:
            await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    with suppress(TimeoutError):
        async with asyncio.timeout(STOP_S):
            await process.wait()
    # Its own session makes it the leader of a group: whatever is left of it goes too.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
