"""A Valkey server of our own: nothing to set up, data in a local folder, started, watched and ended by this process.

It listens on a Unix socket only. When this process ends, in whatever way, the server writes what it has and ends too;
until it has, it holds the folder's lock, so that nobody else starts a second one on the same data.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from rao_runtime.adapters.data_dir import LOCK_WAIT_S, DataDirError, locked, socket_path
from rao_runtime.adapters.valkey_command import NoValkey, find_server, find_setpriv
from rao_runtime.adapters.valkey_log import turn_over
from rao_runtime.adapters.valkey_process import ValkeyPlace, ValkeyProcess

log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 5.0
_STEADY_S = 30.0
_LOOK_AT_LOG_S = 60.0


class EmbeddedValkey:
    """`async with EmbeddedValkey(folder) as valkey: ... valkey.url`. A server that dies is started again.

    Entering takes as long as loading the data does. Raises DataDirError for a folder that is in use, unfit or damaged,
    and NoValkey where no server comes for this platform. `server` is another program to run; `use_setpriv` False
    ties it to this process by a pipe, as where there is no setpriv.
    """

    def __init__(
        self, folder: Path, *, server: Path | None = None, use_setpriv: bool = True, lock_wait_s: float = LOCK_WAIT_S
    ) -> None:
        self._folder = folder.absolute()
        self._server = server
        self._use_setpriv = use_setpriv
        self._lock_wait_s = lock_wait_s
        self._run: AbstractAsyncContextManager[None] | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """Where to connect; the same for as long as this is open."""
        return self._url

    async def __aenter__(self) -> Self:
        self._run = self._running()
        await self._run.__aenter__()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._run is not None:
            await self._run.__aexit__(exc_type, exc, traceback)

    @asynccontextmanager
    async def _running(self) -> AsyncGenerator[None]:
        server = self._server or find_server()
        setpriv = await find_setpriv() if self._use_setpriv else None
        async with locked(self._folder, wait_s=self._lock_wait_s) as lock:
            with socket_path(self._folder) as socket:
                self._url = f"unix://{quote(str(socket))}"
                place = ValkeyPlace(server=server, folder=self._folder, socket=socket, lock=lock, setpriv=setpriv)
                process = await ValkeyProcess.start(place)
                keeper = Keeper(place, process)
                try:
                    yield
                finally:
                    await keeper.stop()


class Keeper:
    """Starts the server again whenever it ends."""

    def __init__(self, place: ValkeyPlace, process: ValkeyProcess) -> None:
        self._place = place
        self._process = process
        self._task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """End the server, and start none again."""
        self._task.cancel()
        try:
            await asyncio.wait([self._task])
        finally:
            await self._process.stop()

    async def _keep(self) -> None:
        loop, pause = asyncio.get_running_loop(), _FIRST_PAUSE_S
        while True:
            began = loop.time()
            status = await _end_of(self._process, self._place)
            pause = _FIRST_PAUSE_S if loop.time() - began > _STEADY_S else min(2 * pause, _LONGEST_PAUSE_S)
            words = self._process.last_words()
            log.error("the embedded store died, status %d: starting it again. It said:\n%s", status, words)
            self._process = await _start_again(self._place, pause)


async def _end_of(process: ValkeyProcess, place: ValkeyPlace) -> int:
    while True:
        try:
            async with asyncio.timeout(_LOOK_AT_LOG_S):
                return await process.ended()
        except TimeoutError:
            turn_over(place.log)


async def _start_again(place: ValkeyPlace, pause: float) -> ValkeyProcess:
    while True:
        await asyncio.sleep(pause)
        try:
            return await ValkeyProcess.start(place)
        except (DataDirError, NoValkey, OSError) as error:
            pause = min(2 * pause, _LONGEST_PAUSE_S)
            log.error("the embedded store cannot be started again, next try in %g s: %s", pause, error)  # noqa: TRY400
