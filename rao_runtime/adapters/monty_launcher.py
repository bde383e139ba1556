"""Starts workers so that they die with this process, even when it is killed and a worker is busy."""

import os
import shutil
import sys
import sysconfig

_SCRIPT = """#!/bin/sh
exec {setpriv} --pdeathsig KILL -- {monty} "$@" 2>/dev/null
"""


class Launcher:
    """An executable that runs Monty under PR_SET_PDEATHSIG; `path` is None where the system has no means for that.

    The script lives in memory: a process that gets killed leaves nothing on disk. Where there is none, a busy worker
    outlives a killed parent by at most the time limit of its cell; an idle one ends when its pipe closes.
    """

    def __init__(self) -> None:
        self._fd: int | None = None
        self.path: str | None = None
        monty = shutil.which("monty", path=sysconfig.get_path("scripts")) or shutil.which("monty")
        setpriv = shutil.which("setpriv")
        if sys.platform == "linux" and monty and setpriv and not os.environ.get("MONTY_BIN"):
            self._fd = os.memfd_create("monty-launcher")
            os.write(self._fd, _SCRIPT.format(setpriv=setpriv, monty=monty).encode())
            self.path = f"/proc/{os.getpid()}/fd/{self._fd}"

    def close(self) -> None:
        """Forget the script. Workers can no longer be started."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
