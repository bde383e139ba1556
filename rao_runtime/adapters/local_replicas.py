"""vLLM servers of our own on this machine: started, started again when they end, and ended together."""

import asyncio
import logging
import random
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from rao_runtime.adapters.replica_place import HOST, LocalServing, launches, reserved_port
from rao_runtime.adapters.replica_process import ReplicaLaunch, ReplicaProcess
from rao_runtime.core.errors import RaoError
from rao_runtime.core.restart import RestartPolicy, after_end

log = logging.getLogger(__name__)


class NoReplicaProgram(RaoError):
    """What should start the local replicas is not there."""

    def __init__(self, program: str) -> None:
        super().__init__(
            f"no local replicas: there is no program {program!r} here. Install vLLM (`pip install vllm`),"
            " or name what starts it in RAO_VLLM_COMMAND, as in RAO_VLLM_COMMAND='path/to/vllm serve'"
        )


class LocalReplicas:
    """`async with LocalReplicas(serving) as local: ... local.urls`. None of them need be up on entering.

    A replica that ends is started again at the same URL, after waits of this policy; why it ended is logged each time.
    Raises NoReplicaProgram on entering.
    """

    def __init__(
        self,
        serving: LocalServing,
        *,
        environ: Mapping[str, str],
        policy: RestartPolicy | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._serving = serving
        self._environ = environ
        self._policy = policy or RestartPolicy()
        self._jitter = jitter
        self._ports = ExitStack()
        self._keepers = list[asyncio.Task[None]]()
        self._urls: Sequence[str] = ()

    @property
    def urls(self) -> Sequence[str]:
        """Where each of them answers once it is up; the same for as long as this is open."""
        return self._urls

    async def __aenter__(self) -> Self:
        program = self._serving.command[0]
        if self._serving.count and shutil.which(program, path=self._environ.get("PATH")) is None:
            raise NoReplicaProgram(program)
        with ExitStack() as stack:
            ports = [stack.enter_context(reserved_port()) for _ in range(self._serving.count)]
            self._ports = stack.pop_all()
        self._urls = tuple(f"http://{HOST}:{port}" for port in ports)
        for url, launch in zip(self._urls, launches(self._serving, ports, self._environ), strict=True):
            log.info("%s is the local replica at %s", launch.name, url)
            self._keepers.append(asyncio.create_task(self._keep(launch), name=launch.name))
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            for keeper in self._keepers:
                keeper.cancel()
            if self._keepers:
                await asyncio.wait(self._keepers)
        finally:
            self._ports.close()

    async def _keep(self, launch: ReplicaLaunch) -> None:
        """Run it for as long as nobody cancels this."""
        loop, short_runs = asyncio.get_running_loop(), 0
        while True:
            began = loop.time()
            why = await _run(launch)
            ran_s = loop.time() - began
            restart = after_end(self._policy, short_runs, ran_s=ran_s, u=self._jitter())
            short_runs = restart.short_runs
            times = f", {short_runs} times in a row" if short_runs > 1 else ""
            log.error(
                "%s ended after %.1f s%s; next start in %.1f s: %s", launch.name, ran_s, times, restart.after_s, why
            )
            await asyncio.sleep(restart.after_s)


async def _run(launch: ReplicaLaunch) -> str:
    """Run it to its end; returns why it ended, with its last lines."""
    try:
        process = await ReplicaProcess.start(launch)
    except OSError as error:
        return f"it cannot be started ({error.strerror})"
    except ValueError as error:  # a word of its command line, or a variable, that no process can be given
        return f"it cannot be started ({error})"
    try:
        status = await process.ended()
    except asyncio.CancelledError:
        await process.stop()
        raise
    return f"{_how(status)}; its last lines were:\n{process.last_words()}"


def _how(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    return f"signal {-status} ({signal.strsignal(-status)})"
