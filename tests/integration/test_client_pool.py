"""The client library, sync and async, changes the pool of a real server."""

import pytest

from rao_runtime.client import Conflict, Invalid, NotFound
from rao_runtime.standin.config import StandInConfig
from rao_runtime.standin.script import RuleScript
from rao_runtime.standin.server import StandIn
from tests.contract.world import rule, served, world
from tests.integration.client_caller import KINDS, calling


@pytest.mark.parametrize("kind", KINDS)
async def test_a_replica_is_added_and_the_first_one_drained(kind: str) -> None:
    async with (
        world() as gateway,
        StandIn(StandInConfig(), RuleScript(rule)) as second,
        served(gateway.app, gateway.settings) as (server, _),
        calling(kind, server.url, patience_s=5.0) as call,
    ):
        [first] = await call("replicas")
        added = await call("add_replica", second.url, slots=7)
        assert (added.name, added.slots, added.is_managed) == (second.url, 7, False)
        with pytest.raises(Conflict, match=f"as replica {added.id}"):
            await call("add_replica", second.url)
        with pytest.raises(Invalid, match="expected a base URL"):
            await call("add_replica", "nonsense")
        gone = await call("drain_replica", first.id, wait=True)
        assert (gone.id, gone.state) == (first.id, "draining")
        with pytest.raises(NotFound, match="no such replica"):
            await call("replica", first.id)
        assert (await call("solve", "ANSWER")).answer == 42
        assert (await call("replica", added.id)).state == "ready"
