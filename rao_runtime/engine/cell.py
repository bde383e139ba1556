"""Runs one cell: drives the sandbox, waits for children while it is parked, runs checks, and says what came out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rao_runtime.core.budget import Account, Exceeded, remaining
from rao_runtime.core.events import EventType
from rao_runtime.core.limits import Reason
from rao_runtime.core.values import cut, well_formed
from rao_runtime.engine.cell_host import CellHost
from rao_runtime.engine.children import Children, remaining_view
from rao_runtime.engine.node_log import NodeLog
from rao_runtime.engine.node_spec import Answer, AuthoredCheck, NodeFailure, NodeSpec
from rao_runtime.engine.results import Results
from rao_runtime.engine.tool_calls import ToolCalls
from rao_runtime.engine.tree_context import TreeContext
from rao_runtime.ports import Done, Killed, Output, Parked, Raise, Raised, Return, Session, Stopped

MAX_ERROR_CHARS = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CellEnd:
    """What one cell came to.

    `output` and `error` are what the node sees; `answer` or `failure` ends the node; `refused` is why its last `finish`
    was turned down. `kept` is false where the sandbox rolled the variables back.
    """

    output: str
    error: str | None
    answer: Answer | None
    failure: NodeFailure | None
    refused: Reason | None
    launched: int
    kept: bool


class CheckTries:
    """How often a node's answers failed their checks; it may try so many times."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.made = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CellPlan:
    """What a cell may do: `turns_left` after it, and how many bytes of what it prints the node can afford to see.

    `hold_last_call` sets the node's next call aside before its children start, or says what does not fit.
    """

    turn: int
    turns_left: int
    output_bytes: int
    tries: CheckTries
    hold_last_call: Callable[[], Exceeded | None]


