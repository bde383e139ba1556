"""Plans of single calls. All of them can be repeated without harm, so all of them are, as long as patience lasts."""

import json
import re
from collections.abc import Mapping
from typing import Any, TypeAlias
from urllib.parse import quote

from rao_runtime.client import fields
from rao_runtime.client.contact import Contact, Trials
from rao_runtime.client.errors import StrangeAnswer
from rao_runtime.client.problems import UNAVAILABLE, refusal
from rao_runtime.client.replica import Replica
from rao_runtime.client.steps import Answer, Ask, Lost, Pause, Plan, Request
from rao_runtime.client.tree import Node, Page, Tree
from rao_runtime.client.usage import UsageAsked, UsageReport

REPLICAS = "/replicas"
USAGE = "/usage"
KEY = re.compile(r"[!-~]{1,255}")

TreeRef: TypeAlias = str | Tree


def submit(
    contact: Contact, body: bytes, key: str | None, *, hold_s: int | None = None, deadline: float | None = None
) -> Plan[Tree]:
    """Hand a task in; the tree as accepted, or as it stands when the server has held the answer for so long.

    Raises ValueError for a key that is none; None is one of our own.
    """
    key = contact.outside.key() if key is None else key
    if not KEY.fullmatch(key):
        raise ValueError("an idempotency key is 1 to 255 visible ASCII characters")
    # The key is what makes this safe to repeat: a reply that got lost may be one of a tree that runs.
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": key,
        "Prefer": "respond-async" if hold_s is None else f"wait={hold_s}",
    }
    silence_s = contact.timeout_s + (hold_s or 0)
    request = Request(method="POST", path="/solve", headers=headers, body=body, silence_s=silence_s)
    answer = yield from _success(request, Trials(contact, deadline=deadline))
    return _tree(answer)


def get(contact: Contact, tree: TreeRef, *, nodes: bool = False, deadline: float | None = None) -> Plan[Tree]:
    """A tree as it stands, with all its nodes or without."""
    params = {"nodes": "true"} if nodes else {}
    request = Request(method="GET", path=path_of(tree), params=params, silence_s=contact.timeout_s)
    answer = yield from _success(request, Trials(contact, deadline=deadline))
    return _tree(answer)


def node(contact: Contact, tree: TreeRef, node_id: str) -> Plan[Node]:
    """A node with its turns."""
    request = Request(method="GET", path=path_of(tree, node_id), silence_s=contact.timeout_s)
    answer = yield from _success(request, Trials(contact))
    found = Node.read(_json(answer))
    if found is None:
        raise StrangeAnswer(answer.url)
    return found


def trees(contact: Contact, *, limit: int, after: str | None, status: str | None) -> Plan[Page]:
    """A page of trees, newest first."""
    asked = {"limit": str(limit), "after": after, "status": status}
    params = {name: value for name, value in asked.items() if value is not None}
    request = Request(method="GET", path="/trees", params=params, silence_s=contact.timeout_s)
    answer = yield from _success(request, Trials(contact))
    page = _json(answer)
    if not isinstance(page.get("data"), list):
        raise StrangeAnswer(answer.url)
    found = (Tree.read(fields.mapping(each)) for each in fields.items(page.get("data")))
    return Page(
        trees=tuple(tree for tree in found if tree is not None),
        next_cursor=fields.text(page.get("next_cursor")) or None,
    )


def cancel(contact: Contact, tree: TreeRef, node_id: str | None = None) -> Plan[Tree]:
    """Ask a tree, or a node with all below it, to stop; the tree as it stands."""
    path = f"{path_of(tree, node_id)}/cancel"
    answer = yield from _success(Request(method="POST", path=path, silence_s=contact.timeout_s), Trials(contact))
    return _tree(answer)


def delete(contact: Contact, tree: TreeRef) -> Plan[None]:
    """Erase an ended tree."""
    trials = Trials(contact)
    answer = yield from _answer(Request(method="DELETE", path=path_of(tree), silence_s=contact.timeout_s), trials)
    # A tree that is gone after a try whose reply was lost is what that try was for.
    if not answer.is_success and not (answer.status == 404 and trials.failures):
        raise refusal(answer)


