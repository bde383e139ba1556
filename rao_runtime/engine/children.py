"""The children one cell launched: admitted or refused at the call, run side by side, gone when the cell is."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

from rao_runtime.core import budget
from rao_runtime.core.budget import Account, Amount, Exceeded, Remaining, Reservation
from rao_runtime.core.errors import ReplayMismatch
from rao_runtime.core.events import EventType
from rao_runtime.core.ids import child_id, child_path
from rao_runtime.core.limits import Reason, narrowed
from rao_runtime.core.pricing import Price, amount
from rao_runtime.core.state import NodeState
from rao_runtime.core.task import Mode
from rao_runtime.core.transitions import ENDED, Status
from rao_runtime.core.values import FailedValue, cut
from rao_runtime.engine.calls import call_amount, reserve_view
from rao_runtime.engine.contexts import size_of
from rao_runtime.engine.launch import Launch
from rao_runtime.engine.node_log import NodeLog
from rao_runtime.engine.node_spec import AuthoredCheck, NodeEnd, NodeSpec
from rao_runtime.engine.prompt import Prompt
from rao_runtime.engine.replay import own_account
from rao_runtime.engine.results import Awaited, Results
from rao_runtime.engine.tree_context import Child, TreeContext
from rao_runtime.ports import Return

# More refusals than this in one cell are a loop that does not look at what it gets.
MAX_REFUSALS = 200


@dataclass(frozen=True, slots=True)
class Refusal:
    """A launch that did not happen."""

    reason: Reason
    message: str


class Children:
    """The children of one cell. As a context manager it ends them all when the cell is over."""

    def __init__(
        self,
        tree: TreeContext,
        parent: NodeSpec,
        log: NodeLog,
        account: Account,
        turn: int,
        results: Results,
        hold_last_call: Callable[[], Exceeded | None],
    ) -> None:
        self._tree = tree
        self._parent = parent
        self._log = log
        self._account = account
        self._turn = turn
        self._results = results
        self._hold_last_call = hold_last_call
        self._gate = _Slots(parent.limits.max_children)
        self._group = asyncio.TaskGroup()
        self._started = dict[int, Child]()
        self._tasks = dict[int, asyncio.Task[None]]()
        self._launches = 0
        self._refusals = 0
        self._split = list[dict[str, Any]]()
        self._reserves = list[dict[str, Any]]()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks.values():
            task.cancel()
        try:
            await self._group.__aexit__(kind, error, trace)
        finally:
            for child in self._started.values():
                child.never_ran()

    @property
    def launched(self) -> int:
        """How many launches the cell asked for, refused ones included."""
        return self._launches

    def alive(self) -> list[str]:
        """The goals of the children that still run."""
        return [self._started[call].spec.goal for call, task in self._tasks.items() if not task.done()]

    def launch(self, call_id: int, asked: Launch) -> None:
        """Start a child, or have a refusal ready as the call's result. Raises ValueError for limits that are none."""
        if self._refusals >= MAX_REFUSALS:
            raise ValueError(f"{MAX_REFUSALS} launches of this cell were refused; do the work here, or finish")
        index, self._launches = self._launches, self._launches + 1
        node = self._tree.log.state.nodes.get(child_id(self._parent.node_id, self._turn, index))
        if node is not None:
            self._adopt(call_id, self._spec(asked, index), node)
        elif not self._log.past.is_over:
            self._refuse_again(call_id, asked, index)
        else:
            refusal = self._out_of_reach() or self._start(call_id, self._spec(asked, index))
            if refusal is not None:
                self._refuse(call_id, index, asked.goal, refusal)

    def record_split(self) -> None:
        """Journal the children launched since the last time: the recorded decision to split."""
        if self._split:
            data = {
                "children": self._split,
                "reserves": self._reserves,
                "remaining": remaining_view(budget.remaining(self._account)),
            }
            self._log.record(EventType.NODE_SPLIT, data, self._turn, same=("children",))
            self._split, self._reserves = [], []

    # --- admission ----------------------------------------------------------------------------------------------------

    def _spec(self, asked: Launch, index: int) -> NodeSpec:
        if asked.limits.get("max_cost") is not None and not isinstance(self._tree.profile.price, Price):
            raise ValueError("limits['max_cost'] cannot be kept: this model has no price per token. Use max_tokens")
        parent = self._parent
        below = replace(parent.limits, max_depth=max(0, parent.limits.max_depth - 1))
        size = size_of(asked.context)
        return NodeSpec(
            node_id=child_id(parent.node_id, self._turn, index),
            parent_id=parent.node_id,
            depth=parent.depth + 1,
            fork_step=self._turn,
            launch_index=index,
            path=child_path(parent.path, self._turn, index),
            goal=asked.goal,
            context=asked.context,
            size=size,
            returns=asked.returns,
            schema=asked.schema,
            check=None if asked.check is None else AuthoredCheck("parent", asked.check),
            limits=narrowed(below, asked.limits),
            recursive=self._tree.is_recursive(len(asked.goal), size.chars),
        )

    def _out_of_reach(self) -> Refusal | None:
        """What no launch of this cell can have, seen before a child is made up."""
        if self._parent.limits.max_depth < 1:
            limit = self._parent.depth
            return Refusal(Reason.DEPTH, f"this node is at depth {limit}, the deepest allowed; do the work here")
        exceeded = budget.check(self._account, Amount(nodes=1))
        return None if exceeded is None else _refusal(exceeded)

    def _adopt(self, call_id: int, spec: NodeSpec, node: NodeState) -> None:
        """Take up a child that an earlier owner launched: with its result where it has ended, else to run on."""
        known = node.created["context"]
        if (node.created["goal"], known and known["sha256"]) != (spec.goal, spec.size.sha256):
            raise ReplayMismatch(
                f"launch {spec.launch_index} of turn {self._turn} has another task than the journal says"
            )
        self._tree.contexts.add(spec.size)
        if node.status in ENDED:
            self._note(call_id, spec, None)
            self._results.arrive(call_id, Return(_value(NodeEnd.of(node))))
            return
        spec = replace(spec, recursive=node.created["mode"] == Mode.RECURSIVE.value)
        account = self._tree.past.account_of(spec.node_id) or self._account
        prompt = self._tree.start_prompt(spec)
        first = call_amount(self._tree.profile.price, prompt.tokens, self._tree.sampling.max_tokens)
        # What does not fit any more, since the interruption has cost something, is asked for again when it is needed.
        self._hold_last_call()
        asked = budget.reserve(account, first)
        reservation = None if isinstance(asked, Exceeded) else asked
        self._note(call_id, spec, reservation)
        left_s = max(0.0, node.created_at + spec.limits.deadline_s - self._tree.clock.now())
        self._spawn(call_id, spec, account, prompt, reservation, left_s)

    def _start(self, call_id: int, spec: NodeSpec) -> Refusal | None:
        if not self._tree.contexts.admits(spec.size):
            most = self._tree.contexts.most_bytes
            return Refusal(Reason.OVERLOADED, f"this tree has handed on more than {most} bytes of context; pass less")
        prompt = self._tree.start_prompt(spec)
        account = own_account(self._account, spec.limits, self._parent.limits)
        first = call_amount(self._tree.profile.price, prompt.tokens, self._tree.sampling.max_tokens)
        # A parent that waits must be able to finish: its own next call is set aside before its children's.
        exceeded = self._hold_last_call() or budget.check(account, first + Amount(nodes=1))
        if exceeded is not None:
            return _refusal(exceeded)
        reservation = budget.reserve(account, first)
        if isinstance(reservation, Exceeded):
            return _refusal(reservation)
        try:
            record_created(self._tree, spec, prompt)
        except BaseException:
            budget.release(reservation)
            raise
        budget.spend(account, Amount(nodes=1))
        self._tree.contexts.add(spec.size)
        self._note(call_id, spec, reservation)
        self._spawn(call_id, spec, account, prompt, reservation, spec.limits.deadline_s)
        return None

    def _note(self, call_id: int, spec: NodeSpec, reservation: Reservation | None) -> None:
        self._results.expect(call_id, Awaited(launch_index=spec.launch_index, node_id=spec.node_id))
        self._split.append({"node_id": spec.node_id, "goal": spec.goal})
        # A child that was taken up with its call behind it, or without room for one, has nothing set aside.
        reserved = budget.NOTHING if reservation is None else reservation.amount
        self._reserves.append(reserve_view(reserved, self._tree.profile.price))

    def _spawn(
        self,
        call_id: int,
        spec: NodeSpec,
        account: Account,
        prompt: Prompt,
        reservation: Reservation | None,
        deadline_s: float,
    ) -> None:
        child = self._tree.spawn(self._tree, spec, account, prompt, reservation)
        self._started[call_id] = child
        self._tasks[call_id] = self._group.create_task(
            self._run(call_id, child, deadline_s), name=f"node-{spec.node_id}"
        )

    async def _run(self, call_id: int, child: Child, deadline_s: float) -> None:
        has_begun = self._tree.log.state.nodes[child.spec.node_id].status is Status.WORKING
        end = await child.run(_Begun(self._gate) if has_begun else self._gate, deadline_s=deadline_s)
        self._results.arrive(call_id, Return(_value(end)))

    def _refuse(self, call_id: int, index: int, goal: str, refusal: Refusal) -> None:
        data = {
            "launch_index": index,
            "goal": cut(goal, 500)[0],
            "reason": refusal.reason.value,
            "message": refusal.message,
            "remaining": remaining_view(budget.remaining(self._account)),
        }
        self._turn_away(call_id, self._log.record(EventType.NODE_REFUSED, data, self._turn))

    def _refuse_again(self, call_id: int, asked: Launch, index: int) -> None:
        """Have the refusal that the journal has as the call's result."""
        if not self._log.past.next_is(EventType.NODE_REFUSED, launch_index=index):
            # The journal knows nothing of a launch that was not even well-formed: then this raises.
            self._spec(asked, index)
            raise ReplayMismatch(f"launch {index} of turn {self._turn} is not in the journal, which goes on after it")
        self._turn_away(call_id, self._log.record(EventType.NODE_REFUSED, {}, self._turn))

    def _turn_away(self, call_id: int, refused: Mapping[str, Any]) -> None:
        self._refusals += 1
        self._results.expect(call_id, Awaited(launch_index=refused["launch_index"]))
        self._results.arrive(call_id, Return(FailedValue(refused["reason"], refused["message"])))


