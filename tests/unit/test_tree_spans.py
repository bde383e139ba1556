"""Which spans a tree's journal gives, where they hang, and when; over one owner and over several."""

import pytest

from rao_runtime.core.events import EventType
from rao_runtime.core.ids import attempt_span_id, cell_span_id, node_span_id, post_span_id, root_id, tool_span_id
from rao_runtime.telemetry.span import SpanKind
from tests.unit.core.tree_builder import CREATED, TreeBuilder
from tests.unit.traced_tree import TracedTree, error, spans_of


def family() -> TracedTree:
    """A root with one child, each with a call, a cell and an end; a second between any two events."""
    tree = TracedTree().later(1).born("r").later(1).asks("r").later(1).told("r").later(1).acts("r")
    tree.later(1).born("c", "r").later(1).asks("c").later(1).told("c").later(1).acts("c").later(1).sees("c")
    return tree.later(1).done("c").later(1).sees("r").later(1).done("r").later(1).tree(EventType.TREE_COMPLETED)


def test_a_tree_gives_a_span_a_node_attempt_and_cell_in_the_order_they_end() -> None:
    spans = family().spans()
    assert [span.name for span in spans] == [
        "chat m",
        "chat m",
        "execute_tool python",
        "invoke_agent rao",
        "execute_tool python",
        "invoke_agent rao",
    ]
    assert [span.trace_id for span in spans] == [CREATED["trace_id"]] * 6
    assert [span.kind for span in spans[:3]] == [SpanKind.CLIENT, SpanKind.CLIENT, SpanKind.INTERNAL]


def test_ids_follow_from_what_a_span_tells_of_and_nodes_hang_below_their_parents() -> None:
    places = {(span.span_id, span.parent_id) for span in family().spans()}
    root, child = node_span_id("r"), node_span_id("c")
    assert places == {
        (root, post_span_id("t")),
        (child, root),
        (attempt_span_id("r-t0-a1"), root),
        (attempt_span_id("c-t0-a1"), child),
        (cell_span_id("r", 0), root),
        (cell_span_id("c", 0), child),
    }


def test_spans_start_and_end_when_the_journal_says() -> None:
    times = {span.span_id: (span.start - 1_000, span.end - 1_000) for span in family().spans()}
    assert times[node_span_id("r")] == (1, 12)
    assert times[attempt_span_id("r-t0-a1")] == (2, 3)
    assert times[cell_span_id("r", 0)] == (4, 11)
    assert times[node_span_id("c")] == (5, 10)


def test_a_node_that_never_started_counts_from_its_creation() -> None:
    tree = TracedTree().born("r").later(1).born("c", "r", starts=False)
    tree.later(1).lost("c", "canceled", EventType.NODE_CANCELED)
    (span,) = tree.spans()
    assert (span.start, span.end) == (1_001, 1_002)


def test_a_tree_that_is_not_sampled_gives_none() -> None:
    assert TracedTree(sampled=False).born("r").done("r").spans() == []


def test_a_journal_from_before_trees_were_traced_gives_none() -> None:
    assert "sampled" not in CREATED
    events = TreeBuilder().tree(EventType.TREE_COMPLETED).events
    assert spans_of(events[:1], events[1:]) == []


@pytest.mark.parametrize(
    ("end", "reason"), [(EventType.TREE_CANCELED, "canceled"), (EventType.TREE_FAILED, "deadline")]
)
def test_a_tree_that_ended_before_its_root_existed_has_one_span_that_says_why(end: EventType, reason: str) -> None:
    tree = TracedTree(started=False).later(5).tree(end, error=error(reason))
    (span,) = tree.spans()
    assert (span.span_id, span.parent_id) == (node_span_id(root_id("t")), post_span_id("t"))
    assert (span.start, span.end, span.error, span.message) == (1_000, 1_005, reason, "it says why")
    assert span.attributes["rao.node.status"] == end.removeprefix("tree.")


# --- what was open when its node ended --------------------------------------------------------------------------------


def test_a_cell_that_was_cut_short_ends_with_its_node_and_says_why() -> None:
    tree = TracedTree().born("r").acts("r").later(3).lost("r", "canceled", EventType.NODE_CANCELED)
    cell = tree.named("execute_tool")
    assert (cell.end, cell.error) == (1_003, "canceled")


def test_a_tool_call_that_was_cut_short_ends_with_its_node() -> None:
    tree = TracedTree().born("r").node("r", EventType.TOOL_STARTED, 0, call_id="r-t0-c0", name="grep", arguments={})
    tool = tree.later(3).lost("r", "internal").named("execute_tool")
    assert (tool.span_id, tool.end, tool.error) == (tool_span_id("r-t0-c0"), 1_003, "internal")


def test_a_turn_without_code_has_no_cell() -> None:
    tree = TracedTree().born("r").acts("r", None).sees("r", error="write a cell").done("r")
    assert [span.name for span in tree.spans()] == ["invoke_agent rao"]


# --- clocks that differ -----------------------------------------------------------------------------------------------


def test_nothing_starts_before_its_node_though_a_new_owners_clock_is_behind() -> None:
    tree = TracedTree().born("r").later(-5).asks("r").told("r").born("c", "r").done("c").later(5).done("r")
    assert {span.start for span in tree.spans()} == {1_000}


def test_nothing_ends_before_it_started() -> None:
    tree = TracedTree().born("r").later(2).asks("r").later(-1).told("r").done("r")
    assert [(span.start, span.end) for span in tree.spans()] == [(1_002, 1_002), (1_000, 1_002)]


def test_a_node_does_not_end_before_what_is_below_it() -> None:
    tree = TracedTree().born("r").born("c", "r").later(9).asks("c").told("c").later(-5).done("c").done("r")
    assert [span.end for span in tree.spans()] == [1_009, 1_009, 1_009]


# --- several owners ---------------------------------------------------------------------------------------------------


def test_a_new_owner_tells_again_what_ended_lately_with_the_very_same_spans() -> None:
    tree = family()
    for taken_at in range(2, len(tree.events)):
        past, news = tree.events[:taken_at], tree.events[taken_at:]
        assert spans_of(past, news) == tree.spans()


def test_a_new_owner_waits_with_what_it_tells_again_until_something_happens() -> None:
    assert spans_of(family().events[:-1], []) == []


def test_a_new_owner_does_not_tell_again_what_ended_over_a_minute_before() -> None:
    tree = TracedTree().born("r").asks("r").told("r").later(61).acts("r").sees("r")
    tree.tree(EventType.TREE_RESUMED, fence=2, from_seq=8).done("r")
    assert [span.name for span in spans_of(tree.events[:-2], tree.events[-2:])] == [
        "execute_tool python",
        "invoke_agent rao",
    ]


def test_what_was_open_when_the_owner_died_ends_under_the_next() -> None:
    tree = TracedTree().born("r").later(1).asks("r").later(9).fails("r", "interrupted").done("r")
    chat = spans_of(tree.events[:-2], tree.events[-2:])[0]
    assert (chat.start, chat.end, chat.error) == (1_001, 1_010, "interrupted")


def test_the_root_says_that_the_tree_went_on_under_another_owner() -> None:
    tree = TracedTree().born("r").later(2).tree(EventType.TREE_RESUMED, fence=2, from_seq=4).done("r")
    (event,) = tree.named("invoke_agent").events
    assert (event.name, event.ts, event.attributes["rao.resumed.fence"]) == ("rao.resumed", 1_002, 2)
