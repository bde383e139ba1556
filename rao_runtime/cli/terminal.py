"""Where output goes: drawn where somebody looks at a terminal, as JSON lines otherwise."""

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager

import typer
from rich.console import Console

from rao_runtime.cli.errors import CliError


def is_watched() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def console() -> Console:
    """Standard output for people. Nothing in a text is taken for markup or coloured by guessing."""
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


def print_line(line: str) -> None:
    """One line on standard output, at once, so that whoever reads the pipe sees it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def print_json(value: object) -> None:
    """The value as one line of JSON."""
    try:
        line = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        line.encode()
    except UnicodeEncodeError:
        # Half a surrogate pair: JSON can say it in escapes only.
        line = json.dumps(value, separators=(",", ":"))
    print_line(line)


def print_error(error: CliError) -> None:
    """What went wrong, on standard error."""
    console = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
    console.print("Error:", error.message, style="red")
    for detail in error.details:
        console.print(f"  {detail}")


@contextmanager
def errors_told() -> Generator[None]:
    """End the command where a CliError says so: with its message and its status."""
    try:
        yield
    except CliError as error:
        print_error(error)
        raise typer.Exit(error.status) from error


def print_note(text: str) -> None:
    """A remark, on standard error."""
    print(text, file=sys.stderr, flush=True)
