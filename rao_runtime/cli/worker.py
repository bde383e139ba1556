"""`rao worker`: run the trees that servers take in."""

from dataclasses import dataclass
from typing import Annotated

import typer

from rao_runtime import __version__
from rao_runtime.cli import plain
from rao_runtime.cli.errors import BadInput
from rao_runtime.cli.hosting import HostOptions, run_server
from rao_runtime.cli.options import taking
from rao_runtime.cli.terminal import errors_told, print_line
from rao_runtime.config import Settings
from rao_runtime.config.built_in import RAO_NANO


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions(HostOptions):
    """What overrides the environment and `rao.toml`. None is what was not given."""

    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Where to listen for what --port says.")] = None
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            "-p",
            metavar="N",
            help="For /livez, /readyz, /metrics and /replicas, which is for operators alone. 0, and so where neither"
            " RAO_PORT nor rao.toml names one: any that is free.",
        ),
    ] = None


@taking(WorkerOptions)
def worker(options: WorkerOptions) -> None:
    """Run the trees that servers sharing RAO_REDIS_URL take in, until Ctrl-C or SIGTERM.

    Start as many as you like, on as many machines. One that dies loses
    nothing: within seconds another goes on with its trees.

    [bold]Examples[/bold]
    RAO_REDIS_URL=redis://127.0.0.1:6379 RAO_REPLICAS=http://127.0.0.1:8001 rao worker
    RAO_REDIS_URL=redis://127.0.0.1:6379 RAO_MODEL=Qwen/Qwen3-8B rao worker --replicas 2
    """
    with errors_told():
        settings = options.settings({"worker": True}, otherwise={"port": 0})
        if settings.shared_store is None:
            raise BadInput("a worker needs RAO_REDIS_URL: the Redis or Valkey where servers leave their trees")
        run_server(settings, lambda url: _tell(url, settings), without_trees=True)


def _tell(url: str, settings: Settings) -> None:
    print_line(f"rao {__version__} works, with {_models(settings)}; how it is: {url}/readyz and {url}/metrics")


def _models(settings: Settings) -> str:
    if settings.embedded:
        return f"{RAO_NANO.model}, a small model in this process (for a large one set RAO_REPLICAS)"
    count = len(settings.replicas) + settings.local_replicas
    return plain.some(count, "replica") if count else "NO REPLICA (set RAO_REPLICAS)"
