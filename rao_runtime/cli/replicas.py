"""`rao replicas`: look at a server's pool, add a replica, drain one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.text import Text

from rao_runtime.cli import plain
from rao_runtime.cli.api import connected
from rao_runtime.cli.errors import COMPLETED, FAILED
from rao_runtime.cli.flags import DEFAULT_SERVER, AsJson, Server
from rao_runtime.cli.replica_table import complaints, replica_table
from rao_runtime.cli.running import Attached, command, run
from rao_runtime.cli.terminal import console, is_watched, print_json, print_note
from rao_runtime.client import Replica

DRAINING = "draining"
STILL_OURS = " Its process, which the server started, runs on until the server ends."

Url = Annotated[str, typer.Argument(metavar="URL", help="Its base URL, as the server reaches it.", show_default=False)]
Id = Annotated[str, typer.Argument(metavar="ID", help="The replica's id.", show_default=False)]
Slots = Annotated[
    int | None,
    typer.Option("--slots", min=1, metavar="N", help="Calls it gets at once; else as RAO_REPLICA_SLOTS says."),
]
Wait = Annotated[bool, typer.Option("--wait", "-w", help="Return when its last call has ended.")]

replicas = typer.Typer(rich_markup_mode="rich", context_settings={"help_option_names": ["-h", "--help"]})


@dataclass(frozen=True, slots=True)
class Draining:
    """A replica whose last call is waited for."""

    server: str
    replica_id: str

    def farewell(self) -> str:
        """What to tell somebody who stops waiting."""
        return f"No longer waiting; {self.replica_id} goes on draining.\n  {command('replicas', server=self.server)}"


@replicas.callback(invoke_without_command=True)
def listing(context: typer.Context, *, as_json: AsJson = False, server: Server = DEFAULT_SERVER) -> None:
    """List the replicas of a server; add one, drain one.

    Each server and each worker has a pool of its own: name it with --server.

    [bold]Examples[/bold]
    rao replicas
    rao replicas add http://10.0.0.7:8000 --slots 128
    rao replicas drain r2 --wait
    """
    if context.invoked_subcommand is None:
        run(_list(server, as_json=as_json), Attached(server))
    for name in ("server", "as_json"):
        source = context.get_parameter_source(name)
        # Taken here they would be lost on the way to the command, and another server would be changed.
        if source is not None and source.name == "COMMANDLINE":
            raise typer.BadParameter("give options after the command", context, param_hint=f"--{name.split('_')[-1]}")


@replicas.command()
def add(url: Url, *, slots: Slots = None, as_json: AsJson = False, server: Server = DEFAULT_SERVER) -> None:
    """Use one more running model server, from now until the server ends.

    To keep it beyond that, name it in RAO_REPLICAS or rao.toml too.

    [bold]Example[/bold]
    rao replicas add http://10.0.0.7:8000 --slots 128
    """
    run(_add(server, url, slots, as_json=as_json), Attached(server))


@replicas.command()
def drain(replica_id: Id, *, wait: Wait = False, as_json: AsJson = False, server: Server = DEFAULT_SERVER) -> None:
    """Give a replica no new call, and let it go once its last one has ended.

    The model server itself goes on; stopping it is yours to do. One that this
    server has started with --replicas ends with it and no sooner.

    [bold]Example[/bold]
    rao replicas drain r2 --wait
    """
    attached = Draining(server, replica_id) if wait else Attached(server)
    run(_drain(server, replica_id, wait=wait, as_json=as_json), attached)


async def _list(server: str, *, as_json: bool) -> int:
    async with connected(server) as client:
        found = await client.replicas()
    if as_json or not is_watched():
        for each in found:
            print_json(each.raw)
    else:
        _print_table(found)
    return COMPLETED


def _print_table(found: Sequence[Replica]) -> None:
    out = console()
    if not found:
        out.print("There are no replicas: trees wait until there is one.")
        return
    out.print(replica_table(found, out.options))
    told = list(complaints(found))
    for line in [Text(), *told] if told else []:
        out.print(line)


async def _add(server: str, url: str, slots: int | None, *, as_json: bool) -> int:
    async with connected(server) as client:
        added = await client.add_replica(url, slots=slots)
    name = plain.one_line(added.name)
    _print_one(
        added, f"Added {name} as {plain.one_line(added.id)}; it is {plain.one_line(added.state)}.", as_json=as_json
    )
    return COMPLETED


async def _drain(server: str, replica_id: str, *, wait: bool, as_json: bool) -> int:
    if wait and is_watched():
        print_note(f"Waiting for the last call of {replica_id} to end …")
    async with connected(server) as client:
        drained = await client.drain_replica(replica_id, wait=wait)
    _print_one(drained, outcome(drained, waited=wait), as_json=as_json)
    return COMPLETED if drained.state == DRAINING else FAILED


def outcome(drained: Replica, *, waited: bool) -> str:
    """What came of a drain, given the replica as it was last seen."""
    name = plain.one_line(drained.id)
    if drained.state != DRAINING:
        other, state = plain.one_line(drained.name), plain.one_line(drained.state)
        return f"The server was started anew and drains nothing: {name} is {other} now, and it is {state}."
    if waited:
        # An engine inside the server's own process has no URL, and is closed.
        runs_on = drained.is_managed and "://" in drained.name
        return f"{name} is gone.{STILL_OURS if runs_on else ''}"
    return f"{name} gets no new call; {plain.some(drained.in_flight, 'call')} in flight."


def _print_one(replica: Replica, told: str, *, as_json: bool) -> None:
    if as_json or not is_watched():
        print_json(replica.raw)
    else:
        console().print(Text(told))
