"""`rao solve`: hand a task in, and wait for its answer."""

from rich.text import Text

from rao_runtime.cli.api import Api
from rao_runtime.cli.errors import COMPLETED
from rao_runtime.cli.options import taking
from rao_runtime.cli.running import Attached, command, run
from rao_runtime.cli.solve_options import SolveOptions
from rao_runtime.cli.terminal import console, is_watched, print_json
from rao_runtime.cli.watching import to_the_end


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
    task = options.body()
    async with Api(options.server) as api:
        tree = await api.submit(task, key=options.key)
        tree_id = str(tree.get("tree_id"))
        attached.tree_id = tree_id
        if not options.detach:
            return await to_the_end(api, tree_id, watch=options.watch, as_json=options.as_json)
    if options.as_json or not is_watched():
        print_json(tree)
    else:
        again = command("tree", tree_id, "--watch", server=options.server)
        console().print(Text(f"Accepted as tree {tree_id}\n  {again}"))
    return COMPLETED
