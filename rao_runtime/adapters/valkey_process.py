"""One run of the embedded store's server, from its start to its end."""

import asyncio
import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from rao_runtime.adapters.data_dir import DataDirError
from rao_runtime.adapters.valkey_command import NoValkey, options, runs_here, tied
from rao_runtime.adapters.valkey_log import LOG, last_lines, open_log, turn_over

log = logging.getLogger(__name__)

# It answers within milliseconds, also while it loads its data, however long that takes.
_SILENT_S = 20.0
_FIRST_PAUSE_S = 0.002
_LONGEST_PAUSE_S = 0.05
_STOP_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ValkeyPlace:
    """What every run of one store shares: program, folder, socket, the lock it inherits, what ties it to us."""

    server: Path
    folder: Path
    socket: Path
    lock: int
    setpriv: str | None

    @property
    def log(self) -> Path:
        """Where the server writes its log."""
        return self.folder / LOG


class ValkeyProcess:
    """A server that runs."""

    def __init__(
        self, place: ValkeyPlace, process: asyncio.subprocess.Process, pipe: int | None, log_start: int
    ) -> None:
        self._place = place
        self._process = process
        self._pipe = pipe
        self._log_start = log_start

    @classmethod
    async def start(cls, place: ValkeyPlace) -> Self:
        """Start it and wait until it has loaded its data and answers. Raises DataDirError or NoValkey."""
        try:
            turn_over(place.log)
            output = open_log(place.log)
        except OSError as error:
            raise DataDirError(place.folder, f"{LOG} cannot be written ({error.strerror})") from error
        try:
            made = await cls._spawn(place, output)
        finally:
            os.close(output)
        try:
            await made.until_ready()
        except BaseException:
            await made.stop()
            raise
        return made

    @classmethod
    async def _spawn(cls, place: ValkeyPlace, output: int) -> Self:
        log_start = os.fstat(output).st_size
        theirs, ours = (asyncio.subprocess.DEVNULL, None) if place.setpriv else os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *tied([str(place.server), *options(place.folder, place.socket, place.log)], place.setpriv),
                stdin=theirs,
                stdout=output,
                stderr=output,
                pass_fds=(place.lock,),
                start_new_session=True,  # Ctrl+C in a terminal is for us: the store goes last
            )
        except BaseException:
            _close(ours)
            raise
        finally:
            if ours is not None:
                os.close(theirs)
        return cls(place, process, ours, log_start)

    def last_words(self) -> str:
        """The last lines it logged."""
        return last_lines(self._place.log, self._log_start)

    async def ended(self) -> int:
        """Wait for its end; returns its exit status."""
        status = await self._process.wait()
        self._release()
        return status

    async def stop(self) -> None:
        """Have it write everything and end; kill it when that takes too long."""
        try:
            if self._process.returncode is None:
                self._process.terminate()
                async with asyncio.timeout(_STOP_S):
                    await self._process.wait()
        except TimeoutError:
            log.warning("the embedded store does not end by itself within %g s: killed", _STOP_S)
        finally:
            if self._process.returncode is None:
                self._process.kill()
                await self._process.wait()
            self._release()

    async def until_ready(self) -> None:
        """Wait until it answers. Raises DataDirError or NoValkey."""
        loop = asyncio.get_running_loop()
        give_up, pause = loop.time() + _SILENT_S, _FIRST_PAUSE_S
        while self._process.returncode is None:
            reply = await _ping(self._place.socket)
            if reply.startswith(b"+PONG"):
                return
            if reply:
                give_up = loop.time() + _SILENT_S
            if loop.time() > give_up:
                raise DataDirError(self._place.folder, f"the store does not answer:\n{self.last_words()}")
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        raise await self._failure(self._process.returncode)

    async def _failure(self, status: int) -> DataDirError | NoValkey:
        if not await runs_here(self._place.server):
            return NoValkey(f"{self._place.server} does not run on this platform")
        said = self.last_words() or "(nothing: is the disk full?)"
        return DataDirError(self._place.folder, f"the store does not start, status {status}; its log says:\n{said}\n")

    def _release(self) -> None:
        """Send away the shell that waits at the pipe: this process id may be another's soon."""
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            with suppress(BrokenPipeError):
                os.write(pipe, b"\n")
            os.close(pipe)


async def _ping(path: Path) -> bytes:
    """What the server answers; nothing where it does not listen yet."""
    try:
        async with asyncio.timeout(_SILENT_S):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                writer.write(b"PING\r\n")
                return await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return b""


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)
