"""A server at one address that is killed in several ways, and started again."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.chaos.nursery import ServerProcess
from tests.chaos.waits import within

STORE = "valkey-server"
# Its drain takes 8 seconds at most, its store up to 10 to write everything, on a machine that others use as well.
LEAVE_S = 20.0
LOG_TAIL_LINES = 40


class Host:
    """The place of a server: folder, port, settings.

    `up` and `down` tell of the server now, `starts` of every start so far, in epoch seconds.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.up = asyncio.Event()
        self.down = asyncio.Event()
        self.starts = list[float]()
        self.log = folder / "server.log"
        # Bound and never listening, it keeps the port from everybody but the server.
        self._place = socket.socket()
        self._place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._place.bind(("127.0.0.1", 0))
        self._settings = {
            **settings,
            "RAO_PORT": str(self.port),
            "RAO_DATA_DIR": str(folder / "data"),
            "RAO_LOG_LEVEL": "warning",
        }
        self._process: ServerProcess | None = None

    @property
    def port(self) -> int:
        """The same for every server here."""
        return self._place.getsockname()[1]

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(TimeoutError):
            await self.leave()
        await self.kill()
        self._place.close()

    async def start(self) -> None:
        """Start the server, and wait until it takes requests."""
        self.spawn()
        await self._server.ready()
        self.down.clear()
        self.up.set()

    def spawn(self) -> None:
        """Start the server, and do not wait."""
        assert self._process is None
        self.starts.append(time.time())
        self._process = ServerProcess(self._settings, self.log)

    async def kill(self) -> None:
        """SIGKILL the server, wherever it is, if there is one."""
        if self._process is not None:
            self._gone()
            self._process.send(signal.SIGKILL)
            await self._process.ended()
            self._let_go(self._process)

    async def leave(self) -> int:
        """SIGTERM the server, and wait until it has left; its exit status. Raises TimeoutError."""
        if self._process is None:
            return 0
        self._process.send(signal.SIGTERM)
        # Until it has left it may still answer.
        async with asyncio.timeout(LEAVE_S):
            status = await self._process.ended()
        self._gone()
        self._let_go(self._process)
        return status

    def kill_store(self) -> bool:
        """SIGKILL the store that the server started. False where there is none at this moment."""
        found = [pid for pid in _children(self._server.pid) if _name(pid) == STORE]
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return bool(found)

    async def stays(self, seconds: float) -> None:
        """Let the server run for so long. Raises AssertionError where it ends by itself."""
        if await within(seconds, self._server.ended()):
            raise AssertionError(f"the server ended by itself:\n{self.tail()}")

    def tail(self) -> str:
        """The last lines that servers here have logged."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-LOG_TAIL_LINES:])

    @property
    def _server(self) -> ServerProcess:
        assert self._process is not None
        return self._process

    def _let_go(self, process: ServerProcess) -> None:
        process.close()
        self._process = None

    def _gone(self) -> None:
        self.up.clear()
        self.down.set()


def _children(pid: int) -> list[int]:
    try:
        threads = os.listdir(f"/proc/{pid}/task")
        lists = [Path(f"/proc/{pid}/task/{thread}/children").read_text() for thread in threads]
    except FileNotFoundError:
        return []
    return [int(child) for each in lists for child in each.split()]


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except FileNotFoundError:
        return ""
