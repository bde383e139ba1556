"""Options that several commands share."""

from typing import Annotated

import typer

DEFAULT_SERVER = "http://127.0.0.1:8000"

Server = Annotated[
    str, typer.Option("--server", "-s", envvar="RAO_SERVER", metavar="URL", help="The server to talk to.")
]
AsJson = Annotated[
    bool, typer.Option("--json", help="JSON lines, also on a terminal; without a terminal they come anyway.")
]
TreeId = Annotated[str, typer.Argument(metavar="ID", help="The tree's id.", show_default=False)]
