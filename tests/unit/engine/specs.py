"""Node specs for tests, made from the one thing that matters in each."""

from dataclasses import replace

from rao_runtime.core.limits import Limits
from rao_runtime.engine.contexts import Content, ContextSize
from rao_runtime.engine.node_spec import NodeSpec

ROOT = NodeSpec(
    node_id="0" * 20,
    parent_id=None,
    depth=0,
    fork_step=None,
    launch_index=0,
    path="",
    goal="Count the lines.",
    context=None,
    size=ContextSize(0, None),
    returns=None,
    schema=None,
    check=None,
    limits=Limits(),
    recursive=True,
)


def with_context(context: Content, chars: int) -> NodeSpec:
    """The root with this to read."""
    return replace(ROOT, context=context, size=ContextSize(chars, "0" * 64))
