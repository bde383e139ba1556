"""The states of trees and nodes, and every move between them. Whatever changes a status lives in these two tables."""

from enum import StrEnum

from rao_runtime.core.events import EventType


class Status(StrEnum):
    """A2A's words. `rejected` is a tree that was never accepted; nodes have no such state."""

    SUBMITTED = "submitted"
    WORKING = "working"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    REJECTED = "rejected"


ENDED = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELED, Status.REJECTED})

TREE_MOVES: dict[tuple[Status | None, EventType], Status] = {
    (None, EventType.TREE_CREATED): Status.SUBMITTED,
    (Status.SUBMITTED, EventType.TREE_STARTED): Status.WORKING,
    (Status.SUBMITTED, EventType.TREE_FAILED): Status.FAILED,
    (Status.SUBMITTED, EventType.TREE_CANCELED): Status.CANCELED,
    (Status.WORKING, EventType.TREE_RESUMED): Status.WORKING,
    (Status.SUBMITTED, EventType.LIMITS_CHANGED): Status.SUBMITTED,
    (Status.WORKING, EventType.LIMITS_CHANGED): Status.WORKING,
    (Status.WORKING, EventType.TREE_COMPLETED): Status.COMPLETED,
    (Status.WORKING, EventType.TREE_FAILED): Status.FAILED,
    (Status.WORKING, EventType.TREE_CANCELED): Status.CANCELED,
}

NODE_MOVES: dict[tuple[Status | None, EventType], Status] = {
    (None, EventType.NODE_CREATED): Status.SUBMITTED,
    (Status.SUBMITTED, EventType.NODE_STARTED): Status.WORKING,
    (Status.SUBMITTED, EventType.NODE_FAILED): Status.FAILED,
    (Status.SUBMITTED, EventType.NODE_CANCELED): Status.CANCELED,
    (Status.WORKING, EventType.NODE_COMPLETED): Status.COMPLETED,
    (Status.WORKING, EventType.NODE_FAILED): Status.FAILED,
    (Status.WORKING, EventType.NODE_CANCELED): Status.CANCELED,
}

# Everything else a node's journal holds happens while it works.
WORK = frozenset(
    {
        EventType.CALL_STARTED,
        EventType.CALL_COMPLETED,
        EventType.CALL_FAILED,
        EventType.NODE_TURN,
        EventType.NODE_SPLIT,
        EventType.NODE_REFUSED,
        EventType.NODE_RESUMED,
        EventType.NODE_OUTPUT,
        EventType.NODE_CHECK,
        EventType.NODE_PUBLISHED,
        EventType.TOOL_STARTED,
        EventType.TOOL_COMPLETED,
    }
)


class IllegalMove(ValueError):
    """An event that the current status does not allow: a bug, or a journal that was tampered with."""


def moved(table: dict[tuple[Status | None, EventType], Status], status: Status | None, event: EventType) -> Status:
    """The status after `event`. Raises IllegalMove."""
    try:
        return table[status, event]
    except KeyError:
        raise IllegalMove(f"{event} cannot follow status {status}") from None
