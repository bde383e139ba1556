"""Finds the server that is there, or starts one."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from examples.demo.own_server import OwnServer
from rao_runtime.cli import fields
from rao_runtime.cli.errors import UNREACHABLE, BadInput, CliError, NoAnswer
from rao_runtime.cli.fields import Json
from rao_runtime.cli.problems import explained
from rao_runtime.client import ClientError
from rao_runtime.client.http import NO_PROXY, base_url

LOOK_S = 5.0
KNOWN_S, LOOK_AGAIN_S = 10.0, 0.05

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the demo's tasks go. `own` is there where the demo started it, `why` says why it did."""

    url: str
    own: OwnServer | None = None
    why: str = ""

    @property
    def is_up(self) -> bool:
        """Whether it makes sense to ask it anything."""
        return self.own is None or self.own.is_running

    async def beside(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work; a server of our own that ends meanwhile ends it. Raises ServerGone."""
        return await (work if self.own is None else self.own.beside(work))


@asynccontextmanager
async def found_or_started(url: str) -> AsyncGenerator[Place, None]:
    """The server at this URL, else one of our own for as long as the context lasts.

    Ours takes a port of its own: a second demo must not find it, and lose it. Raises BadInput and CliError.
    """
    try:
        full = base_url(url)
    except ValueError as error:
        raise BadInput(str(error)) from error
    said = await _asked(full, "/readyz")
    if fields.mapping(said).keys() >= {"journal", "replicas"}:
        _check(full, fields.mapping(said))
        yield Place(full)
        return
    why = f"none at {full}" if said is None else f"{full} is something else"
    async with _own_server() as own:
        _check(own.url, fields.mapping(await _asked(own.url, "/readyz")))
        await _model_is_known(own.url)
        yield Place(own.url, own, why)


async def window_of(url: str, model: str) -> int | None:
    """How many tokens this model sees at once, where the server there knows."""
    for each in fields.items(fields.mapping(await _asked(url, "/models")).get("data")):
        if fields.mapping(each).get("id") == model:
            return fields.number(fields.mapping(each).get("window")) or None
    return None


async def _model_is_known(url: str) -> None:
    """A server that just started has not yet heard what its replicas serve; without that there is no model to show."""
    with suppress(TimeoutError):
        async with asyncio.timeout(KNOWN_S):
            while not fields.items(fields.mapping(await _asked(url, "/models")).get("data")):  # noqa: ASYNC110 - another process
                await asyncio.sleep(LOOK_AGAIN_S)


def _check(url: str, said: Json) -> None:
    if said.get("ready") is not True:
        why = fields.text(said.get("detail")) or "try again in a moment"
        raise NoAnswer(f"the server at {url} is not ready: {why}", status=UNREACHABLE)
    if not said.get("replicas"):
        hint = "Set RAO_REPLICAS to your vLLM servers; see docs/vllm.md."
        raise NoAnswer(f"the server at {url} has no model: tasks would wait for ever", [hint], status=UNREACHABLE)


async def _asked(url: str, path: str) -> object:
    """The JSON it answers with; an empty text for what is none, None where nobody answers."""
    mounts = {f"all://{host}": None for host in NO_PROXY}
    async with httpx.AsyncClient(timeout=LOOK_S, mounts=mounts) as http:
        try:
            return (await http.get(url + path)).json()
        except httpx.ConnectError:
            return None
        except (httpx.HTTPError, ValueError):
            return ""


@asynccontextmanager
async def _own_server() -> AsyncGenerator[OwnServer, None]:
    log = Path(tempfile.mkdtemp(prefix="rao-demo-")) / "server.log"
    is_needed = False
    own: OwnServer | None = None
    try:
        own = await OwnServer.start(log)
        yield own
    except (CliError, ClientError) as error:
        is_needed = True
        told = explained(error) if isinstance(error, ClientError) else error
        raise CliError(told.message, [*told.details, f"The server's log: {log}"], status=told.status) from error
    finally:
        try:
            if own is not None:
                await own.stop()
        finally:
            if not is_needed:
                shutil.rmtree(log.parent, ignore_errors=True)
