"""The live view, drawn on a terminal of fixed size without colours."""

from io import BytesIO, TextIOWrapper

import pytest
from rich.cells import cell_len
from rich.console import Console

from rao_runtime.cli.live_view import LiveView
from rao_runtime.cli.watched import WatchedTree
from tests.unit.cli_events import Story, usage


def view_of(story: Story, now: float | None = 20.0) -> LiveView:
    tree = WatchedTree()
    for event in story.events:
        tree.apply(event)
    return LiveView(tree, lambda: now)


def lines(view: LiveView, *, width: int = 80, height: int = 24, encoding: str = "utf-8") -> list[str]:
    """What the terminal shows: exactly these characters, none of them a control sequence."""
    written = BytesIO()
    file = TextIOWrapper(written, encoding=encoding, errors="replace")
    console = Console(file=file, width=width, height=height, color_system=None, force_terminal=False)
    console.print(view)
    file.flush()
    return [line.rstrip() for line in written.getvalue().decode(encoding).splitlines()]


def family() -> Story:
    story = Story()
    story.begin("Count the lines that mention apple.")
    story.node("root", goal="Count the lines that mention apple.", ts=10)
    story.call("root", cost="0.0004")
    story.node("a", "root", goal="Count them in part 1.", ts=11)
    story.node("b", "root", goal="Count them in part 2.", ts=11)
    story.call("a", cost="0.0004")
    story.call("a", turn=1, cost="0.0004")
    story.tell("node.completed", "a", ts=13.5)
    return story


def test_a_tree_in_80_columns() -> None:
    assert lines(view_of(family())) == [
        "● working  Count the lines that mention apple.",
        "3 nodes: 1 working, 1 waiting, 1 completed · depth 1",
        "3 calls · 300 + 30 tokens (120 cached) · $0.0012 · 20.0 s",
        "node                        depth  status       turns  tokens      cost  seconds",
        "Count the lines that ment…      0  ◌ waiting        1     110  $0.00040     10.0",
        "├─Count them in part 1.         1  ✓ completed      2     220  $0.00080     2.50",
        "└─Count them in part 2.         1  ● working        0       0         -     9.00",
    ]


def test_a_wide_terminal_shows_ids_too() -> None:
    shown = lines(view_of(family()), width=110)
    assert shown[3].split() == ["node", "id", "depth", "status", "turns", "tokens", "cost", "seconds"]
    assert shown[5].split()[:8] == ["├─Count", "them", "in", "part", "1.", "a", "1", "✓"]


def test_a_terminal_that_knows_ascii_only_gets_ascii_signs() -> None:
    signs = [line[:2] for line in lines(view_of(family()), encoding="ascii")]
    assert signs == ["* ", "3 ", "3 ", "no", "Co", "|-", "`-"]


def test_a_model_without_a_price_has_no_column_for_cost() -> None:
    story = Story()
    story.begin()
    story.node("root")
    story.call("root")
    shown = lines(view_of(story))
    assert shown[2].startswith("1 call · 100 + 10 tokens (40 cached) · ")
    assert "cost" not in shown[3]


def test_nothing_is_shown_of_nodes_before_there_are_any() -> None:
    story = Story()
    story.tell("tree.created", request={"goal": "wait"}, ts=5)
    assert lines(view_of(story)) == ["○ submitted  wait", "0 nodes · depth 0", "0 calls · 0 + 0 tokens · 15.0 s"]


def test_an_unknown_time_is_not_made_up() -> None:
    assert lines(view_of(family(), now=None))[2].endswith(" · -")


def test_a_gap_is_said() -> None:
    story = family()
    story.tell("stream.gap", status="working", usage=usage(1, 1))
    assert lines(view_of(story))[1].endswith(" · earlier events are gone")


def test_escape_sequences_in_a_goal_never_reach_the_terminal() -> None:
    story = Story()
    story.begin("\x1b[2Jgone [red]not markup[/red] :apple:")
    story.node("root", goal="\x1b]0;title\x07\r\nnext")
    shown = lines(view_of(story))
    assert shown[0] == "● working  \ufffd[2Jgone [red]not markup[/red] :apple:"
    assert shown[4].startswith("\ufffd]0;title\ufffd next")


def test_five_thousand_nodes_fit_and_the_rest_is_counted() -> None:
    story = Story()
    story.begin()
    story.node("root")
    for child in range(4_999):
        story.node(f"c{child}", "root")
        if child % 2:
            story.tell("node.completed", f"c{child}")
    shown = lines(view_of(story))
    assert len(shown) < 24
    assert shown[1] == "5,000 nodes: 2,500 working, 1 waiting, 2,499 completed · depth 1"
    # The root and 17 of its working children fit.
    assert shown[-1] == "and 4,982 more nodes: 2,483 working, 2,499 completed"


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
@pytest.mark.parametrize("height", [8, 24, 60])
def test_it_never_outgrows_the_terminal(width: int, height: int) -> None:
    story = Story()
    story.begin("word " * 500)
    story.node("root", goal="word " * 500)
    for child in range(100):
        story.node(f"c{child}", "root", goal=f"看 {child} " + "x" * 300)
    shown = lines(view_of(story), width=width, height=height)
    assert len(shown) < height
    assert max(map(cell_len, shown)) <= width
