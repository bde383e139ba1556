"""One node: think, act, observe, until it finishes, fails, is stopped or runs out of something."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import replace
from typing import Any

from rao_runtime.core import budget, cells
from rao_runtime.core.affordable import affordable_completion
from rao_runtime.core.budget import Account, Exceeded, Reservation
from rao_runtime.core.errors import JournalError, find
from rao_runtime.core.events import EventType
from rao_runtime.core.ids import call_id, seed_of
from rao_runtime.core.limits import Reason
from rao_runtime.core.pricing import amount
from rao_runtime.core.protocol import Action
from rao_runtime.core.transitions import ENDED, Status
from rao_runtime.core.turn_plan import TurnPlan, observation_tokens, plan_turn
from rao_runtime.engine import failures, prompts, wreck
from rao_runtime.engine.calls import Call, CallFailed, Completion, call_amount
from rao_runtime.engine.cell import CellEnd, CellPlan, CellRun, CheckTries
from rao_runtime.engine.cell_host import functions_for
from rao_runtime.engine.node_log import NodeLog
from rao_runtime.engine.node_spec import NodeEnd, NodeFailure, NodeSpec
from rao_runtime.engine.prompt import Prompt
from rao_runtime.engine.replay import open_below
from rao_runtime.engine.tree_context import Gate, TreeContext
from rao_runtime.ports import SessionSpec
from rao_runtime.telemetry.concern import about

log = logging.getLogger(__name__)

CODES_KEPT = 12


class NodeRun:
    """Runs one node from `node.started` to its end. Holds at most one reservation: that of its next call."""

    def __init__(
        self, tree: TreeContext, spec: NodeSpec, account: Account, prompt: Prompt, reservation: Reservation | None
    ) -> None:
        self.spec = spec
        self._tree = tree
        self._account = account
        self._prompt = prompt
        self._held = reservation
        self._session = tree.sandbox.session(
            SessionSpec(
                functions=functions_for(spec, tree.tools), seed=int(spec.node_id[:12], 16), limits=tree.settings.cell
            )
        )
        self._scope: asyncio.Timeout | None = None
        self._stop_asked = False
        self._has_inputs = False
        self._codes = list[str]()
        self._tries = CheckTries(tree.settings.max_check_tries)
        self._refused: Reason | None = None
        self._lost_calls = 0
        self._log = NodeLog(tree.log, spec, tree.past)
        self._gone = asyncio.Event()
        tree.live[spec.node_id] = self

    async def run(self, gate: Gate | None = None, *, deadline_s: float | None = None) -> NodeEnd:
        """Run to the end. Raises CancelledError when cancelled from outside, JournalError when ownership is lost."""
        try:
            try:
                with about(node_id=self.spec.node_id):
                    end = await self._bounded(gate, self.spec.limits.deadline_s if deadline_s is None else deadline_s)
            finally:
                await self._session.close()
        except asyncio.CancelledError:
            self._end(_canceled("cancelled together with its parent"))
            raise
        finally:
            self._leave()
        self._end(end)
        return end

    async def _bounded(self, gate: Gate | None, deadline_s: float) -> NodeEnd:
        try:
            async with asyncio.timeout(deadline_s) as self._scope:
                if self._stop_asked:
                    self.stop()
                if self._log.past.is_over:
                    # Those that had begun before an interruption come first.
                    await self._log.live()
                async with gate or nullcontext():
                    return await self._work()
        except TimeoutError:
            return self._stopped()
        finally:
            self._scope = None

    def stop(self) -> None:
        """Cancel this node and all below it; whoever waits for it gets a `Failed`."""
        self._stop_asked = True
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(asyncio.get_running_loop().time())

    async def gone(self) -> None:
        """Wait until it has ended."""
        await self._gone.wait()

    def never_ran(self) -> None:
        """Close the node where its task was cancelled before it began."""
        self._leave()
        if self._tree.log.state.nodes[self.spec.node_id].status not in ENDED:
            # A journal that refuses has told so to whoever waits for it; the other children are to be closed as well.
            with suppress(JournalError):
                self._end(_canceled("cancelled before it started"))

    def hold_last_call(self) -> Exceeded | None:
        """Set the next call aside while children run, so that the node can still finish."""
        if self._held is not None:
            return None
        tree = self._tree
        coming = self._prompt.tokens + self._observation_tokens()
        asked = call_amount(tree.profile.price, coming, tree.sampling.max_tokens)
        held = budget.reserve(self._account, asked)
        if isinstance(held, Exceeded):
            return held
        self._held = held
        return None

    def _observation_tokens(self) -> int:
        tree = self._tree
        return observation_tokens(
            window=tree.profile.window,
            prompt_tokens=self._prompt.tokens,
            wanted=tree.sampling.max_tokens,
            cap=tree.profile.estimated_tokens(tree.settings.output_chars),
        )

    # --- the loop -----------------------------------------------------------------------------------------------------

    async def _work(self) -> NodeEnd:
        try:
            self._log.record(EventType.NODE_STARTED, {})
            return await self._turns()
        except Exception as error:
            # The boundary of a node: a bug ends this one with a reason, not the tree. Only lost ownership goes on up.
            if find(JournalError, error) is not None:
                raise
            return self._broken(error)

    async def _turns(self) -> NodeEnd:
        turn, continuation = 0, False
        while True:
            plan = self._plan(turn)
            if isinstance(plan, Reason):
                return _failed(self._ran_out(plan))
            if plan.last is not None:
                self._prompt.add_notice(prompts.last_turn(plan.last))
            completion = await self._call(turn, plan, continuation=continuation)
            if isinstance(completion, NodeFailure):
                return _failed(completion)
            if completion is not None:
                cell = await self._act(turn, completion)
                if isinstance(cell, NodeFailure):
                    return _failed(cell)
                if cell.failure is not None:
                    return _failed(cell.failure)
                if cell.answer is not None:
                    return NodeEnd(Status.COMPLETED, cell.answer, None)
                continuation = cell.launched > 0
                if plan.last is not None:
                    return _failed(self._ran_out(plan.last))
            turn += 1

    def _plan(self, turn: int) -> TurnPlan | Reason:
        return plan_turn(
            turn=turn,
            max_turns=self.spec.limits.max_turns,
            window=self._tree.profile.window,
            prompt_tokens=self._prompt.tokens,
            wanted=self._tree.sampling.max_tokens,
        )

    # --- think --------------------------------------------------------------------------------------------------------

    async def _call(self, turn: int, plan: TurnPlan, *, continuation: bool) -> Completion | NodeFailure | None:
        """The turn's completion; None where its stream broke after text had come, and it may ask anew."""
        earlier = self._log.attempts(turn)
        if earlier.result is not None:
            self._give_back()
            return self._taken(earlier.result)
        await self._log.live()
        reserved = self._reserve(plan.max_tokens)
        if isinstance(reserved, Exceeded):
            return failures.exceeded(reserved)
        reservation, max_tokens = reserved
        tree = self._tree
        call = Call(
            node=self.spec,
            turn=turn,
            account=self._account,
            messages=self._prompt.messages,
            key=self._prompt.key(self._siblings(turn)),
            prompt_tokens=self._prompt.tokens,
            sampling=replace(tree.sampling, max_tokens=max_tokens),
            seed=None if tree.seed is None else seed_of(tree.seed, self.spec.path, turn),
            stop=(*tree.protocol.stops, *tree.profile.stop),
            continuation=continuation,
        )
        with about(call_id=call_id(self.spec.node_id, call.turn)):
            result = await tree.calls.complete(call, reservation, earlier)
        return failures.exceeded(result) if isinstance(result, Exceeded) else self._taken(result)

    def _siblings(self, turn: int) -> str:
        """What the first calls of all children of one cell have in common."""
        spec = self.spec
        return "" if turn or spec.parent_id is None else f"{spec.parent_id}/{spec.fork_step}"

    def _taken(self, result: Completion | CallFailed) -> Completion | NodeFailure | None:
        if isinstance(result, CallFailed):
            return self._call_failed(result)
        self._lost_calls = 0
        rendered = self._tree.protocol.render(result.text, result.reason)
        self._prompt.add_turn(rendered, result.tokens, rendered[len(result.text) :])
        return result

    def _reserve(self, wanted: int) -> tuple[Reservation, int] | Exceeded:
        """Set the call aside; where the whole does not fit, a shorter completion that does."""
        self._give_back()
        price, prompt_tokens = self._tree.profile.price, self._prompt.tokens
        reserved = budget.reserve(self._account, call_amount(price, prompt_tokens, wanted))
        if not isinstance(reserved, Exceeded):
            return reserved, wanted
        shorter = affordable_completion(budget.remaining(self._account), price, prompt_tokens, wanted)
        if shorter is None:
            return reserved
        again = budget.reserve(self._account, call_amount(price, prompt_tokens, shorter))
        return reserved if isinstance(again, Exceeded) else (again, shorter)

    def _call_failed(self, failed: CallFailed) -> NodeFailure | None:
        self._lost_calls += 1
        if failed.lost and self._lost_calls <= self._tree.settings.max_lost_calls:
            return None
        return failures.of_call(failed.error)

    # --- act ----------------------------------------------------------------------------------------------------------

    async def _act(self, turn: int, completion: Completion) -> CellEnd | NodeFailure:
        """Run what the completion asks for, and tell the node what came of it."""
        action = self._tree.protocol.parse(completion.text, completion.reason)
        cell = self._cell(turn)
        data = {
            "thought": action.thought,
            "code": action.code,
            "problem": action.problem,
            "now": self._tree.clock.now(),
            "budget": cell.budget(),
        }
        begun = self._log.record(EventType.NODE_TURN, data, turn, same=("code",))
        self._codes = [*self._codes, action.code or ""][-CODES_KEPT:]
        if (period := cells.repeats(self._codes)) is not None:
            return failures.stuck(period)
        end = await self._run(cell, action, turn, begun)
        if end.answer is None and end.failure is None:
            self._refused = end.refused
            note = action.problem if action.code is not None else None
            self._prompt.add_observation(prompts.observation(turn, end.output, end.error, note))
        return end

    async def _run(self, cell: CellRun, action: Action, turn: int, begun: Mapping[str, Any]) -> CellEnd:
        rejected = action.problem if action.code is None else cells.problem(action.code)
        if action.code is None or rejected is not None:
            return self._not_run(rejected or "", turn)
        inputs = None if self._has_inputs else self._inputs()
        # What the cell will do follows from the completion: nothing of it may happen before that is safe.
        await self._log.durable()
        end = cell.lost() or await cell.run(action.code, inputs, now=begun["now"], left=begun["budget"])
        self._has_inputs = self._has_inputs or end.kept
        return end

    def _cell(self, turn: int) -> CellRun:
        plan = CellPlan(
            turn=turn,
            turns_left=self.spec.limits.max_turns - turn - 1,
            output_bytes=int(self._observation_tokens() * self._tree.profile.bytes_per_token),
            tries=self._tries,
            hold_last_call=self.hold_last_call,
        )
        return CellRun(self._tree, self.spec, self._log, self._account, self._session, plan)

    def _inputs(self) -> dict[str, Any]:
        return {"goal": self.spec.goal, "context": self.spec.context}

    def _not_run(self, why: str, turn: int) -> CellEnd:
        data = {"output": "", "error": why, "truncated": False, "cell_s": 0.0, "killed": False}
        self._log.record(EventType.NODE_OUTPUT, data, turn)
        return CellEnd(output="", error=why, answer=None, failure=None, refused=None, launched=0, kept=True)

    # --- the end ------------------------------------------------------------------------------------------------------

    def _ran_out(self, reason: Reason) -> NodeFailure:
        if self._refused is not None:
            message = "the last answer was not accepted, and no turn was left to mend it"
            return NodeFailure(reason=self._refused, message=message)
        if reason is Reason.TURNS:
            limit = self.spec.limits.max_turns
            return NodeFailure(reason=reason, message=f"no answer within {limit} turns", limit=limit, spent=limit)
        window, used = self._tree.profile.window, self._prompt.tokens
        message = f"no answer before the prompt filled the model's window of {window} tokens"
        return NodeFailure(reason=reason, message=message, limit=window, spent=used)

    def _stopped(self) -> NodeEnd:
        if self._stop_asked:
            return _canceled("cancelled on request")
        limit, alone = self.spec.limits.deadline_s, self._tree.calls.without_replica
        message = f"not done within {limit:g} s" + ("; no replica of its model was up at the end" if alone else "")
        return _failed(NodeFailure(reason=Reason.DEADLINE, message=message, limit=limit, spent=limit, retryable=alone))

    def _broken(self, error: Exception) -> NodeEnd:
        failure = failures.of_error(error)
        if failure.reason is Reason.INTERNAL:
            where = (self.spec.node_id, self._tree.log.state.tree_id)
            log.error("node %s of tree %s failed: %s", *where, failure.message, exc_info=error)
        return _failed(failure)

    def _end(self, end: NodeEnd) -> None:
        """Journal the end. Nothing of the node runs any more."""
        self._close_unreached()
        state = self._tree.log.state.nodes[self.spec.node_id]
        cost = None if state.cost is None else amount(state.cost)
        data: dict[str, Any] = {"usage": state.usage.as_dict(), "cost": cost}
        if end.answer is not None:
            data |= {
                "answer": end.answer.value,
                "evidence": end.answer.evidence,
                "verified": end.answer.verified,
            }
        else:
            failure = end.failure or NodeFailure(reason=Reason.INTERNAL, message="ended without a reason")
            data["error"] = failure.as_dict(self.spec.node_id)
        self._log.end(_END_EVENTS[end.status], data)

    def _close_unreached(self) -> None:
        """End the descendants of an interrupted tree that this node's replay did not come to."""
        if not self._tree.past.is_over:
            for node in open_below(self._tree.log.state, self.spec.node_id):
                wreck.end_node(self._tree.log, node, EventType.NODE_CANCELED, failures.UNREACHED)
                self._tree.past.caught_up(node.node_id)

    def _leave(self) -> None:
        self._tree.live.pop(self.spec.node_id, None)
        self._gone.set()
        self._give_back()

    def _give_back(self) -> None:
        if self._held is not None:
            budget.release(self._held)
            self._held = None


_END_EVENTS = {
    Status.COMPLETED: EventType.NODE_COMPLETED,
    Status.FAILED: EventType.NODE_FAILED,
    Status.CANCELED: EventType.NODE_CANCELED,
}


def _failed(failure: NodeFailure) -> NodeEnd:
    return NodeEnd(Status.FAILED, None, failure)


def _canceled(message: str) -> NodeEnd:
    return NodeEnd(Status.CANCELED, None, NodeFailure(reason=Reason.CANCELED, message=message))
