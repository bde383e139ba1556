"""Takes up a tree where its last owner left it."""

from collections.abc import Mapping, Sequence
from typing import Any

from rao_runtime.core.budget import Account
from rao_runtime.core.events import SCHEMA_VERSION, Event, EventType
from rao_runtime.core.state import TreeState
from rao_runtime.engine import wreck
from rao_runtime.engine.replay import TreePast, past_of
from rao_runtime.engine.tree_log import TreeLog


def take_up(tree_log: TreeLog, events: Sequence[Event], account: Account) -> TreePast:
    """Journal that the tree goes on, and settle the calls whose end nobody saw; what its nodes did until now.

    `events` are the journal so far. What was spent is booked to `account`, and to those of launches with less.
    """
    state = tree_log.state
    tree_log.record(EventType.TREE_RESUMED, {"fence": tree_log.fence, "from_seq": state.last_seq})
    settled = wreck.close_calls(tree_log, "interrupted", "its owner stopped before the call ended")
    return past_of(state, [*events, *settled], account)


def why_not(state: TreeState, sandbox_version: str) -> str | None:
    """Why a process with such a sandbox cannot go on with a tree; None where it can."""
    if not state.started:
        return None
    made: Mapping[str, Any] = state.started["versions"]
    ours = {"schema": SCHEMA_VERSION, "sandbox": sandbox_version}
    other = [f"{name} {made[name]} (here {ours[name]})" for name in ours if made[name] != ours[name]]
    return f"it was started with {', '.join(other)} and cannot be replayed here" if other else None
