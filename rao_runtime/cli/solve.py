"""`rao solve`: hand a task in, and wait for its answer."""

from rich.text import Text

from rao_runtime.cli.api import connected
from rao_runtime.cli.errors import COMPLETED, BadInput
from rao_runtime.cli.options import taking
from rao_runtime.cli.running import Attached, command, run
from rao_runtime.cli.solve_options import SolveOptions
from rao_runtime.cli.terminal import console, is_watched, print_json
from rao_runtime.cli.watching import to_the_end
from rao_runtime.client import AsyncClient, Tree


@taking(SolveOptions)
def solve(options: SolveOptions) -> None:
    """Solve a task: hand it in, wait, print its answer.

    On a terminal: the answer, with --watch below the tree as it grows.
    Otherwise: each event as a line of JSON, and the tree as the last line.
    Ctrl-C stops watching only; the tree goes on.

    Exit status: 0 completed, 1 failed or cancelled, 2 not accepted, 3 no
    server, 130 interrupted.

    [bold]Examples[/bold]
    rao solve "Count the lines that mention apple." --context notes.txt --watch
    rao solve "Which report mentions a recall?" -c march.txt -c april.txt
    git log | rao solve "What changed most often?" -c - --max-cost 0.50
    """
    attached = Attached(options.server)
    run(_solve(options, attached), attached)


async def _solve(options: SolveOptions, attached: Attached) -> int:
    async with connected(options.server) as client:
        tree = await _submitted(client, options)
        attached.tree_id = tree.tree_id
        if not options.detach:
            return await to_the_end(client, tree.tree_id, watch=options.watch, as_json=options.as_json)
    if options.as_json or not is_watched():
        print_json(tree.raw)
    else:
        again = command("tree", tree.tree_id, "--watch", server=options.server)
        console().print(Text(f"Accepted as tree {tree.tree_id}\n  {again}"))
    return COMPLETED


async def _submitted(client: AsyncClient, options: SolveOptions) -> Tree:
    try:
        return await client.submit(**options.body(), idempotency_key=options.key)
    except ValueError as error:
        raise BadInput(str(error)) from error
