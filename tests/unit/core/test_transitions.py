"""Every move there is, and none besides."""

import pytest

from rao_runtime.core.events import NODE_ENDS, TREE_ENDS, EventType
from rao_runtime.core.transitions import ENDED, NODE_MOVES, TREE_MOVES, WORK, IllegalMove, Status, moved


def test_a_move_in_the_table_gives_the_next_status() -> None:
    assert moved(NODE_MOVES, Status.SUBMITTED, EventType.NODE_STARTED) is Status.WORKING
    assert moved(TREE_MOVES, None, EventType.TREE_CREATED) is Status.SUBMITTED


@pytest.mark.parametrize("table", [TREE_MOVES, NODE_MOVES])
def test_nothing_leaves_an_end(table: dict[tuple[Status | None, EventType], Status]) -> None:
    assert not [status for status, _ in table if status in ENDED]
    for status in ENDED:
        for event in EventType:
            with pytest.raises(IllegalMove, match=status.value):
                moved(table, status, event)


@pytest.mark.parametrize(("table", "ends"), [(TREE_MOVES, TREE_ENDS), (NODE_MOVES, NODE_ENDS)])
def test_the_terminal_events_and_only_they_lead_to_an_end(
    table: dict[tuple[Status | None, EventType], Status], ends: frozenset[EventType]
) -> None:
    assert {event for (_, event), after in table.items() if after in ENDED} == ends


def test_a_node_completes_only_from_work_and_can_fail_or_be_cancelled_before() -> None:
    from_submitted = {event for status, event in NODE_MOVES if status is Status.SUBMITTED}
    assert from_submitted == {EventType.NODE_STARTED, EventType.NODE_FAILED, EventType.NODE_CANCELED}


def test_every_event_type_is_a_move_or_work_or_not_journaled() -> None:
    moves = {event for _, event in [*TREE_MOVES, *NODE_MOVES]}
    assert moves | WORK | {EventType.NODE_DELTA, EventType.STREAM_GAP} == set(EventType)
    assert not moves & WORK