def usage(contact: Contact, asked: UsageAsked) -> Plan[UsageReport]:
    """What was used and what it cost."""
    request = Request(method="GET", path=USAGE, params=asked.params(), silence_s=contact.timeout_s)
    answer = yield from _success(request, Trials(contact))
    report = UsageReport.read(_json(answer))
    if report is None:
        raise StrangeAnswer(answer.url)
    return report


def replicas(contact: Contact) -> Plan[tuple[Replica, ...]]:
    """The replicas in the server's pool."""
    answer = yield from _success(Request(method="GET", path=REPLICAS, silence_s=contact.timeout_s), Trials(contact))
    listing = _json(answer)
    if not isinstance(listing.get("data"), list):
        raise StrangeAnswer(answer.url)
    found = (Replica.read(fields.mapping(each)) for each in fields.items(listing.get("data")))
    return tuple(each for each in found if each is not None)


def replica(contact: Contact, replica_id: str) -> Plan[Replica]:
    """A replica as it stands."""
    request = Request(method="GET", path=replica_path(replica_id), silence_s=contact.timeout_s)
    return _replica((yield from _success(request, Trials(contact))))


def add_replica(contact: Contact, url: str, slots: int | None) -> Plan[Replica]:
    """Have the server use one more; the replica as taken."""
    asked = {"url": url} if slots is None else {"url": url, "slots": slots}
    headers, body = {"Content-Type": "application/json"}, json.dumps(asked).encode()
    trials = Trials(contact)
    answer = yield from _answer(
        Request(method="POST", path=REPLICAS, headers=headers, body=body, silence_s=contact.timeout_s), trials
    )
    if answer.is_success:
        return _replica(answer)
    refused = refusal(answer)
    there = fields.text(refused.problem.raw.get("replica_id"))
    # One that is there after a try whose reply was lost is the one that try added.
    if answer.status == 409 and trials.failures and there:
        return (yield from replica(contact, there))
    raise refused


def drain_replica(contact: Contact, replica_id: str) -> Plan[Replica]:
    """Have the server give a replica no new call; the replica as it stands."""
    trials = Trials(contact)
    request = Request(method="DELETE", path=replica_path(replica_id), silence_s=contact.timeout_s)
    answer = yield from _answer(request, trials)
    if answer.is_success:
        return _replica(answer)
    # As with a tree: one that is gone after a try whose reply was lost had no call left. Its id is all that is known.
    known = Replica.read({"id": replica_id, "state": "draining"}) if answer.status == 404 and trials.failures else None
    if known is None:
        raise refusal(answer)
    return known


def replica_path(replica_id: str) -> str:
    """The path of a replica."""
    return f"{REPLICAS}/{quote(replica_id, safe='')}"


def path_of(tree: TreeRef, node_id: str | None = None) -> str:
    """The path of a tree, or of one of its nodes."""
    path = f"/trees/{quote(tree if isinstance(tree, str) else tree.tree_id, safe='')}"
    return path if node_id is None else f"{path}/nodes/{quote(node_id, safe='')}"


def _answer(request: Request, trials: Trials) -> Plan[Answer]:
    while True:
        told: Answer | Lost = yield Ask(request)
        if isinstance(told, Answer) and told.status not in UNAVAILABLE:
            trials.succeeded()
            return told
        yield Pause(trials.pause_s(told))


def _success(request: Request, trials: Trials) -> Plan[Answer]:
    answer = yield from _answer(request, trials)
    if not answer.is_success:
        raise refusal(answer)
    return answer


def _json(answer: Answer) -> Mapping[str, Any]:
    body = fields.mapping(fields.from_json(answer.body))
    if not body:
        raise StrangeAnswer(answer.url)
    return body


def _tree(answer: Answer) -> Tree:
    tree = Tree.read(_json(answer))
    if tree is None:
        raise StrangeAnswer(answer.url)
    return tree


def _replica(answer: Answer) -> Replica:
    replica = Replica.read(_json(answer))
    if replica is None:
        raise StrangeAnswer(answer.url)
    return replica
