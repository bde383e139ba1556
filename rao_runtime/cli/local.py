"""Replicas that a server starts on its own machine: how they are asked for on the command line."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from rao_runtime.cli.errors import BadInput
from rao_runtime.config import Settings

ReplicaCount = Annotated[
    int | None,
    typer.Option("--replicas", metavar="N", help="Start so many vLLM servers of the model here, and end with them."),
]
VllmFlags = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="-- VLLM_FLAGS", show_default=False, help="After a `--`: flags for each vLLM that --replicas starts."
    ),
]


def local_overrides(replicas: int | None, flags: Sequence[str] | None) -> Mapping[str, object]:
    """By the names of settings. Raises BadInput for words that are no flags."""
    if flags and not flags[0].startswith("-"):
        raise BadInput(f"{flags[0]!r} is not expected here; flags for vLLM go after --, as in -- --max-model-len 4096")
    return {"local_replicas": replicas, "vllm_flags": list(flags) if flags else None}


def require_local(settings: Settings, flags: Sequence[str] | None) -> None:
    """Raise BadInput where flags for vLLM are given and none is started."""
    if flags and not settings.local_replicas:
        raise BadInput("flags after -- are for vLLM servers started here: say how many with --replicas N")
