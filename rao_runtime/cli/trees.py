"""`rao tree`, `rao trees`, `rao cancel`: look at trees, and stop them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.text import Text

from rao_runtime.cli.api import connected
from rao_runtime.cli.errors import COMPLETED
from rao_runtime.cli.flags import DEFAULT_SERVER, AsJson, Server, TreeId
from rao_runtime.cli.running import Attached, run
from rao_runtime.cli.terminal import console, is_watched, print_json
from rao_runtime.cli.tree_page import print_end, print_nodes
from rao_runtime.cli.tree_table import tree_table
from rao_runtime.cli.watching import to_the_end

PAGE = 200

Nodes = Annotated[bool, typer.Option("--nodes", "-n", help="Also list its nodes.")]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Show it as it grows, until it has ended.")]
NodeId = Annotated[
    str | None, typer.Option("--node", metavar="NODE", help="Only this node and what is below it; the rest goes on.")
]
Limit = Annotated[int, typer.Option("--limit", "-l", min=1, metavar="N", help="How many, newest first.")]
StatusFilter = Annotated[
    Literal["submitted", "working", "completed", "failed", "canceled"] | None,
    typer.Option("--status", help="Only trees of this status.", show_default=False),
]


def tree(
    tree_id: TreeId,
    *,
    nodes: Nodes = False,
    watch: Watch = False,
    as_json: AsJson = False,
    server: Server = DEFAULT_SERVER,
) -> None:
    """Show a tree: its answer, what it took, its nodes.

    [bold]Examples[/bold]
    rao tree 01k… --watch
    rao tree 01k… --nodes --json | jq .tree.children
    """
    attached = Attached(server, tree_id)
    run(_watch(attached, as_json=as_json) if watch else _tree(server, tree_id, nodes=nodes, as_json=as_json), attached)


def trees(
    *, status: StatusFilter = None, limit: Limit = 20, as_json: AsJson = False, server: Server = DEFAULT_SERVER
) -> None:
    """List trees, newest first.

    [bold]Example[/bold]
    rao trees --status working
    """
    run(_trees(server, status=status, limit=limit, as_json=as_json), Attached(server))


def cancel(tree_id: TreeId, *, node: NodeId = None, as_json: AsJson = False, server: Server = DEFAULT_SERVER) -> None:
    """Stop a tree, or one node with all below it. What has ended stays as it is.

    [bold]Example[/bold]
    rao cancel 01k… --node 5f0c…
    """
    run(_cancel(server, tree_id, node=node, as_json=as_json), Attached(server))


async def _watch(attached: Attached, *, as_json: bool) -> int:
    async with connected(attached.server) as client:
        return await to_the_end(client, str(attached.tree_id), watch=True, as_json=as_json)


async def _tree(server: str, tree_id: str, *, nodes: bool, as_json: bool) -> int:
    async with connected(server) as client:
        found = (await client.get(tree_id, nodes=nodes)).raw
    if as_json or not is_watched():
        print_json(found)
        return COMPLETED
    out = console()
    if nodes:
        print_nodes(out, found)
    print_end(out, found)
    return COMPLETED


async def _trees(server: str, *, status: str | None, limit: int, as_json: bool) -> int:
    found = list[Mapping[str, Any]]()
    after: str | None = None
    async with connected(server) as client:
        while len(found) < limit:
            page = await client.trees(limit=min(PAGE, limit - len(found)), status=status, after=after)
            found += [tree.raw for tree in page.trees]
            after = page.next_cursor
            if after is None:
                break
    _print_trees(found, as_json=as_json)
    return COMPLETED


def _print_trees(found: list[Mapping[str, Any]], *, as_json: bool) -> None:
    if as_json or not is_watched():
        for each in found:
            print_json(each)
    elif found:
        console().print(tree_table(found, console().options))
    else:
        console().print("There are no such trees.")


async def _cancel(server: str, tree_id: str, *, node: str | None, as_json: bool) -> int:
    async with connected(server) as client:
        asked = client.cancel(tree_id) if node is None else client.cancel_node(tree_id, node)
        found = (await asked).raw
    if as_json or not is_watched():
        print_json(found)
    else:
        _print_canceled(console(), found, node)
    return COMPLETED


def _print_canceled(out: Console, found: Mapping[str, Any], node: str | None) -> None:
    what = f"tree {found.get('tree_id')}" if node is None else f"node {node}"
    out.print(Text(f"Asked {what} to stop; the tree is {found.get('status')}."))
