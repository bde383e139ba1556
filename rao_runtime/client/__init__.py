"""The client library: hand tasks to a server, follow their trees, from sync or async code.

    from rao_runtime.client import Client

    with Client("http://127.0.0.1:8000") as client:
        tree = client.solve("Count the lines that mention a kind of fruit.", "an apple\\na chair\\n")
        print(tree.answer, tree.cost)

It knows HTTP and nothing of the server's inside.
"""

from rao_runtime.client.async_client import AsyncClient
from rao_runtime.client.errors import (
    ClientError,
    Conflict,
    Invalid,
    NotFound,
    Refused,
    StillRunning,
    StrangeAnswer,
    TreeFailed,
    Unavailable,
    Unreachable,
)
from rao_runtime.client.event import Event
from rao_runtime.client.problem import Fault, Problem
from rao_runtime.client.replica import Replica
from rao_runtime.client.streams import AsyncEventStream, EventStream
from rao_runtime.client.sync_client import Client
from rao_runtime.client.task import Limits, Sampling, TaskFields
from rao_runtime.client.tree import Failure, ModelShare, Node, NodeCounts, Page, Tree, Usage
from rao_runtime.client.usage import UsageLine, UsageReport

__all__ = [
    "AsyncClient",
    "AsyncEventStream",
    "Client",
    "ClientError",
    "Conflict",
    "Event",
    "EventStream",
    "Failure",
    "Fault",
    "Invalid",
    "Limits",
    "ModelShare",
    "Node",
    "NodeCounts",
    "NotFound",
    "Page",
    "Problem",
    "Refused",
    "Replica",
    "Sampling",
    "StillRunning",
    "StrangeAnswer",
    "TaskFields",
    "Tree",
    "TreeFailed",
    "Unavailable",
    "Unreachable",
    "Usage",
    "UsageLine",
    "UsageReport",
]
