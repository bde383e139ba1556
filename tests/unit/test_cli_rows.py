"""Which nodes are shown where not all fit."""

from rao_runtime.cli.rows import hidden, rows
from rao_runtime.cli.watched import WatchedTree
from tests.unit.cli_events import Story


def tree_of(story: Story) -> WatchedTree:
    tree = WatchedTree()
    for event in story.events:
        tree.apply(event)
    return tree


def drawn(tree: WatchedTree, most: int) -> list[str]:
    return [f"{row.guide}{row.node.node_id}" for row in rows(tree, most)]


def grown(children: int, grandchildren: int) -> Story:
    story = Story()
    story.begin()
    story.node("r")
    for i in range(children):
        story.node(f"c{i}", "r")
        for j in range(grandchildren):
            story.node(f"c{i}g{j}", f"c{i}")
    return story


def test_a_small_tree_is_drawn_whole_in_the_order_of_creation() -> None:
    assert drawn(tree_of(grown(2, 2)), 10) == [
        "r",
        "├─c0",
        "│ ├─c0g0",
        "│ └─c0g1",
        "└─c1",
        "  ├─c1g0",
        "  └─c1g1",
    ]


def test_children_that_were_created_in_between_hang_on_their_own_parent() -> None:
    story = grown(2, 0)
    story.node("late", "c0")
    assert drawn(tree_of(story), 10) == ["r", "├─c0", "│ └─late", "└─c1"]


def test_what_lives_goes_before_what_has_ended_and_brings_its_ancestors() -> None:
    story = grown(3, 2)
    for node in ("c1g0", "c1g1", "c1", "c2g0", "c2g1", "c2", "c0g0"):
        story.tell("node.completed", node)
    assert drawn(tree_of(story), 3) == ["r", "└─c0", "  └─c0g1"]


def test_the_rest_is_filled_with_what_ended_last() -> None:
    story = grown(3, 2)
    for node in ("c0g0", "c0g1", "c0", "c1g0", "c1g1", "c1", "c2g0", "c2g1", "c2", "r"):
        story.tell("node.completed", node)
    assert drawn(tree_of(story), 4) == ["r", "└─c2", "  ├─c2g0", "  └─c2g1"]


def test_what_is_not_shown_is_counted_by_status() -> None:
    story = grown(3, 1)
    story.tell("node.failed", "c0g0")
    story.tell("node.completed", "c0")
    tree = tree_of(story)
    assert hidden(tree, rows(tree, 3)) == {"working": 1, "waiting": 1, "failed": 1, "completed": 1}
    assert not hidden(tree, rows(tree, 7))


def test_a_line_of_descent_longer_than_the_screen_is_shown_as_far_as_it_fits() -> None:
    story = Story()
    story.begin()
    story.node("n0")
    for depth in range(1, 33):
        story.node(f"n{depth}", f"n{depth - 1}")
    shown = drawn(tree_of(story), 10)
    assert len(shown) == 10
    assert shown[0] == "n0"
    assert max(map(len, shown)) <= 12 + len("n32")


def test_a_stream_that_leads_in_a_circle_is_shown_without_end_of_time() -> None:
    tree = WatchedTree()
    for node, parent in (("a", "b"), ("b", "a"), ("c", "c"), ("d", None), ("e", "d")):
        tree.apply({"type": "node.created", "node_id": node, "parent_id": parent, "depth": 1, "data": {}})
    for most in (2, 3, 10):
        assert len(rows(tree, most)) <= most


def test_five_thousand_nodes_make_no_more_rows_than_fit() -> None:
    tree = tree_of(grown(50, 99))
    assert len(tree.nodes) == 4_951 + 50
    shown = rows(tree, 18)
    assert len(shown) == 18
    assert hidden(tree, shown).total() == 5_001 - 18
