"""What a cell's code can call besides Python: answers `launch_subagent`, `finish`, `fail`, `publish` and `budget`."""

from collections.abc import Iterable, Mapping
from typing import Any

from rao_runtime.core.events import EventType
from rao_runtime.core.limits import Reason
from rao_runtime.core.values import JsonValue, to_json
from rao_runtime.engine import launch as calls
from rao_runtime.engine.children import Children
from rao_runtime.engine.node_log import NodeLog
from rao_runtime.engine.node_spec import Answer, AuthoredCheck, NodeFailure, NodeSpec
from rao_runtime.engine.tool_calls import ToolCalls
from rao_runtime.engine.tree_context import TreeContext
from rao_runtime.ports import CELL_FUNCTIONS, Hold, HostCall, Later, Raise, Return, Stop

FAIL_KINDS = ("insufficient_context", "irrelevant_context", "ambiguous_goal", "impossible")

Reply = Return | Raise | Later | Hold | Stop


def functions_for(spec: NodeSpec, tools: Iterable[str]) -> tuple[str, ...]:
    """The names a node's cells may call: a flat node cannot launch."""
    return (*(CELL_FUNCTIONS if spec.recursive else CELL_FUNCTIONS[1:]), *tools)


class CellHost:
    """Answers the calls of one cell.

    After the cell, `answer` or `failure` says that the node is to end; `candidate` is an answer whose checks are still
    to run; `refused` says why the last call of `finish` was turned down; `left` is what `budget()` tells.
    """

    def __init__(
        self, tree: TreeContext, spec: NodeSpec, log: NodeLog, children: Children, tools: ToolCalls, turn: int
    ) -> None:
        self.answer: Answer | None = None
        self.candidate: Answer | None = None
        self.checks = list[AuthoredCheck]()
        self.failure: NodeFailure | None = None
        self.refused: Reason | None = None
        self.left: Mapping[str, Any] = {}
        self._tree = tree
        self._spec = spec
        self._log = log
        self._children = children
        self._tools = tools
        self._turn = turn
        self._published: tuple[JsonValue, ...] = ()

    @property
    def has_ended(self) -> bool:
        """Whether the node ends with this cell."""
        return self.answer is not None or self.failure is not None

    def call(self, call: HostCall) -> Reply:
        """Decide at once what the cell gets."""
        try:
            match call.name:
                case "launch_subagent":
                    return self._launch(call)
                case "finish":
                    return self._finish(call)
                case "fail":
                    return self._fail(call)
                case "publish":
                    return self._publish(call)
                case "budget":
                    calls.bind(calls.budget, call)
                    return Return(dict(self.left))
                case name if name in self._tree.tools:
                    self._tools.call(call, self._tree.tools[name])
                    return Later()
                case _:
                    return Raise("NameError", f"name {call.name!r} is not defined")
        except (TypeError, ValueError) as error:
            if call.name == "finish":
                self.refused = Reason.ANSWER_INVALID
            return Raise(type(error).__name__ if type(error) is TypeError else "ValueError", str(error))

    def record_published(self) -> None:
        """Journal the latest partial answer: a cell may offer thousands before anybody could see one."""
        for value in self._published:
            self._log.record(EventType.NODE_PUBLISHED, {"value": value}, self._turn)
        self._published = ()

    def check_failed(self) -> None:
        """Take the candidate back."""
        self.candidate = None
        self.refused = Reason.CHECK_FAILED
        self.checks.clear()

    def _launch(self, call: HostCall) -> Reply:
        asked = calls.read_launch(call, max_context_bytes=self._tree.settings.max_context_bytes)
        self._children.launch(call.call_id, asked)
        return Later()

    def _finish(self, call: HostCall) -> Reply:
        given = calls.bind(calls.finish, call)
        value = to_json(given["value"], what="answer")
        evidence = to_json(given["evidence"], what="evidence")
        own = calls.read_check(given["check"])
        schema = self._spec.schema
        faults = [] if schema is None else schema.errors(value)
        if faults:
            raise ValueError(f"the answer does not fit the schema asked for: {'; '.join(faults)}")
        self.checks = [] if self._spec.check is None else [self._spec.check]
        if own is not None:
            self.checks.append(AuthoredCheck("child", own))
        if self.checks:
            self.candidate = Answer(value=value, evidence=evidence, verified=True)
            return Hold()
        self.answer = Answer(value=value, evidence=evidence)
        return Stop()

    def _fail(self, call: HostCall) -> Reply:
        given = calls.bind(calls.fail, call)
        if given["kind"] not in FAIL_KINDS:
            raise ValueError(f"fail() takes one of {', '.join(map(repr, FAIL_KINDS))} as its kind")
        message = given["message"] if isinstance(given["message"], str) else repr(given["message"])
        text = str(to_json(message[:4_000], what="message"))
        self.failure = NodeFailure(reason=Reason.UNABLE, kind=given["kind"], message=text or given["kind"])
        return Stop()

    def _publish(self, call: HostCall) -> Reply:
        self._published = (to_json(calls.bind(calls.publish, call)["value"], what="value"),)
        return Return(None)
