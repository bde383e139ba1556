"""`rao simulate`: run a stand-in for a model server."""

import asyncio
import signal
from dataclasses import dataclass, field
from typing import Annotated, Literal

import typer

from rao_runtime.cli.errors import BadInput
from rao_runtime.cli.options import taking
from rao_runtime.cli.ports import check_port
from rao_runtime.cli.running import command
from rao_runtime.cli.terminal import errors_told, print_line, print_note
from rao_runtime.standin.config import StandInConfig, of_options
from rao_runtime.standin.faults import CATALOGUE
from rao_runtime.standin.script import Script
from rao_runtime.standin.server import StandIn
from rao_runtime.standin.toy import ToyScript
from rao_runtime.standin.tree import TreeScript

DEFAULT = StandInConfig()


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateOptions:
    """What the stand-in pretends to be."""

    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1"
    port: Annotated[int, typer.Option("--port", "-p", min=0, max=65535, help="0: any that is free.")] = 8001
    script: Annotated[
        Literal["toy", "tree"],
        typer.Option(help="toy: counts lines and words; tree: goals like 'tree 10 10 10' grow trees of that shape."),
    ] = "toy"
    model: Annotated[str, typer.Option("--model", "-m", metavar="NAME", help="The served model's name.")] = "stand-in"
    window: Annotated[int, typer.Option(metavar="TOKENS", help="Prompt and completion together.")] = DEFAULT.window
    slots: Annotated[int, typer.Option(metavar="N", help="Requests that run at once.")] = DEFAULT.slots
    queue_limit: Annotated[
        int | None, typer.Option(metavar="N", help="Requests that may wait; the rest get a 503. Without it, all wait.")
    ] = None
    first_token_s: Annotated[float, typer.Option(metavar="SECONDS", help="Until the first token.")] = 0.0
    per_token_s: Annotated[float, typer.Option(metavar="SECONDS", help="For each further token.")] = 0.0
    kv_blocks: Annotated[
        int | None,
        typer.Option(metavar="N", help="Blocks of a KV cache; must hold a window. Without it, nothing is cached."),
    ] = None
    block_size: Annotated[int, typer.Option(metavar="TOKENS", help="Tokens of a block.")] = DEFAULT.block_size
    prefill_tokens_per_s: Annotated[
        float | None, typer.Option(metavar="N", help="How fast prompts are read; needs --kv-blocks.")
    ] = None
    prefill_chunk_tokens: Annotated[
        int, typer.Option(metavar="TOKENS", help="What is read of prompts in one step.")
    ] = DEFAULT.prefill_chunk_tokens
    time_scale: Annotated[
        float, typer.Option(metavar="FACTOR", help="Stretches all of these times; 0.1: ten times faster.")
    ] = DEFAULT.time_scale
    keep_alive_s: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Close connections that are idle for so long; vLLM: 5.")
    ] = None
    fault: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=RATE",
            show_default=False,
            help=f"Let a share of requests go wrong; may be repeated. NAME is one of {', '.join(CATALOGUE)}.",
        ),
    ] = field(default_factory=list[str])
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same faults.")] = 0

    def config(self) -> StandInConfig:
        """The stand-in's settings. Raises BadInput."""
        try:
            return of_options(self, models=(self.model,), faults=self.fault)
        except ValueError as error:
            raise BadInput(str(error)) from error


@taking(SimulateOptions)
def simulate(options: SimulateOptions) -> None:
    """Run a stand-in for a vLLM server: it speaks like one, and has no model.

    For trying things out, and for tests of what happens when replicas are
    slow or fail. Prints its URL, and runs until Ctrl-C or SIGTERM.

    [bold]Examples[/bold]
    rao simulate
    rao simulate --script tree --first-token-s 1 --slots 16
    rao simulate --kv-blocks 2048 --prefill-tokens-per-s 20000 --per-token-s 0.02
    rao simulate --fault 503=0.1 --fault close_mid_stream=0.05 --seed 7
    """
    with errors_told():
        config = options.config()
        check_port(options.host, options.port)
        script = ToyScript() if options.script == "toy" else TreeScript()
        asyncio.run(_simulate(config, script, options.host, options.port))


async def _simulate(config: StandInConfig, script: Script, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    async with StandIn(config, script, host=host, port=port) as stand_in:
        # The URL alone on standard output, for scripts; what to do with it is for people.
        print_line(stand_in.url)
        print_note(f"A stand-in without a model serves {config.models[0]!r}. Let a server use it:")
        print_note(f"  {command('serve', '--replica', stand_in.url)}")
        await stop.wait()
