"""Stays with a tree until it has ended, and says how it ended."""

import asyncio
from collections.abc import Mapping
from typing import Any

from rao_runtime.cli import display, fields
from rao_runtime.cli.display import Display
from rao_runtime.cli.errors import COMPLETED, FAILED
from rao_runtime.cli.follow import Follower
from rao_runtime.cli.terminal import console, is_watched, print_json
from rao_runtime.cli.tree_page import print_end
from rao_runtime.client import AsyncClient


async def to_the_end(client: AsyncClient, tree_id: str, *, watch: bool, as_json: bool) -> int:
    """Show the tree until it has ended, then its answer; the exit status. Raises ClientError."""
    follower = Follower(client, tree_id)
    if as_json or not is_watched():
        tree = await show(client, tree_id, follower, display.JsonLines())
        print_json(tree)
    else:
        out = console()
        drawn = display.live(out, follower) if watch else display.one_line(out, follower)
        tree = await show(client, tree_id, follower, drawn)
        if watch:
            out.print()
        print_end(out, tree)
    return COMPLETED if tree.get("status") == "completed" else FAILED


async def show(client: AsyncClient, tree_id: str, follower: Follower, shown: Display) -> Mapping[str, Any]:
    """Show the tree until it has ended; the tree. Raises ClientError."""
    try:
        async with asyncio.TaskGroup() as group:
            drawing = group.create_task(shown.draw())
            try:
                end = await _take_all(follower, shown)
            finally:
                drawing.cancel()
    except ExceptionGroup as errors:
        # Only following can fail: there is one error, and the command line wants it bare.
        raise errors.exceptions[0] from None
    return (await client.get(tree_id)).raw if end is None else end


async def _take_all(follower: Follower, shown: Display) -> Mapping[str, Any] | None:
    """The tree of the terminal event; None where the stream had none to give."""
    async with follower.events() as events:
        async for told in events:
            shown.take(told)
            if told.is_end:
                return fields.mapping(told.event.get("data"))
    return None
