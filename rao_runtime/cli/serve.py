"""`rao serve`: run the server."""

import logging
from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from rao_runtime.cli.first_steps import banner
from rao_runtime.cli.hosting import HostOptions, run_server
from rao_runtime.cli.options import taking
from rao_runtime.cli.terminal import errors_told, print_line
from rao_runtime.config import Settings
from rao_runtime.config.built_in import RAO_NANO

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions(HostOptions):
    """What overrides the environment and `rao.toml`. None is what was not given."""

    model: Annotated[
        str | None,
        typer.Option("--model", "-m", metavar="NAME", help="For tasks that name none; what --replicas serve."),
    ] = None
    protocol: Annotated[
        Literal["rao", "markdown"] | None,
        typer.Option(help="How models write code, where a profile does not say.", show_default=False),
    ] = None
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Only answer for trees; `rao worker` runs them. Needs RAO_REDIS_URL.")
    ] = False


@taking(ServeOptions)
def serve(options: ServeOptions) -> None:
    """Run the server until Ctrl-C or SIGTERM.

    Flags go before the environment (RAO_REPLICAS, RAO_PORT, …), which goes
    before rao.toml; without any, it listens on 127.0.0.1:8000.
    Logs are JSON lines on standard error.

    [bold]Examples[/bold]
    rao serve --replica http://127.0.0.1:8001 --replica http://127.0.0.1:8002
    rao serve --model Qwen/Qwen3-8B --replicas 2 -- --max-model-len 16384
    rao serve --port 0
    RAO_REDIS_URL=redis://127.0.0.1:6379 rao serve --no-worker
    rao serve --config production.toml --set sync_wait_s=20
    """
    with errors_told():
        worker = False if options.no_worker else None
        settings = options.settings({"model": options.model, "protocol": options.protocol, "worker": worker})
        run_server(settings, lambda url: _tell(url, settings))


def _tell(url: str, settings: Settings) -> None:
    if settings.embedded:
        log.warning("no replica is configured: %s answers, in this process; set RAO_REPLICAS", RAO_NANO.model)
    elif settings.local_replicas:
        log.info(
            "%d local replicas of %s are starting: trees wait for the first", settings.local_replicas, settings.model
        )
    elif not settings.replicas and settings.worker:
        log.warning("no replica is configured: trees will queue until RAO_REPLICAS is set")
    elif not settings.replicas:
        log.info("no replica is configured: which models there are, only the workers know")
    print_line(banner(url, settings))
