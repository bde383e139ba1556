"""What a node is called on the demo's screen: goals are all alike there, so its share of the text and its answer."""

from rao_runtime.cli import fields, plain
from rao_runtime.cli.fields import Json
from rao_runtime.cli.watched import WatchedTree

MOST_CHARS = 24


def label(tree: WatchedTree, event: Json) -> None:
    """Rename the node that this event made or ended."""
    node = tree.nodes.get(fields.text(event.get("node_id")))
    data = fields.mapping(event.get("data"))
    if node is None:
        return
    match event.get("type"):
        case "node.created":
            node.goal = _share(tree, node.goal, data)
        case "node.completed":
            node.goal = f"{node.goal}: {plain.one_line(_told(data.get('answer')), MOST_CHARS)}"
        case _:
            pass


def _share(tree: WatchedTree, goal: str, data: Json) -> str:
    chars = fields.number(fields.mapping(data.get("context")).get("chars"))
    share = f"{chars:,} characters" if chars else ""
    # A model may give its children a goal of their own; that is worth a look.
    return share if goal == tree.goal and share else " · ".join(part for part in (goal, share) if part)


def _told(answer: object) -> str:
    match answer:
        case bool():
            return "yes" if answer else "no"
        case int():
            return f"{answer:,}"
        case _:
            return plain.value(answer)
