"""Log lines say what they are about."""

import asyncio
import json
import logging
from typing import Any

from rao_runtime.telemetry.concern import about, concern
from server.logs import JsonLines
from tests.contract.world import world

log = logging.getLogger(__name__)


def line(record: logging.LogRecord) -> dict[str, Any]:
    return json.loads(JsonLines().format(record))


def test_a_line_names_what_it_is_about() -> None:
    handler = Lines()
    log.addHandler(handler)
    with about(tenant="t", tree_id="T", trace_id="X"), about(node_id="N"):
        log.warning("here")
    log.warning("there")
    log.removeHandler(handler)
    here, there = handler.lines
    assert {"tenant": "t", "tree_id": "T", "trace_id": "X", "node_id": "N", "message": "here"}.items() <= here.items()
    assert not {"tenant", "tree_id", "trace_id", "node_id", "call_id"} & there.keys()


async def test_a_task_is_about_what_it_was_started_in_until_it_says_otherwise() -> None:
    async def child() -> dict[str, str]:
        with about(node_id="child"):
            return dict(concern())

    with about(tree_id="T", node_id="parent"):
        told = await asyncio.create_task(child())
        assert concern()["node_id"] == "parent"
    assert told == {"tree_id": "T", "node_id": "child"}
    assert concern() == {}


class Lines(logging.Handler):
    """Formats as the server does, where the line is written."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = list[dict[str, Any]]()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(line(record))


async def test_what_is_logged_of_a_tree_has_its_ids() -> None:
    handler = Lines()
    engine = logging.getLogger("rao_runtime.engine.tree")
    before = engine.level
    engine.addHandler(handler)
    engine.setLevel(logging.INFO)
    try:
        async with world() as gateway:
            tree_id = await gateway.stuck()
            tree = (await gateway.http.get(f"/trees/{tree_id}")).json()
    finally:
        engine.removeHandler(handler)
        engine.setLevel(before)
    (told,) = handler.lines
    assert "was let go" in told["message"]
    assert (told["tenant"], told["tree_id"], told["trace_id"]) == ("default", tree_id, tree["trace_id"])
