"""Everything the demo can be told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from examples.demo.job import GOAL, Job, drawn, from_file
from rao_runtime.cli.errors import BadInput
from rao_runtime.cli.flags import DEFAULT_SERVER, Server
from training.goals import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """Which text, which goal, which server."""

    file: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="A text of yours, instead of one that is drawn.", show_default=False),
    ] = None
    goal: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help=f"What to find out. For a file: {GOAL!r} unless given.", show_default=False),
    ] = None
    lines: Annotated[int, typer.Option(metavar="N", min=1, max=50_000, help="Lines of the drawn text.")] = 5_000
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Another seed draws another text.")] = 1
    kind: Annotated[Kind, typer.Option(help="The kind of goal of the drawn text.")] = Kind.COUNT
    server: Server = DEFAULT_SERVER

    def job(self) -> Job:
        """The task. Raises BadInput."""
        if self.goal is not None and not self.goal.strip():
            raise BadInput("the goal is empty")
        if self.file is not None:
            return from_file(Path(self.file), self.goal or GOAL, self.seed)
        return drawn(self.seed, self.lines, self.kind, self.goal)
