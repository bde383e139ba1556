"""A command in a real pseudo-terminal."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from collections.abc import Generator
from contextlib import contextmanager

from tests.integration.cli_program import RAO, environment

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
CURSOR_UP = "\x1b[1A"


class Terminal:
    """What a program has written so far, control sequences and all."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.raw = ""
        self._process = process
        self._master = master

    @property
    def text(self) -> str:
        """Without control sequences: every picture that was drawn, one below the other."""
        # A carriage return alone goes back to draw the next picture over the last one.
        return CONTROL.sub("", self.raw).replace("\r\n", "\n").replace("\r", "\n")

    def wait_for(self, text: str) -> None:
        """Read until this was written. Raises AssertionError where it ends without."""
        while text not in self.text:
            assert self._read(), f"ended without {text!r}: {self.text}"

    def end(self) -> int:
        """Read to the end; the exit status."""
        while self._read():
            pass
        return self._process.wait()

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def _read(self) -> bool:
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:  # how Linux says that the other side is closed
            return False
        self.raw += data.decode(errors="replace")
        return bool(data)


@contextmanager
def terminal(*words: str, width: int = 80, height: int = 24) -> Generator[Terminal, None, None]:
    """`rao` with these words in a terminal of this size."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    with subprocess.Popen([*RAO, *words], stdin=slave, stdout=slave, stderr=slave, env=environment()) as process:
        os.close(slave)
        try:
            yield Terminal(process, master)
        finally:
            process.kill()
            os.close(master)
