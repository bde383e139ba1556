"""One server, one stand-in and their clients, for as long as a benchmark runs."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from aiohttp import ClientSession, ClientTimeout, TCPConnector

from benchmarks.clients import Gateway, Ledger
from benchmarks.processes import Program, server, stand_in

READY_S = 30.0
REQUEST_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What runs, and how to talk to it."""

    server: Program
    replica: Program
    gateway: Gateway
    ledger: Ledger


@asynccontextmanager
async def world(
    *,
    script: str = "tree",
    slots: int = 256,
    first_token_s: float = 0.0,
    in_memory: bool = False,
    environment: Mapping[str, str] | None = None,
) -> AsyncGenerator[World, None]:
    """A world at rest: the server has seen its replica. Both have as many slots; a call takes `first_token_s`.

    The server keeps its trees in a store of its own, as by default, or `in_memory`. `environment` is the server's too.
    """
    settings = {
        **(environment or {}),
        "RAO_REPLICA_SLOTS": str(slots),
        "RAO_SYNC_WAIT_S": str(REQUEST_S),
        # Calls that hang on purpose must not time out.
        "RAO_FIRST_TOKEN_TIMEOUT_S": str(REQUEST_S),
        "RAO_INTER_TOKEN_TIMEOUT_S": str(REQUEST_S),
        "RAO_PRIME": "false",  # the ledger is held against what the trees asked
    }
    if in_memory:
        settings["RAO_REDIS_URL"] = "memory://"
    async with AsyncExitStack() as stack:
        replica = await stack.enter_async_context(
            stand_in("--script", script, "--slots", str(slots), "--first-token-s", str(first_token_s))
        )
        program = await stack.enter_async_context(server({**settings, "RAO_REPLICAS": replica.url}))
        gateway = Gateway(await stack.enter_async_context(session(program.url)))
        ledger = Ledger(await stack.enter_async_context(session(replica.url)))
        async with asyncio.timeout(READY_S):
            await gateway.ready()
        yield World(server=program, replica=replica, gateway=gateway, ledger=ledger)


def session(url: str) -> ClientSession:
    """A client's connections to a server, as many as it likes."""
    return ClientSession(url, connector=TCPConnector(limit=0), timeout=ClientTimeout(total=REQUEST_S))
