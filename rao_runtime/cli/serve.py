"""`rao serve`: run the server."""

import logging
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Annotated, Literal

import typer

from rao_runtime.cli.errors import BadInput, CliError, NoStore
from rao_runtime.cli.first_steps import banner
from rao_runtime.cli.local import ReplicaCount, VllmFlags, local_overrides, require_local
from rao_runtime.cli.options import taking
from rao_runtime.cli.ports import check_port
from rao_runtime.cli.terminal import print_error, print_line
from rao_runtime.config import ConfigError, Settings, load
from rao_runtime.config.built_in import RAO_NANO
from rao_runtime.core.errors import RaoError
from server.serving import serve as run_server

OURS = frozenset({"RAO_SERVER"})

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """What overrides the environment and `rao.toml`. None is what was not given."""

    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Where to listen.")] = None
    port: Annotated[int | None, typer.Option("--port", "-p", metavar="N", help="0: any that is free.")] = None
    replica: Annotated[
        list[str],
        typer.Option(
            "--replica", "-r", metavar="URL", show_default=False, help="A vLLM server's base URL; may be repeated."
        ),
    ] = field(default_factory=list[str])
    replicas: ReplicaCount = None
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", metavar="NAME", help="For tasks that name none; what --replicas serve."),
    ] = None
    protocol: Annotated[
        Literal["rao", "markdown"] | None,
        typer.Option(help="How models write code, where a profile does not say.", show_default=False),
    ] = None
    config: Annotated[str | None, typer.Option("--config", metavar="FILE", help="Settings, as rao.toml.")] = None
    setting: Annotated[
        list[str],
        typer.Option(
            "--set", metavar="NAME=VALUE", show_default=False, help="Any other setting, as in docs/settings.md."
        ),
    ] = field(default_factory=list[str])
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Only answer for trees; `rao worker` runs them. Needs RAO_REDIS_URL.")
    ] = False
    vllm_flags: VllmFlags = None

    def overrides(self) -> dict[str, object]:
        """By the names of settings. Raises BadInput."""
        named = {
            "host": self.host,
            "port": self.port,
            "replicas": self.replica or None,
            "model": self.model,
            "protocol": self.protocol,
            "config": self.config,
            "worker": False if self.no_worker else None,
            **local_overrides(self.replicas, self.vllm_flags),
        }
        return {
            **dict(map(settings_pair, self.setting)),
            **{name: value for name, value in named.items() if value is not None},
        }


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
    try:
        _serve(options)
    except CliError as error:
        print_error(error)
        raise typer.Exit(error.status) from error


def _serve(options: ServeOptions) -> None:
    settings = read_settings(options.overrides(), os.environ)
    require_local(settings, options.vllm_flags)
    check_port(settings.host, settings.port)
    leave_on_sigterm()
    try:
        run_server(settings, on_ready=lambda url: _tell(url, settings))
    except RaoError as error:
        raise NoStore(str(error)) from error


def leave_on_sigterm() -> None:
    """Have the process end as one that has done its work: the server hands SIGTERM on once it has ended cleanly."""
    signal.signal(signal.SIGTERM, _leave)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def read_settings(overrides: Mapping[str, object], environ: Mapping[str, str]) -> Settings:
    """The settings in force. Raises BadInput."""
    try:
        # The other commands read these; they are no settings of a server.
        return load(overrides, environ={name: value for name, value in environ.items() if name not in OURS})
    except ConfigError as error:
        raise BadInput(str(error)) from error


def _tell(url: str, settings: Settings) -> None:
    if settings.embedded:
        log.warning("no replica is configured: %s answers, in this process; set RAO_REPLICAS", RAO_NANO.model)
    elif settings.local_replicas:
        log.info(
            "%d local replicas of %s are starting: trees wait for the first", settings.local_replicas, settings.model
        )
    elif not settings.replicas:
        log.warning("no replica is configured: trees will queue until RAO_REPLICAS is set")
    replicas = len(settings.replicas) + settings.local_replicas
    print_line(banner(url, replicas=replicas, embedded=settings.embedded))


def settings_pair(text: str) -> tuple[str, str]:
    """A name and its value. Raises BadInput."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise BadInput(f"--set {text!r} is not NAME=VALUE")
    return name, value