class CellRun:
    """One cell of one node."""

    def __init__(
        self,
        tree: TreeContext,
        spec: NodeSpec,
        log: NodeLog,
        account: Account,
        session: Session,
        plan: CellPlan,
    ) -> None:
        self._tree = tree
        self._spec = spec
        self._log = log
        self._account = account
        self._session = session
        self._plan = plan
        self._results = Results(tree.clock)
        self._children = Children(tree, spec, log, account, plan.turn, self._results, plan.hold_last_call)
        self._tools = ToolCalls(tree, spec, log, plan.turn, self._results)
        self._host = CellHost(tree, spec, log, self._children, self._tools, plan.turn)

    def budget(self) -> dict[str, Any]:
        """What `budget()` tells: as of the cell's start or its last resumption, so that a replay hears the same."""
        limits = self._spec.limits
        return remaining_view(remaining(self._account)) | {
            "depth": self._spec.depth,
            "levels_below": limits.max_depth if self._spec.recursive else 0,
            "turns": self._plan.turns_left,
            "max_children": limits.max_children,
        }

    def lost(self) -> CellEnd | None:
        """How the cell ended under an earlier owner, where the sandbox rolled it back: it is not run again."""
        output = self._log.past.lost_cell(self._plan.turn)
        if output is None:
            return None
        done = self._log.past.skip_cell(self._plan.turn)
        tries = [event.data["try"] for event in done if event.type is EventType.NODE_CHECK]
        self._plan.tries.made = max([self._plan.tries.made, *tries])
        return CellEnd(
            output=output["output"],
            error=output["error"],
            answer=None,
            failure=None,
            refused=None,
            launched=sum(event.type in {EventType.NODE_SPLIT, EventType.NODE_REFUSED} for event in done),
            kept=False,
        )

    async def run(self, code: str, inputs: Mapping[str, Any] | None, *, now: float, left: Mapping[str, Any]) -> CellEnd:
        """Run it to its end; the children still alive then are cancelled. Raises SandboxError.

        `left` is what `budget()` tells, as of the cell's start.
        """
        self._host.left = left
        async with self._children, self._tools:
            outcome = await self._session.run(code, self._host, now=now, inputs=inputs)
            while isinstance(outcome, Parked) and not self._host.has_ended:
                outcome = await self._go_on(outcome)
            self._record_done()
            unawaited = self._unawaited()
        if isinstance(outcome, Parked):
            await self._session.abandon()
        return self._end(outcome, unawaited)

    def _unawaited(self) -> list[str]:
        """What the node is to be told of calls that its cell did not wait for."""
        told = [(len(self._children.alive()), "sub-agents", "launch"), (self._tools.alive(), "tool calls", "call")]
        return [
            f"{many} {what} still ran when this cell ended and were cancelled: await every {how}"
            for many, what, how in told
            if many
        ]

    def _record_done(self) -> None:
        self._children.record_split()
        self._host.record_published()

    async def _go_on(self, parked: Parked) -> Parked | Done | Raised | Stopped | Killed:
        self._record_done()
        if parked.held is not None:
            return await self._check(parked, parked.held)
        if not parked.pending:
            await self._session.abandon()
            return Raised(
                error="RuntimeError: the cell awaits something that can never come",
                output=parked.output,
                cell_s=parked.cell_s,
            )
        await self._log.durable()
        resumed = self._log.replayed(EventType.NODE_RESUMED, self._plan.turn)
        if resumed is not None:
            results = self._results.replayed(parked.pending, resumed["results"])
        else:
            results = await self._results.batch(parked.pending)
            resumed = self._resumed(parked, results)
        self._host.left = resumed["budget"]
        await self._log.durable()
        return await self._session.resume(results, now=resumed["now"])

    def _resumed(self, parked: Parked, results: Sequence[tuple[int, Return | Raise]]) -> Mapping[str, Any]:
        """Journal what the cell is given, which decides how it goes on."""
        data = {
            "results": [self._results.handed(call) for call, _ in results],
            "now": self._tree.clock.now(),
            "cell_s": round(parked.cell_s, 6),
            "budget": self.budget(),
        }
        return self._log.record(EventType.NODE_RESUMED, data, self._plan.turn)

    async def _check(self, parked: Parked, held: int) -> Parked | Done | Raised | Stopped | Killed:
        """Run the checks of the answer the cell stands at; a failed one goes back into the cell as an error."""
        candidate = self._host.candidate
        if candidate is None:
            raise TypeError("only finish() holds a cell")
        self._plan.tries.made += 1
        for check in self._host.checks:
            verdict = await self._judge(check, candidate)
            if not verdict["passed"]:
                return await self._check_failed(parked, held, verdict)
        self._host.answer = candidate
        return parked

    async def _judge(self, check: AuthoredCheck, candidate: Answer) -> Mapping[str, Any]:
        """What a check says of an answer; once it was said it is not asked again."""
        known = self._log.replayed(EventType.NODE_CHECK, self._plan.turn)
        if known is not None:
            return known
        verdict = await self._tree.sandbox.evaluate(
            check.expression, {"answer": candidate.value}, limits=self._tree.settings.cell
        )
        data = {
            "author": check.author,
            "passed": isinstance(verdict, Return) and bool(verdict.value),
            "message": _verdict(check.expression, verdict),
            "try": self._plan.tries.made,
            "now": self._tree.clock.now(),
        }
        return self._log.record(EventType.NODE_CHECK, data, self._plan.turn)

    async def _check_failed(
        self, parked: Parked, held: int, verdict: Mapping[str, Any]
    ) -> Parked | Done | Raised | Stopped | Killed:
        message = verdict["message"]
        self._host.check_failed()
        if self._plan.tries.made >= self._plan.tries.most:
            self._host.failure = NodeFailure(
                reason=Reason.CHECK_FAILED,
                message=f"the answer failed its check {self._plan.tries.made} times, the last time: {message}",
                limit=self._plan.tries.most,
                spent=self._plan.tries.made,
            )
            return parked
        again = f"the answer was not accepted: {message}. Mend it and call finish again"
        return await self._session.resume([(held, Raise("ValueError", again))], now=verdict["now"])

    def _end(self, outcome: Parked | Done | Raised | Stopped | Killed, unawaited: Sequence[str]) -> CellEnd:
        output, truncated = self._shown(outcome.output)
        error = _error_of(outcome, min(MAX_ERROR_CHARS, self._plan.output_bytes))
        if unawaited and not self._host.has_ended:
            error = "\n".join([*([] if error is None else [error]), *unawaited])
        data = {
            "output": output,
            "error": error,
            "truncated": truncated,
            "cell_s": round(outcome.cell_s, 6),
            "killed": isinstance(outcome, Killed),
        }
        # Where a cell runs again, its node has seen what the journal says it printed.
        seen = self._log.record(EventType.NODE_OUTPUT, data, self._plan.turn, same=() if truncated else ("output",))
        return CellEnd(
            output=seen["output"],
            error=seen["error"],
            answer=self._host.answer,
            failure=self._host.failure,
            refused=self._host.refused,
            launched=self._children.launched,
            kept=isinstance(outcome, Done | Raised),
        )

    def _shown(self, output: Output) -> tuple[str, bool]:
        printed = well_formed(output.text)
        text, dropped = cut(printed, min(self._tree.settings.output_chars, _fitting(printed, self._plan.output_bytes)))
        if output.dropped_chars:
            text += f"\n[... {output.dropped_chars} more characters were printed and are lost ...]"
        return text, bool(dropped or output.dropped_chars)


def _fitting(text: str, size_bytes: int) -> int:
    """About how many of the text's characters fit in so many bytes of UTF-8."""
    return size_bytes if text.isascii() else size_bytes * len(text) // len(text.encode())


def _error_of(outcome: Parked | Done | Raised | Stopped | Killed, limit: int) -> str | None:
    match outcome:
        case Raised(error=error):
            return cut(well_formed(error), limit)[0]
        case Killed(reason=reason, message=message):
            return f"The cell was stopped ({reason}): {message}. Variables are as they were before this cell."
        case _:
            return None


def _verdict(expression: str, verdict: Return | Raise) -> str:
    shown = cut(expression, 200)[0]
    if isinstance(verdict, Raise):
        return f"check `{shown}` raised {verdict.exc_type}: {cut(verdict.message, 500)[0]}"
    outcome = "holds" if verdict.value else f"gives {cut(repr(verdict.value), 100)[0]}"
    return f"check `{shown}` {outcome}"
