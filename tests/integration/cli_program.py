"""Runs `rao` as users do: as a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

RAO = (sys.executable, "-m", "rao_runtime.cli")
END_S = 10.0
LOOKS = frozenset(
    {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "GITHUB_ACTIONS"}
)


def environment(**variables: str) -> dict[str, str]:
    """This process's variables without those that would configure `rao` or its output, and with these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAO_") and name not in LOOKS}
    return kept | {"TERM": "xterm-256color", "RAO_REDIS_URL": "memory://"} | variables


def rao(*words: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. Its output is a pipe, no terminal."""
    return subprocess.run(
        [*RAO, *words], input=stdin, capture_output=True, text=True, env=environment(**variables), check=False
    )


@dataclass(frozen=True, slots=True)
class Program:
    """A command that runs until it is told to stop."""

    process: subprocess.Popen[str]
    output: IO[str]
    errors: IO[str]

    def line_with(self, text: str) -> str:
        """The next line of its output that holds this. Raises AssertionError where it ends without one."""
        for line in self.output:
            if text in line:
                return line
        raise AssertionError(f"no line with {text!r}; it said: {self.errors.read()}")

    def stop(self, name: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal; its exit status. Raises TimeoutExpired after ten seconds."""
        self.process.send_signal(name)
        return self.process.wait(END_S)


@contextmanager
def running(*words: str, **variables: str) -> Generator[Program, None, None]:
    """A command that runs while the context does; killed with it at the latest."""
    with subprocess.Popen(
        [*RAO, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**variables),
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            yield Program(process, process.stdout, process.stderr)
        finally:
            process.kill()


@contextmanager
def serving(*words: str, **variables: str) -> Generator[str, None, None]:
    """A server on a free port; its URL."""
    with running("serve", "--port", "0", *words, **variables) as program:
        yield program.line_with("is serving at").split()[-1]


@contextmanager
def serving_a_stand_in(*words: str) -> Generator[str, None, None]:
    """A server whose one replica is a stand-in with these options; the server's URL."""
    with running("simulate", "--port", "0", *words) as stand_in:
        url = stand_in.line_with("http").strip()
        with serving("--replica", url, "--set", "prime=false") as server:
            yield server
