"""The commands that are servers themselves. They bring the whole runtime along: imported only when asked for."""

import typer

from rao_runtime.cli.serve import serve
from rao_runtime.cli.simulate import simulate
from rao_runtime.cli.worker import worker

PANEL = "Servers"


def add_to(app: typer.Typer) -> None:
    """Make them commands of the program."""
    app.command("serve", rich_help_panel=PANEL)(serve)
    app.command("worker", rich_help_panel=PANEL)(worker)
    app.command("simulate", rich_help_panel=PANEL)(simulate)
