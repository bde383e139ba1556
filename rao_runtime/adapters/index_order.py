"""What every index of trees agrees on: the order of pages and their cursors, what counts as ended, what is kept."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite

from rao_runtime.core.errors import Fault, InvalidRequest
from rao_runtime.ports import Retention, TreeEntry

KEY_KEPT_S = 24 * 3600.0
ENDED = frozenset({"completed", "failed", "canceled", "rejected"})

Place = tuple[float, str]  # created_at, tree_id: where an entry stands in its tenant's list


@dataclass(frozen=True, slots=True)
class Ended:
    """When a tree ended, and how many nodes it has."""

    at: float
    nodes: int


def excess(
    ended: Iterable[tuple[str, Ended]], retention: Retention, *, left: int, nodes: int, now: float
) -> Sequence[str]:
    """Of ended trees, oldest end first: those that are too many, too old, or that too many nodes are kept with.

    `left` and `nodes` count all that is kept, these trees and whatever comes after them.
    """
    drop = list[str]()
    for tree_id, end in ended:
        too_large = nodes > retention.nodes and left > 1
        if left <= retention.trees and end.at > now - retention.age_s and not too_large:
            break
        drop.append(tree_id)
        left, nodes = left - 1, nodes - end.nodes
    return drop


def cursor_of(entry: TreeEntry) -> str:
    """The cursor of the page that follows this entry."""
    return urlsafe_b64encode(f"{entry.created_at!r} {entry.tree_id}".encode()).decode().rstrip("=")


def place_of(cursor: str) -> Place:
    """The place a cursor stands for. Raises InvalidRequest for a text that is none."""
    try:
        text = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode()
        created_at, _, tree_id = text.partition(" ")
        place = float(created_at), tree_id
    except ValueError:
        raise _bad_cursor() from None
    if not tree_id or not isfinite(place[0]):
        raise _bad_cursor()
    return place


def _bad_cursor() -> InvalidRequest:
    return InvalidRequest([Fault(("query", "after"), "is not a cursor of this list")])
