"""The client for code on asyncio."""

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Self, Unpack

import httpx

from rao_runtime.client import calls, http, waiting
from rao_runtime.client.async_wire import AsyncWire
from rao_runtime.client.calls import TreeRef
from rao_runtime.client.contact import PATIENCE_S, SILENCE_S, TIMEOUT_S, URL, Contact
from rao_runtime.client.following import Filter, follow
from rao_runtime.client.replica import Replica
from rao_runtime.client.steps import Plan, T
from rao_runtime.client.streams import AsyncEventStream
from rao_runtime.client.task import Context, TaskFields, body
from rao_runtime.client.tree import Node, Page, Tree
from rao_runtime.client.usage import UsageAsked, UsageFilters, UsageReport


class AsyncClient:
    """One server. Close it, or use it as a context manager.

    `timeout`: seconds that a reply may stay silent, beyond what the server was asked to wait. `patience_s`: for how
    long calls are repeated while the server is gone or has no room; `first_patience_s`: the same until it has answered
    once. `silence_s`: when a stream without a byte counts as dead. `transport` is for TLS, proxies, tests; see httpx.

    Every method raises Refused for what the server declines, Unreachable where there is none, StrangeAnswer where
    something else answers. Trees are named by their id or passed as they are.
    """

    def __init__(
        self,
        url: str = URL,
        *,
        timeout: float = TIMEOUT_S,
        headers: Mapping[str, str] | None = None,
        patience_s: float = PATIENCE_S,
        first_patience_s: float | None = None,
        silence_s: float = SILENCE_S,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Raises ValueError for what is no URL; connects to nothing yet."""
        self.url = http.base_url(url)
        self._contact = Contact(
            url=self.url,
            timeout_s=timeout,
            silence_s=silence_s,
            patience_s=patience_s,
            first_patience_s=patience_s if first_patience_s is None else first_patience_s,
        )
        self._http = httpx.AsyncClient(
            base_url=self.url,
            headers=http.headers(headers),
            transport=transport,
            limits=http.LIMITS,
            mounts={f"all://{host}": None for host in http.NO_PROXY},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections; trees go on."""
        await self._http.aclose()

    async def solve(
        self,
        goal: str,
        context: Context = None,
        *,
        idempotency_key: str | None = None,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        **fields: Unpack[TaskFields],
    ) -> Tree:
        """Solve a task: its tree once it has ended, however long that takes and whatever the connection does.

        Raises TreeFailed for a tree without an answer, unless `raise_on_failure` is False; StillRunning when `wait_s`
        is over; ValueError for what is no JSON.
        """
        task = body(goal, context, fields)
        plan = waiting.solve(self._contact, task, idempotency_key, wait_s=wait_s, raise_on_failure=raise_on_failure)
        return await self._run(plan)

    async def submit(
        self,
        goal: str,
        context: Context = None,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[TaskFields],
    ) -> Tree:
        """Hand a task in and do not wait: the tree as accepted. Raises ValueError for what is no JSON."""
        task = body(goal, context, fields)
        return await self._run(calls.submit(self._contact, task, idempotency_key))

    async def wait(self, tree: TreeRef, *, wait_s: float | None = None, raise_on_failure: bool = True) -> Tree:
        """The tree once it has ended. Raises TreeFailed and StillRunning as `solve` does."""
        return await self._run(waiting.wait(self._contact, tree, wait_s=wait_s, raise_on_failure=raise_on_failure))

    def stream(
        self,
        tree: TreeRef,
        *,
        after: int = 0,
        node: str | None = None,
        depth: int | None = None,
        types: Iterable[str] | None = None,
        deltas: bool = False,
    ) -> AsyncEventStream:
        """The tree's events after `seq` `after`, each once and in order, up to its terminal event.

        `node` (with all below it), `depth` (at most) and `types` choose among them; `deltas` adds what models are
        writing, which is not journaled and not repeated.
        """
        chosen = Filter(node=node, depth=depth, types=types, deltas=deltas)
        return AsyncEventStream(self._http, follow(self._contact, tree, after=after, chosen=chosen))

    async def get(self, tree: TreeRef, *, nodes: bool = False) -> Tree:
        """The tree as it stands; with `nodes`, all of them under its `root`."""
        return await self._run(calls.get(self._contact, tree, nodes=nodes))

    async def node(self, tree: TreeRef, node_id: str) -> Node:
        """A node with its turns."""
        return await self._run(calls.node(self._contact, tree, node_id))

    async def trees(self, *, limit: int = 50, after: str | None = None, status: str | None = None) -> Page:
        """A page of trees, newest first; `after` is the last page's `next_cursor`."""
        return await self._run(calls.trees(self._contact, limit=limit, after=after, status=status))

    async def cancel(self, tree: TreeRef) -> Tree:
        """Ask the tree to stop; the tree as it stands. Does nothing to one that has ended."""
        return await self._run(calls.cancel(self._contact, tree))

    async def cancel_node(self, tree: TreeRef, node_id: str) -> Tree:
        """Ask a node and all below it to stop; the tree, which goes on, as it stands."""
        return await self._run(calls.cancel(self._contact, tree, node_id))

    async def delete(self, tree: TreeRef) -> None:
        """Erase an ended tree: events, texts, key. Raises Conflict while it runs."""
        await self._run(calls.delete(self._contact, tree))

    async def usage(self, group_by: Iterable[str] = ("day",), **asked: Unpack[UsageFilters]) -> UsageReport:
        """What was used and what it cost, by at most three of tenant, project, model, day and outcome.

        The last 30 days, unless `since` or `until` say otherwise: dates, or times of RFC 3339, for whole days in UTC.
        """
        return await self._run(calls.usage(self._contact, UsageAsked(group_by=group_by, **asked)))

    async def replicas(self) -> tuple[Replica, ...]:
        """The replicas in the pool of the server that answers; each server and worker has its own."""
        return await self._run(calls.replicas(self._contact))

    async def replica(self, replica_id: str) -> Replica:
        """One of them, as it stands."""
        return await self._run(calls.replica(self._contact, replica_id))

    async def add_replica(self, url: str, *, slots: int | None = None) -> Replica:
        """Have the server use one more running model server, with so many calls at once; the replica as taken.

        Raises Conflict for one that is there already, Invalid for what is no base URL.
        """
        return await self._run(calls.add_replica(self._contact, url, slots))

    async def drain_replica(self, replica_id: str, *, wait: bool = False) -> Replica:
        """Have the server give a replica no new call; the replica as it stands. Its last call ended, it is gone.

        With `wait`, returns then, with what was last seen of it.
        """
        plan = waiting.drain if wait else calls.drain_replica
        return await self._run(plan(self._contact, replica_id))

    async def _run(self, plan: Plan[T]) -> T:
        return await AsyncWire(self._http).run(plan)
