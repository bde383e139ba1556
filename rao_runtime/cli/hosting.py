"""What `rao serve` and `rao worker` share: their options, the settings these make, and how a server of ours runs."""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Annotated

import typer

from rao_runtime.cli.errors import BadInput, CannotStart
from rao_runtime.cli.local import ReplicaCount, VllmFlags, local_overrides, require_local
from rao_runtime.cli.ports import check_port
from rao_runtime.config import ConfigError, Settings, load
from rao_runtime.core.errors import RaoError
from server.serving import serve

# The other commands read these; they are no settings of a server.
OURS = frozenset({"RAO_SERVER"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
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
    config: Annotated[str | None, typer.Option("--config", metavar="FILE", help="Settings, as rao.toml.")] = None
    setting: Annotated[
        list[str],
        typer.Option(
            "--set", metavar="NAME=VALUE", show_default=False, help="Any other setting, as in docs/settings.md."
        ),
    ] = field(default_factory=list[str])
    vllm_flags: VllmFlags = None

    def settings(self, own: Mapping[str, object], *, otherwise: Mapping[str, object] | None = None) -> Settings:
        """The settings in force: these options and a command's `own`, by the names of settings, before all others.

        `otherwise` is for what nobody sets. Raises BadInput.
        """
        named = {
            "host": self.host,
            "port": self.port,
            "replicas": self.replica or None,
            "config": self.config,
            **local_overrides(self.replicas, self.vllm_flags),
            **own,
        }
        given = {name: value for name, value in named.items() if value is not None}
        environ = {name: value for name, value in os.environ.items() if name not in OURS}
        try:
            settings = load({**dict(map(_pair, self.setting)), **given}, environ=environ, otherwise=otherwise)
        except ConfigError as error:
            raise BadInput(str(error)) from error
        require_local(settings, self.vllm_flags)
        return settings


def run_server(settings: Settings, on_ready: Callable[[str], None], *, without_trees: bool = False) -> None:
    """Serve until Ctrl-C or SIGTERM; `on_ready` is given the base URL. Raises CannotListen, CannotStart.

    `without_trees` is a worker: see `server.app.create_app`.
    """
    check_port(settings.host, settings.port)
    # The server hands SIGTERM on once it has ended cleanly: the process has done its work.
    signal.signal(signal.SIGTERM, _leave)
    try:
        serve(settings, on_ready=on_ready, without_trees=without_trees)
    except RaoError as error:
        raise CannotStart(str(error)) from error


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise BadInput(f"--set {text!r} is not NAME=VALUE")
    return name, value
