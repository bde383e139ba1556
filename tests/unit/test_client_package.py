"""The package as a whole: what it brings along, and that its two clients are one."""

import inspect
import json
import subprocess
import sys
from collections.abc import Callable, Iterable

import pytest

from rao_runtime.client import AsyncClient, AsyncEventStream, Client, EventStream

FOREIGN = {
    "server",
    "redis",
    "valkey",
    "docket",
    "fastapi",
    "pydantic",
    "aiohttp",
    "uvicorn",
    "typer",
    "orjson",
}
RENAMED = {
    "__init__": "__init__",
    "__enter__": "__aenter__",
    "__exit__": "__aexit__",
    "__iter__": "__aiter__",
    "__next__": "__anext__",
    "close": "aclose",
}


def test_importing_it_imports_nothing_of_the_server() -> None:
    program = "import json, sys, rao_runtime.client; print(json.dumps(sorted(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    imported = set(json.loads(ended.stdout))
    assert FOREIGN.isdisjoint(name.partition(".")[0] for name in imported)
    ours = {name for name in imported if name.startswith("rao_runtime.")}
    assert ours == {name for name in ours if name.startswith("rao_runtime.client")}


@pytest.mark.parametrize(("one", "other"), [(Client, AsyncClient), (EventStream, AsyncEventStream)])
def test_both_clients_offer_the_same(one: type, other: type) -> None:
    assert _offered(one) == _offered(other)


def _parameters(method: Callable[..., object]) -> Iterable[inspect.Parameter]:
    return inspect.signature(method).parameters.values()


def _offered(cls: type) -> dict[str, list[tuple[str, object]]]:
    """The methods under their sync names, each with its parameters and their defaults."""
    sync_names = {after: before for before, after in RENAMED.items()}
    return {
        sync_names.get(name, name): [(each.name, each.default) for each in _parameters(method)]
        for name, method in inspect.getmembers(cls, inspect.isfunction)
        if not name.startswith("_") or name in RENAMED or name in sync_names
    }
