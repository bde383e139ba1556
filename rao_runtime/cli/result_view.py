"""An ended tree in words: the answer, or why there is none, and what it took."""

from collections.abc import Iterator

from rich.text import Text

from rao_runtime.cli import fields, plain
from rao_runtime.cli.fields import Json
from rao_runtime.cli.live_view import SEPARATOR
from rao_runtime.cli.looks import badge


def outcome(tree: Json) -> Iterator[Text]:
    """The answer of a completed tree; of another one the error and the best effort, if there is any."""
    if tree.get("status") == "completed":
        yield Text(plain.value(tree.get("answer")))
        return
    error, partial = fields.mapping(tree.get("error")), fields.mapping(tree.get("partial"))
    if error:
        yield Text(error_line(error), style="red")
    if partial:
        sources = plain.some(len(fields.items(partial.get("source_nodes"))), "node")
        yield Text(f"Partial answer, from {sources}:", style="bold")
        yield Text(plain.value(partial.get("answer")))


def error_line(error: Json) -> str:
    """`tokens: the next model call … (limit 2000000, spent 1999870)`."""
    reason, kind = fields.text(error.get("reason")), fields.text(error.get("kind"))
    name = f"{reason} ({kind})" if kind else reason
    told = f"{name}: {plain.printable(fields.text(error.get('message')))}"
    limits = [f"{key} {error[key]}" for key in ("limit", "spent") if error.get(key) is not None]
    return f"{told} ({', '.join(limits)})" if limits else told


def summary(tree: Json, *, ascii_only: bool = False) -> Iterator[Text]:
    """A few short lines: how it ended and what it took, what of it was wasted, how long, which tree it was."""
    yield badge(fields.text(tree.get("status")), ascii_only=ascii_only).append(SEPARATOR + _took(tree), style="none")
    yield from map(Text, _parts(tree))
    times = _times(fields.mapping(tree.get("timing")))
    if times:
        yield Text(times)
    yield Text(f"tree {plain.one_line(fields.text(tree.get('tree_id')))}", style="dim")


def _took(tree: Json) -> str:
    nodes = plain.some(fields.number(fields.mapping(tree.get("nodes")).get("total")), "node")
    return SEPARATOR.join([nodes, *_spent(tree)])


def _spent(part: Json) -> Iterator[str]:
    """Calls, tokens and money of a tree, or of one model's share in it."""
    usage, cost = fields.mapping(part.get("usage")), fields.cost(part.get("cost"))
    tokens = fields.number(usage.get("input_tokens")) + fields.number(usage.get("output_tokens"))
    yield plain.some(fields.number(usage.get("calls")), "call")
    yield plain.some(tokens, "token")
    if cost is not None:
        yield plain.money(cost)


def _parts(tree: Json) -> Iterator[str]:
    """What was wasted, if anything; then model by model, where there were several."""
    tokens = fields.number(fields.mapping(tree.get("usage")).get("wasted_tokens"))
    money = fields.wasted(tree.get("cost"))
    if tokens or money:
        yield SEPARATOR.join([f"wasted {plain.some(tokens, 'token')}", *([plain.money(money)] if money else [])])
    shares = [fields.mapping(share) for share in fields.items(tree.get("by_model"))]
    if len(shares) > 1:
        for share in shares:
            yield SEPARATOR.join([plain.one_line(fields.text(share.get("model"))), *_spent(share)])


def _times(timing: Json) -> str:
    named = (("wall", "wall_s"), ("critical path", "critical_path_s"), ("work", "work_s"))
    known = [(name, fields.seconds(timing.get(key))) for name, key in named]
    return SEPARATOR.join(f"{name} {plain.seconds(taken_s)}" for name, taken_s in known if taken_s is not None)
