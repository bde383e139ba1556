"""Everything `rao solve` can be told."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import typer

from rao_runtime.cli import task
from rao_runtime.cli.flags import DEFAULT_SERVER, AsJson, Server

LIMITS, SAMPLING, DISPLAY = "Limits", "Sampling", "Display"


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveOptions:
    """A task, and how to show its tree. None is what was not given: the server's default holds."""

    goal: Annotated[str, typer.Argument(metavar="GOAL", help="What is to be found out or done.", show_default=False)]
    context: Annotated[
        list[str],
        typer.Option(
            "--context",
            "-c",
            metavar="FILE",
            show_default=False,
            help="What to work on: a file of text, or - for standard input. Several become named texts.",
        ),
    ] = field(default_factory=list[str])
    context_text: Annotated[str | None, typer.Option(metavar="TEXT", help="What to work on, typed here.")] = None
    mode: Annotated[
        Literal["auto", "recursive", "flat"] | None,
        typer.Option(help="May nodes launch sub-agents? auto: when the task is large.", show_default=False),
    ] = None
    model: Annotated[str | None, typer.Option("--model", "-m", metavar="NAME", help="A model the server has.")] = None
    schema: Annotated[
        str | None, typer.Option(metavar="JSON|@FILE", help="JSON Schema that the answer must satisfy.")
    ] = None
    check: Annotated[
        str | None, typer.Option(metavar="EXPR", help="Python expression over `answer` that must hold.")
    ] = None
    priority: Annotated[int | None, typer.Option(metavar="N", help="-10 to 10; higher is sooner.")] = None
    metadata: Annotated[
        list[str], typer.Option(metavar="NAME=VALUE", help="Yours; comes back with the tree.", show_default=False)
    ] = field(default_factory=list[str])
    key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Idempotency key: the same key and task give the same tree.")
    ] = None

    max_depth: Annotated[
        int | None, typer.Option(metavar="N", help="Levels under the root.", rich_help_panel=LIMITS)
    ] = None
    max_nodes: Annotated[int | None, typer.Option(metavar="N", help="Nodes in all.", rich_help_panel=LIMITS)] = None
    max_children: Annotated[
        int | None, typer.Option(metavar="N", help="Children alive at once under one node.", rich_help_panel=LIMITS)
    ] = None
    max_turns: Annotated[int | None, typer.Option(metavar="N", help="Turns of one node.", rich_help_panel=LIMITS)] = (
        None
    )
    max_tokens: Annotated[
        int | None, typer.Option(metavar="N", help="Tokens in all, input and output.", rich_help_panel=LIMITS)
    ] = None
    max_cost: Annotated[str | None, typer.Option(metavar="USD", help="Cost in all.", rich_help_panel=LIMITS)] = None
    deadline: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="From acceptance on.", rich_help_panel=LIMITS)
    ] = None

    temperature: Annotated[float | None, typer.Option(metavar="X", rich_help_panel=SAMPLING)] = None
    top_p: Annotated[float | None, typer.Option(metavar="X", rich_help_panel=SAMPLING)] = None
    max_output_tokens: Annotated[
        int | None, typer.Option(metavar="N", help="Of one model call.", rich_help_panel=SAMPLING)
    ] = None
    seed: Annotated[int | None, typer.Option(metavar="N", rich_help_panel=SAMPLING)] = None

    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Show the tree as it grows.", rich_help_panel=DISPLAY)
    ] = False
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Hand the task in, do not wait.", rich_help_panel=DISPLAY)
    ] = False
    as_json: AsJson = False
    server: Server = DEFAULT_SERVER

    def body(self) -> dict[str, Any]:
        """The body of `POST /solve`. Raises BadInput."""
        return task.body(
            {
                "goal": self.goal,
                "context": task.context(self.context, self.context_text),
                "mode": self.mode,
                "model": self.model,
                "answer_schema": task.schema(self.schema),
                "check": self.check,
                "priority": self.priority,
                "metadata": task.metadata(self.metadata),
            },
            {
                "limits": {
                    "max_depth": self.max_depth,
                    "max_nodes": self.max_nodes,
                    "max_children": self.max_children,
                    "max_turns": self.max_turns,
                    "max_tokens": self.max_tokens,
                    "max_cost": self.max_cost,
                    "deadline_s": self.deadline,
                },
                "sampling": {
                    "temperature": self.temperature,
                    "top_p": self.top_p,
                    "max_tokens": self.max_output_tokens,
                    "seed": self.seed,
                },
            },
        )
