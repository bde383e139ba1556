"""One replica, one server that can be killed, and a connection to it."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import ClientSession, ClientTimeout, TCPConnector

from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.server import StandIn
from tests.chaos.host import Host
from tests.chaos.scenario import Scenario
from tests.chaos.script import ChaosScript

# Nothing here is silent for long while its server lives; longer than a ping of a stream.
SILENCE_S = 20.0
SETTINGS = """\
[[profiles]]
model = "stand-in"
price = { input = "0.05", cached_input = "0.01", output = "0.20", version = "chaos" }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What runs, and how to talk to it."""

    stand_in: StandIn
    host: Host
    session: ClientSession


def settings_of(folder: Path, stand_in: StandIn) -> dict[str, str]:
    """A server's settings for this replica, whose model has a price. The folder is where they are written."""
    path = folder / "rao.toml"
    path.write_text(SETTINGS)
    return {
        "RAO_CONFIG": str(path),
        "RAO_REPLICAS": stand_in.url,
        "RAO_REPLICA_SLOTS": str(stand_in.config.slots),
        "RAO_SANDBOX_WORKERS": "1",
        "RAO_PRIME": "false",  # the ledger is held against what trees asked
    }


@asynccontextmanager
async def world(scenario: Scenario) -> AsyncGenerator[World, None]:
    """A world as this scenario has it, with its server up."""
    config = StandInConfig(
        first_token_s=scenario.latency_s / 2,
        per_token_s=scenario.latency_s / 2 / 30,  # completions here have some 30 tokens
        jitter=0.8,
        chunk_tokens=scenario.chunk_tokens,
        slots=scenario.slots,
        seed=scenario.seed,
    )
    script = ChaosScript(turns=scenario.turns, context_chars=scenario.context_chars)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True)))
        stand_in = await stack.enter_async_context(StandIn(config, script))
        settings = settings_of(folder, stand_in)
        host = await stack.enter_async_context(Host(folder, settings))
        timeout = ClientTimeout(total=None, sock_connect=SILENCE_S, sock_read=SILENCE_S)
        session = ClientSession(host.url, connector=TCPConnector(limit=0), timeout=timeout, read_bufsize=1 << 14)
        await stack.enter_async_context(session)
        yield World(stand_in=stand_in, host=host, session=session)