def record_created(tree: TreeContext, spec: NodeSpec, prompt: Prompt) -> None:
    """Journal that a node exists."""
    data: dict[str, Any] = {
        "goal": spec.goal,
        "context": None if spec.context is None else {"sha256": spec.size.sha256, "chars": spec.size.chars},
        "returns": spec.returns,
        "check": None if spec.check is None else spec.check.expression,
        "limits": spec.limits.as_dict(),
        "handoff": {"in_chars": len(spec.goal) + spec.size.chars},
        "launch_index": spec.launch_index,
        "path": spec.path,
        "mode": "recursive" if spec.recursive else "flat",
        "prompt_tokens": prompt.tokens,
    }
    tree.log.record(EventType.NODE_CREATED, data, spec)


def remaining_view(left: Remaining) -> dict[str, Any]:
    """What is left of the budget, for the journal and for a model to read."""
    return {
        "nodes": left.nodes,
        "tokens": left.tokens,
        "cost": None if left.cost is None else amount(left.cost),
    }


def _value(end: NodeEnd) -> Any:  # noqa: ANN401 - an answer is any JSON value
    if end.status is Status.COMPLETED and end.answer is not None:
        return end.answer.value
    if end.failure is None:
        return FailedValue("internal", "the sub-agent ended without an answer")
    kind = f" ({end.failure.kind})" if end.failure.kind else ""
    return FailedValue(end.failure.reason.value, f"{end.failure.message}{kind}")


