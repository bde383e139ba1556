"""`rao worker`: run the trees that servers take in."""

import os
from typing import Annotated

import typer

from rao_runtime import __version__
from rao_runtime.cli.errors import BadInput, CliError, NoStore
from rao_runtime.cli.local import ReplicaCount, VllmFlags, local_overrides, require_local
from rao_runtime.cli.ports import check_port
from rao_runtime.cli.serve import leave_on_sigterm, read_settings, settings_pair
from rao_runtime.cli.terminal import print_error, print_line
from rao_runtime.config import Settings
from rao_runtime.core.errors import RaoError
from server.serving import serve as run_server


def worker(
    *,
    port: Annotated[
        int, typer.Option("--port", "-p", metavar="N", help="For /livez, /readyz and /metrics; 0: any that is free.")
    ] = 0,
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Where to listen for those.")] = None,
    replica: Annotated[
        list[str] | None,
        typer.Option("--replica", "-r", metavar="URL", help="A vLLM server's base URL; may be repeated."),
    ] = None,
    config: Annotated[str | None, typer.Option("--config", metavar="FILE", help="Settings, as rao.toml.")] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any other setting, as in docs/settings.md."),
    ] = None,
    replicas: ReplicaCount = None,
    vllm_flags: VllmFlags = None,
) -> None:
    """Run the trees that servers sharing RAO_REDIS_URL take in, until Ctrl-C or SIGTERM.

    Start as many as you like, on as many machines. One that dies loses
    nothing: within seconds another goes on with its trees.

    [bold]Examples[/bold]
    RAO_REDIS_URL=redis://127.0.0.1:6379 RAO_REPLICAS=http://127.0.0.1:8001 rao worker
    RAO_REDIS_URL=redis://127.0.0.1:6379 RAO_MODEL=Qwen/Qwen3-8B rao worker --replicas 2
    """
    try:
        overrides: dict[str, object] = {
            **dict(map(settings_pair, setting or [])),
            "port": port,
            "host": host,
            "replicas": replica or None,
            "config": config,
            "worker": True,
            **local_overrides(replicas, vllm_flags),
        }
        settings = read_settings(overrides, os.environ)
        require_local(settings, vllm_flags)
        _work(settings)
    except CliError as error:
        print_error(error)
        raise typer.Exit(error.status) from error


def _work(settings: Settings) -> None:
    if settings.shared_store is None:
        raise BadInput("a worker needs RAO_REDIS_URL: the Redis or Valkey where servers leave their trees")
    check_port(settings.host, settings.port)
    leave_on_sigterm()
    try:
        run_server(settings, on_ready=lambda url: _tell(url, settings), only_health=True)
    except RaoError as error:
        raise NoStore(str(error)) from error


def _tell(url: str, settings: Settings) -> None:
    count = len(settings.replicas) + settings.local_replicas
    replicas = f"{count} replicas" if count else "NO REPLICA (set RAO_REPLICAS)"
    print_line(f"rao {__version__} works, with {replicas}; how it is: {url}/readyz and {url}/metrics")
