"""Runs the demo as users do: as a process of its own, with the oracle where the model would be."""

import fcntl
import os
import pty
import re
import socket
import struct
import subprocess
import sys
import termios
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.cli_program import environment
from tests.integration.cli_terminal import Terminal
from tests.integration.oracle_program import MODEL, WINDOW

DEMO = (sys.executable, "-m", "examples.demo")
ORACLE = (sys.executable, "-m", "tests.integration.oracle_program")
PROFILE = f"""\
[[profiles]]
model = "{MODEL}"
prompt = "nano"
window = {WINDOW}
sampling = {{max_tokens = 256}}
"""
SERVER = re.compile(r"^server +(\S+?),? ?(of this demo)?(;.*)?$", re.MULTILINE)

Rows = dict[str, list[str]]


@contextmanager
def oracle() -> Generator[str, None, None]:
    """A replica on a port of its own; its URL."""
    with subprocess.Popen(ORACLE, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@contextmanager
def nobody() -> Generator[str, None, None]:
    """The URL of a port where nothing listens, and nothing will."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def settings(folder: Path, replica: str, server: str) -> dict[str, str]:
    """Variables for a demo that looks for a server there, and would start one with this replica."""
    profile = folder / "rao.toml"
    profile.write_text(PROFILE)
    temporary = folder / "temporary"
    temporary.mkdir(exist_ok=True)
    return {
        "RAO_REPLICAS": replica,
        "RAO_PRIME": "false",  # some of these replicas hang
        "RAO_CONFIG": str(profile),
        "RAO_SERVER": server,
        "TMPDIR": str(temporary),
    }


def demo(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end. Its output is a pipe, no terminal."""
    return subprocess.run([*DEMO, *words], capture_output=True, text=True, env=environment(**variables), check=False)


@contextmanager
def demo_in_terminal(*words: str, **variables: str) -> Generator[tuple[Terminal, int], None, None]:
    """It in a terminal of 80 by 24, and its process id."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    variables = environment(**variables)
    with subprocess.Popen([*DEMO, *words], stdin=slave, stdout=slave, stderr=slave, env=variables) as process:
        os.close(slave)
        try:
            yield Terminal(process, master), process.pid
        finally:
            process.kill()
            os.close(master)


def rows(text: str) -> Rows:
    """The table of the result: what it says of the tree and of the single agent, by the rows' names."""
    found = Rows()
    for line in text.splitlines():
        parts = re.split(r"\s{2,}", line.strip())
        if len(parts) == 3:
            found[parts[0]] = parts[1:]
    return found


def server_of(text: str) -> str:
    """Which server it says that it used."""
    match = SERVER.search(text)
    assert match is not None, text
    return match[1]


def answers(url: str) -> bool:
    """Whether anything listens at this URL."""
    host, port = url.removeprefix("http://").split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def left_in(folder: Path) -> list[str]:
    """What the demo left in its folder for temporary files."""
    return [str(path.relative_to(folder)) for path in (folder / "temporary").rglob("*") if path.is_file()]