def _refusal(exceeded: Exceeded) -> Refusal:
    spent = exceeded.spent + exceeded.reserved
    left = exceeded.limit - Decimal(spent) if isinstance(exceeded.limit, Decimal) else exceeded.limit - spent
    return Refusal(
        exceeded.reason,
        f"the budget does not allow another sub-agent: it {exceeded} ({left} left). Do the work here, or finish",
    )


class _Slots:
    """A semaphore as a gate: so many of a node's children alive at once, the others in line."""

    def __init__(self, slots: int) -> None:
        self._semaphore = asyncio.Semaphore(slots)

    @property
    def full(self) -> bool:
        """Whether the next one would have to wait."""
        return self._semaphore.locked()

    async def __aenter__(self) -> None:
        await self._semaphore.acquire()

    async def __aexit__(self, *exc: object) -> None:
        self._semaphore.release()


class _Begun:
    """The gate for a child that had begun before an interruption: it never waits, one more or less.

    The place of a child is free a moment before its end is journaled, so that one too many can have begun.
    """

    def __init__(self, slots: _Slots) -> None:
        self._slots = slots
        self._holds = False

    async def __aenter__(self) -> None:
        if not self._slots.full:
            await self._slots.__aenter__()
            self._holds = True

    async def __aexit__(self, *exc: object) -> None:
        if self._holds:
            await self._slots.__aexit__(*exc)
