"""The program `rao`."""

import sys
from importlib import import_module
from io import TextIOWrapper
from typing import Annotated

import typer

from rao_runtime import __version__
from rao_runtime.cli.errors import INTERRUPTED
from rao_runtime.cli.replicas import replicas
from rao_runtime.cli.solve import solve
from rao_runtime.cli.trees import cancel, tree, trees
from rao_runtime.cli.usage import usage

PANEL = "Trees"
POOL_PANEL = "Servers"
CLIENT = {"solve": solve, "tree": tree, "trees": trees, "cancel": cancel, "usage": usage}
NEED_NO_SERVER = CLIENT.keys() | {"replicas"}

app = typer.Typer(
    name="rao",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for name, command in CLIENT.items():
    app.command(name, rich_help_panel=PANEL)(command)
app.add_typer(replicas, name="replicas", rich_help_panel=POOL_PANEL)


def _print_version(asked: bool) -> None:  # noqa: FBT001 - typer passes an option's value to its callback like this
    if asked:
        typer.echo(f"rao {__version__}")
        raise typer.Exit


@app.callback()
def rao(
    *,
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_print_version, is_eager=True, help="Print it and exit.")
    ] = False,
) -> None:
    """Recursive agents over a pool of model servers: hand in tasks, watch their trees, run the server."""


def main() -> None:
    """Run the command line."""
    # The server takes several times as long to import as a client needs to answer, and no client needs it.
    if not NEED_NO_SERVER & set(sys.argv[1:2]):
        try:
            import_module("rao_runtime.cli.programs").add_to(app)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal that cannot show a character gets another one, not a traceback.
            stream.reconfigure(errors="replace")
    app()
