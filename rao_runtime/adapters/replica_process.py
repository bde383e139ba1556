"""One run of a replica: a process group of its own, which ends with this process, however that ends."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from rao_runtime.adapters.replica_output import ReplicaOutput

# vLLM ends within a second or two once it has no calls; by then there are none.
GRACE_S = 5.0
_LAST_WORDS_S = 1.0

# A second shell stays in the group, at a pipe that this process holds open. Once it closes, in whatever way we end, the
# shell kills the group: vLLM's engine processes outlive both a killed parent and a killed API server. Until then the
# shell keeps the group's number from being given to anybody else.
_TIED = 'exec 3<&0 </dev/null; (read -r _ <&3; kill -KILL 0) >/dev/null 2>&1 & exec 3<&-; exec "$@"'


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaLaunch:
    """What every run of one replica shares: its name in the log, its command, its whole environment."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]


class ReplicaProcess:
    """A replica that runs. To be let go with `stop`, or waited for with `ended`."""

    def __init__(
        self, process: asyncio.subprocess.Process, hold: int, output: ReplicaOutput, reading: asyncio.ReadTransport
    ) -> None:
        self._process = process
        self._hold: int | None = hold
        self._output = output
        self._reading = reading

    @classmethod
    async def start(cls, launch: ReplicaLaunch) -> Self:
        """Start it; it need not be up yet. Raises OSError or ValueError where no process can be started."""
        output = ReplicaOutput(launch.name)
        said, saying = os.pipe()
        # Not a pipe of the process object: asyncio takes a process for ended only once its pipes are closed, and
        # engine processes hold them open.
        try:
            loop = asyncio.get_running_loop()
            reading, _ = await loop.connect_read_pipe(lambda: output, os.fdopen(said, "rb", buffering=0))
            process, hold = await _spawn(launch, saying)
        finally:
            # Nobody else has it open then, where no process was started: reading ends by itself.
            os.close(saying)
        return cls(process, hold, output, reading)

    def last_words(self) -> str:
        """The last lines it wrote."""
        return self._output.last_words()

    async def ended(self) -> int:
        """Wait for the end of its first process; returns the status. The rest of the group is gone by then."""
        status = await self._process.wait()
        self._kill()
        try:
            # What it left behind outside its group may write on for ever.
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORDS_S):
                    await self._output.ended()
        finally:
            self._reading.close()
        return status

    async def stop(self, grace_s: float = GRACE_S) -> None:
        """Have it end by itself within `grace_s` seconds, then kill what is left of its group."""
        try:
            if self._process.returncode is None:
                self._process.terminate()
                with suppress(TimeoutError):
                    async with asyncio.timeout(grace_s):
                        await self._process.wait()
        finally:
            self._kill()
            await self.ended()

    def _kill(self) -> None:
        hold, self._hold = self._hold, None
        if hold is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            os.close(hold)


async def _spawn(launch: ReplicaLaunch, saying: int) -> tuple[asyncio.subprocess.Process, int]:
    """The process, which writes to `saying`, and what its group lives by: it is killed once that is closed."""
    held, hold = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", _TIED, "sh", *launch.command),
            env=dict(launch.environment),
            stdin=held,
            stdout=saying,
            stderr=saying,
            start_new_session=True,  # a group of its own; Ctrl+C in a terminal is for us
        )
    except BaseException:
        os.close(hold)
        raise
    finally:
        os.close(held)
    return process, hold
