"""The folder of the embedded store: made where it is missing, and locked against a second user."""

import asyncio
import errno
import fcntl
import os
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from rao_runtime.core.errors import RaoError

LOCK = "lock"
SOCKET = "valkey.sock"

# Systems allow 104 to 108 bytes.
LONGEST_SOCKET_PATH = 100

# A predecessor that was killed leaves a store that still writes what it has: it gets this long.
LOCK_WAIT_S = 10.0
_LOCK_POLL_S = 0.02


class DataDirError(RaoError):
    """The data folder cannot be used: what is wrong with it, and what to do."""

    def __init__(self, folder: Path, problem: str) -> None:
        super().__init__(f"data folder {folder}: {problem} (RAO_DATA_DIR names the folder)")


@asynccontextmanager
async def locked(folder: Path, *, wait_s: float = LOCK_WAIT_S) -> AsyncGenerator[int]:
    """Make the folder and lock it; gives the lock's descriptor. Raises DataDirError after `wait_s` seconds.

    The lock belongs to the open file: a child that inherits the descriptor holds it too, until both have let go.
    """
    lock = _open_lock(folder)
    try:
        await _take(folder, lock, wait_s)
        yield lock
    finally:
        os.close(lock)


@contextmanager
def socket_path(folder: Path) -> Generator[Path]:
    """Where the store listens: in its folder, or in a new private one where that cannot hold a socket.

    It cannot where its path is too long, or its file system knows no sockets. For whoever holds the folder's lock.
    """
    path = folder / SOCKET
    if _can_listen(path):
        yield path
        return
    with TemporaryDirectory(prefix="rao-", ignore_cleanup_errors=True) as private:
        yield Path(private) / SOCKET


def _open_lock(folder: Path) -> int:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Nothing may be inherited by chance: the store gets the descriptor on purpose.
        return os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(folder, error) from error


async def _take(folder: Path, lock: int, wait_s: float) -> None:
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while not _try_lock(lock):  # noqa: ASYNC110 - another process lets go of it: no event tells
                    await asyncio.sleep(_LOCK_POLL_S)
                _sign(lock)
                return
        holder = os.pread(lock, 200, 0).decode(errors="replace").strip() or "another process"
    except OSError as error:
        raise _unusable(folder, error) from error
    raise DataDirError(folder, f"in use by {holder}, or by the store it started; stop that, or use another folder")


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sign(lock: int) -> None:
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)


def _unusable(folder: Path, error: OSError) -> DataDirError:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return DataDirError(folder, "it, or a folder above it, is a file")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT}:
        return DataDirError(folder, f"it cannot be written ({error.strerror})")
    return DataDirError(folder, error.strerror or str(error))


def _can_listen(path: Path) -> bool:
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        return False
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.bind(os.fsencode(path))
        except OSError:
            return False
    path.unlink()
    return True
