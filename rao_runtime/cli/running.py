"""Runs a command to its exit status, whatever happens on the way."""

import asyncio
import shlex
import shutil
import sys
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Protocol

import typer

from rao_runtime.cli.errors import INTERRUPTED, CliError
from rao_runtime.cli.flags import DEFAULT_SERVER
from rao_runtime.cli.problems import explained
from rao_runtime.cli.terminal import print_error, print_note
from rao_runtime.client import ClientError


def program() -> str:
    """How to call this program again from where it was called."""
    if shutil.which("rao") is not None:
        return "rao"
    if Path(sys.argv[0]).name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m rao_runtime.cli"
    return shlex.quote(sys.argv[0])


def command(*words: str, server: str = DEFAULT_SERVER) -> str:
    """A line for a shell that calls this program with these words, on that server."""
    where = [] if server == DEFAULT_SERVER else ["--server", server]
    return " ".join([program(), *map(shlex.quote, [*words, *where])])


class Interruptible(Protocol):
    """What a command is at."""

    def farewell(self) -> str:
        """What to tell somebody who interrupts it."""
        ...


@dataclass(slots=True)
class Attached:
    """The tree a command looks at, once there is one."""

    server: str
    tree_id: str | None = None

    def farewell(self) -> str:
        """What to tell somebody who stops looking."""
        if self.tree_id is None:
            return "Interrupted before the server had answered."
        again = command("tree", self.tree_id, "--watch", server=self.server)
        cancel = command("cancel", self.tree_id, server=self.server)
        return f"No longer watching; the tree goes on.\n  {again}\n  {cancel}"


def run(work: Coroutine[Any, Any, int], attached: Interruptible) -> NoReturn:
    """Run it and exit with the status it returns, or the one that tells what went wrong."""
    try:
        status = asyncio.run(work)
    except (CliError, ClientError) as error:
        told = explained(error) if isinstance(error, ClientError) else error
        print_error(told)
        status = told.status
    except KeyboardInterrupt:
        print_note(attached.farewell())
        status = INTERRUPTED
    raise typer.Exit(status)
