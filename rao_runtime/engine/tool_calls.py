"""The tool calls of one cell: journaled before they are made and after, run side by side, and never run again."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from types import TracebackType
from typing import Any, Self

from rao_runtime.core.errors import JournalError
from rao_runtime.core.events import EventType
from rao_runtime.core.ids import tool_call_id
from rao_runtime.core.values import cut, to_json
from rao_runtime.engine.node_log import NodeLog
from rao_runtime.engine.node_spec import NodeSpec
from rao_runtime.engine.results import Awaited, Results
from rao_runtime.engine.tree_context import TreeContext
from rao_runtime.ports import Effects, HostCall, Raise, Return, Tool, ToolSpec

MAX_MESSAGE_CHARS = 2_000
UNKNOWN_END = "the server stopped during this call: whether it took effect is not known. It was not made again"


class ToolCalls:
    """The tool calls of a cell. As a context manager it ends those that still run when the cell is over."""

    def __init__(self, tree: TreeContext, spec: NodeSpec, log: NodeLog, turn: int, results: Results) -> None:
        self._tree = tree
        self._spec = spec
        self._log = log
        self._turn = turn
        self._results = results
        self._group = asyncio.TaskGroup()
        self._tasks = list[asyncio.Task[None]]()
        self._calls = 0

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await self._group.__aexit__(kind, error, trace)

    def alive(self) -> int:
        """How many calls still run."""
        return sum(not task.done() for task in self._tasks)

    def call(self, call: HostCall, tool: Tool) -> None:
        """Make the call, or have its journaled result ready. Raises TypeError or ValueError for bad arguments."""
        index, self._calls = self._calls, self._calls + 1
        arguments = tool.bind(call.args, call.kwargs)
        name, tool_id = tool.spec.name, tool_call_id(self._spec.node_id, self._turn, index)
        known = self._log.past.tool(tool_id)
        if known is None:
            self._check_calls(tool)
            data = {"call_id": tool_id, "name": name, "arguments": arguments}
            self._tree.log.record(EventType.TOOL_STARTED, data, self._spec, self._turn)
        self._results.expect(call.call_id, Awaited(tool_index=index))
        if known is not None and known.get("ended"):
            self._results.arrive(call.call_id, _result(known))
        elif known is not None and tool.spec.effects is Effects.OUTSIDE:
            self._end(call.call_id, tool_id, name, {"error": {"type": "RuntimeError", "message": UNKNOWN_END}})
        else:
            self._tasks.append(self._group.create_task(self._run(call.call_id, tool_id, tool, arguments)))

    def _check_calls(self, tool: Tool) -> None:
        most, made = tool.spec.calls, self._tree.log.state.tool_calls.get(tool.spec.name, 0)
        if made >= most:
            raise ValueError(f"{tool.spec.name}() may be called {most} times in a tree, and was")

    async def _run(self, call_id: int, tool_id: str, tool: Tool, arguments: Mapping[str, Any]) -> None:
        # What it does must not happen before it is on record, nor while a part of the tree still replays.
        await self._log.live()
        await self._tree.log.durable()
        try:
            if tool.spec.effects is Effects.TREE:
                async with self._tree.tool_locks[tool.spec.name]:
                    self._end(call_id, tool_id, tool.spec.name, await self._outcome(tool, arguments))
            else:
                self._end(call_id, tool_id, tool.spec.name, await self._outcome(tool, arguments))
        except asyncio.CancelledError:
            # Where the whole tree is let go nothing is recorded: the next owner finds the call open.
            with suppress(JournalError):
                error = {"type": "CancelledError", "message": "its cell ended"}
                self._end(call_id, tool_id, tool.spec.name, {"error": error})
            raise

    async def _outcome(self, tool: Tool, arguments: Mapping[str, Any]) -> dict[str, Any]:
        # Copies: what is changed in place and then raised over, or too late, must change neither journal nor state.
        state = deepcopy(self._tree.log.state.tool_states.get(tool.spec.name))
        limit = asyncio.timeout(tool.spec.time_s)
        try:
            async with limit:
                result, after = await tool.run(deepcopy(arguments), state)
            told: dict[str, Any] = {"result": to_json(result, what="result")}
            if tool.spec.effects is Effects.TREE:
                told["state"] = to_json(after, what="state")
        # The boundary of a tool: what it raises is the cell's to see, and its `sys.exit()` does not end the server.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            # A tool may well raise a TimeoutError of its own, a socket's for one.
            late = isinstance(error, TimeoutError) and limit.expired()
            message = _too_long(tool.spec) if late else cut(str(error), MAX_MESSAGE_CHARS)[0]
            return {"error": {"type": type(error).__name__, "message": message}}
        return told

    def _end(self, call_id: int, tool_id: str, name: str, told: Mapping[str, Any]) -> None:
        data = {"call_id": tool_id, "name": name, **told}
        self._tree.log.record(EventType.TOOL_COMPLETED, data, self._spec, self._turn)
        self._results.arrive(call_id, _result(data))


def _too_long(spec: ToolSpec) -> str:
    message = f"{spec.name}() took longer than {spec.time_s:g} s"
    return f"{message}: what it does may still take effect" if spec.effects is Effects.OUTSIDE else message


def _result(data: Mapping[str, Any]) -> Return | Raise:
    error = data.get("error")
    # A sandbox knows the built-in exceptions only.
    return Return(data["result"]) if error is None else Raise("RuntimeError", f"{error['type']}: {error['message']}")
