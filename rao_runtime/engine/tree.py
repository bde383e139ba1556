"""Runs one tree: grows it from its root, or goes on where an earlier owner stopped, and ends it. One budget."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from rao_runtime.core.budget import Account, Amount, spend
from rao_runtime.core.errors import CannotReplay, JournalError, LetGo, StaleFence, find
from rao_runtime.core.events import SCHEMA_VERSION, Event, EventType
from rao_runtime.core.ids import root_id
from rao_runtime.core.limits import Reason
from rao_runtime.core.mode import ModeDecision
from rao_runtime.core.profile import Profile, ProtocolName
from rao_runtime.core.protocol import PROTOCOLS
from rao_runtime.core.schema import compile_schema
from rao_runtime.core.state import TreeState
from rao_runtime.core.task import Mode, Task
from rao_runtime.core.transitions import ENDED, Status
from rao_runtime.core.view import end_view
from rao_runtime.engine import contexts, wreck
from rao_runtime.engine.booking import book_ended, entries_of
from rao_runtime.engine.calls import CallRunner, TreeCalls
from rao_runtime.engine.children import record_created
from rao_runtime.engine.engine import Accepted, Engine
from rao_runtime.engine.folding import fold_aside
from rao_runtime.engine.frozen_price import frozen, price_told
from rao_runtime.engine.node import NodeRun
from rao_runtime.engine.node_spec import AuthoredCheck, NodeEnd, NodeFailure, NodeSpec
from rao_runtime.engine.prompts import prompt_starter
from rao_runtime.engine.replay import no_past
from rao_runtime.engine.taking_up import take_up, why_not
from rao_runtime.engine.tree_context import Child, TreeContext
from rao_runtime.engine.tree_log import TreeLog, watches_of
from rao_runtime.ports import TreeEntry

log = logging.getLogger(__name__)

# Each level of a tree hands the whole context on in parts: this allows for that many levels, or some waste.
CONTEXTS_PER_TREE = 16
LAST_WRITE_S = 2.0


class TreeRun:
    """One tree from its claim to its terminal event; runs once.

    `state`, `account` (its whole budget) and `live` (its nodes by id, while they run) can be looked at any time;
    `ended` tells that the terminal event is in the journal.
    """

    def __init__(self, engine: Engine, accepted: Accepted) -> None:
        self.state = TreeState(accepted.tree_id)
        self._engine = engine
        self._accepted = accepted
        self.account = Account(accepted.task.limits)
        self.live = dict[str, Child]()
        self.ended = False
        self._scope: asyncio.Timeout | None = None
        self._canceled = False
        self._past = no_past()
        self._log: TreeLog | None = None
        self._given_up = False
        self._unfit: NodeFailure | None = None

    async def run(self, fence: int, events: Sequence[Event]) -> None:
        """Run it to the end under this fence, from where its journal, these events, leaves off.

        Returns early, writing nothing more, once another owner has claimed the tree or `let_go` was called. Raises
        CannotReplay where another process is to go on with it.
        """
        engine, tree_id = self._engine, self._accepted.tree_id
        self.state = await fold_aside(tree_id, events)
        self.ended = self.state.has_ended
        entries = await entries_of(tree_id, events)
        if not self.ended:
            self._unfit = self._why_not_here()
            try:
                watches = [entries, *await watches_of(engine.observers, events)]
                async with TreeLog(engine.journal, engine.clock, self.state, fence, watches=watches) as tree_log:
                    await self._with_pen(tree_log, events)
            except* StaleFence:
                log.warning("tree %s has a new owner; letting go", tree_id)
            except* LetGo:
                log.info("tree %s was let go at event %d", tree_id, self.state.last_seq)
        if self.ended:
            await book_ended(engine, entries)
            await engine.index.set_status(tree_id, str(self.state.status), nodes=len(self.state.nodes))

    @property
    def entry(self) -> TreeEntry:
        """The tree's entry in the index, once it is `run`."""
        return TreeEntry(
            tree_id=self.state.tree_id,
            tenant=self._accepted.tenant,
            status=str(self.state.status),
            created_at=self.state.created_at,
        )

    def let_go(self) -> None:
        """Give the tree up, so that whoever claims it next goes on; the task of `run` is to be cancelled after this."""
        self._given_up = True
        if self._log is not None:
            self._log.seal()

    async def _with_pen(self, tree_log: TreeLog, events: Sequence[Event]) -> None:
        self._log = tree_log
        if self._given_up:
            tree_log.seal()
        try:
            if self.state.started:
                self._past = take_up(tree_log, events, self.account)
            await self._own(tree_log)
            await tree_log.durable()
            self.ended = self.state.has_ended
        finally:
            if self._given_up:
                await _written(tree_log)

    def _why_not_here(self) -> NodeFailure | None:
        """Why this process cannot go on with the tree, if it cannot. Raises CannotReplay where another may."""
        why = why_not(self.state, self._engine.sandbox.version) or self._missing_tools()
        if why is None:
            return None
        if not self._engine.alone and self._left_s() > 0:
            raise CannotReplay(f"tree {self.state.tree_id}: {why}")
        return NodeFailure(reason=Reason.INTERNAL, kind="replay_mismatch", message=why, retryable=True)

    def _missing_tools(self) -> str | None:
        missing = [name for name in self._accepted.task.tools if self._engine.toolbox.get(name) is None]
        return f"it needs the tools {', '.join(missing)}, which are not installed here" if missing else None

    async def _own(self, tree_log: TreeLog) -> None:
        try:
            end = await self._listening(tree_log)
        except Exception as error:
            if find(JournalError, error) is not None:
                raise
            # The boundary of a tree: whatever broke in it, its followers get an end.
            log.exception("tree %s broke", self.state.tree_id)
            wreck.clear(tree_log)
            end = NodeEnd(Status.FAILED, None, wreck.WRECKED)
        self._record_end(tree_log, end)

    async def _listening(self, tree_log: TreeLog) -> NodeEnd:
        async with asyncio.TaskGroup() as group:
            listener = group.create_task(self._listen(tree_log))
            try:
                return await self._solve(tree_log)
            finally:
                listener.cancel()

    async def _listen(self, tree_log: TreeLog) -> None:
        """Carry out what gateways ask of this tree, until it ends."""
        async for command in self._engine.journal.commands(self.state.tree_id):
            if command.kind != "cancel":
                log.warning("tree %s: unknown command %s", self.state.tree_id, command.kind)
            elif command.node_id is None:
                self._cancel()
                # Asking for the next command says that this one is done, which it is once the tree has ended.
                await asyncio.get_running_loop().create_future()
            else:
                await self._cancel_node(tree_log, command.node_id)
        raise StaleFence(f"tree {self.state.tree_id} has another owner, or is gone")

    async def _cancel_node(self, tree_log: TreeLog, node_id: str) -> None:
        # While nodes replay, this one may be about to come.
        await self._past.all_caught_up()
        node = self.live.get(node_id)
        if node is not None:
            node.stop()
            await node.gone()
            await tree_log.durable()

    def _cancel(self) -> None:
        self._canceled = True
        root = self.live.get(root_id(self.state.tree_id))
        if root is not None:
            root.stop()
        elif self._scope is not None and not self._scope.expired():
            self._scope.reschedule(asyncio.get_running_loop().time())

    async def _solve(self, tree_log: TreeLog) -> NodeEnd:
        if self._unfit is not None:
            return self._gave_up(tree_log, self._unfit)
        try:
            async with asyncio.timeout(self._left_s()) as self._scope:
                if self._canceled:
                    self._cancel()
                found = await self._engine.profile_of(self._task())
        except TimeoutError:
            return self._ended_early(tree_log)
        finally:
            self._scope = None
        profile = frozen(found, self.state, self._accepted.task.limits)
        if isinstance(profile, NodeFailure):
            return self._gave_up(tree_log, profile)
        return await self._grow(tree_log, profile)

    def _task(self) -> Task:
        """The task, with the model that was settled on when the tree started."""
        task = self._accepted.task
        return replace(task, model=self.state.started["model"]) if self.state.started else task

    async def _grow(self, tree_log: TreeLog, profile: Profile) -> NodeEnd:
        if self.state.started:
            profile = replace(profile, protocol=ProtocolName(self.state.started["versions"]["protocol"]))
        tree = self._context(tree_log, profile)
        size = contexts.size_told(self.state.created["request"]["context"])
        if not self.state.started:
            decision = tree.mode_of(len(self._accepted.task.goal), size.chars)
            self._record_started(tree_log, profile, decision)
            await self._engine.index.set_status(self.state.tree_id, Status.WORKING)
        recursive = self.state.started["mode"]["effective"] == Mode.RECURSIVE.value
        spec = self._root_spec(size, recursive=recursive)
        prompt = tree.start_prompt(spec)
        if self.state.root_id is not None and self.state.nodes[self.state.root_id].status in ENDED:
            return NodeEnd.of(self.state.nodes[self.state.root_id])
        if self.state.root_id is None:
            spend(self.account, Amount(nodes=1))
            record_created(tree, spec, prompt)
        # Nothing is reserved yet: the root itself finds a first call that fits, or says which limit is too small.
        root = NodeRun(tree, spec, self.account, prompt, None)
        if self._canceled:
            root.stop()
        return await root.run(deadline_s=self._left_s())

    def _left_s(self) -> float:
        deadline = self.state.created_at + self._accepted.task.limits.deadline_s
        return max(0.0, deadline - self._engine.clock.now())

    def _ended_early(self, tree_log: TreeLog) -> NodeEnd:
        if self._canceled:
            failure = NodeFailure(reason=Reason.CANCELED, message="cancelled before it started")
            return self._gave_up(tree_log, failure, Status.CANCELED)
        limit = self._accepted.task.limits.deadline_s
        message = f"no replica answered within the {limit:g} s this tree had"
        failure = NodeFailure(reason=Reason.DEADLINE, message=message, limit=limit, spent=limit, retryable=True)
        return self._gave_up(tree_log, failure)

    def _gave_up(self, tree_log: TreeLog, failure: NodeFailure, status: Status = Status.FAILED) -> NodeEnd:
        """The end of a tree of which nothing runs; what an earlier owner left open ends with it."""
        wreck.clear(tree_log, failure)
        return NodeEnd(status, None, failure)

    # --- what the tree is made of -------------------------------------------------------------------------------------

    def _root_spec(self, size: contexts.ContextSize, *, recursive: bool) -> NodeSpec:
        task = self._accepted.task
        return NodeSpec(
            node_id=root_id(self.state.tree_id),
            parent_id=None,
            depth=0,
            fork_step=None,
            launch_index=0,
            path="",
            goal=task.goal,
            context=task.context,
            size=size,
            returns=task.answer_schema,
            schema=None if task.answer_schema is None else compile_schema(task.answer_schema),
            check=None if task.check is None else AuthoredCheck("client", task.check),
            limits=replace(task.limits),
            recursive=recursive,
        )

    def _context(self, tree_log: TreeLog, profile: Profile) -> TreeContext:
        engine, task = self._engine, self._accepted.task
        salt = None if self._accepted.tenant == "default" else self._accepted.tenant
        calls = TreeCalls(
            log=tree_log,
            journal=engine.journal,
            pool=engine.pool,
            clock=engine.clock,
            profile=profile,
            policy=engine.retry,
            jitter=engine.jitter,
            priority=task.priority,
            deadline=self.state.created_at + task.limits.deadline_s,
            tenant=self._accepted.tenant,
            tree_started=self.state.created_at,
            traceparent=task.traceparent,
            trace_id=self.state.created["trace_id"] if self.state.created.get("sampled") else None,
            cache_salt=salt,
        )
        tools = {name: tool for name in task.tools if (tool := engine.toolbox.get(name)) is not None}
        return TreeContext(
            log=tree_log,
            clock=engine.clock,
            calls=CallRunner(calls),
            sandbox=engine.sandbox,
            blobs=engine.blobs,
            profile=profile,
            protocol=PROTOCOLS[profile.protocol],
            sampling=profile.sampling_for(task.sampling),
            seed=task.sampling.seed,
            mode=task.mode,
            auto_fraction=task.auto_fraction,
            expected_output_tokens=task.expected_output_tokens,
            settings=engine.settings,
            start_prompt=prompt_starter(
                profile, engine.sandbox_notes, [tool.spec for tool in tools.values()], salt=salt
            ),
            spawn=NodeRun,
            contexts=contexts.ContextMeter(CONTEXTS_PER_TREE * engine.settings.max_context_bytes),
            past=self._past,
            tools=tools,
            live=self.live,
        )

    # --- what the journal is told -------------------------------------------------------------------------------------

    def _record_started(self, tree_log: TreeLog, profile: Profile, decision: ModeDecision) -> None:
        data: dict[str, Any] = {
            "fence": tree_log.fence,
            "model": profile.model,
            **price_told(profile),
            "mode": decision.as_dict(),
            "versions": {
                "schema": SCHEMA_VERSION,
                "runtime": self._engine.version,
                "protocol": profile.protocol.value,
                "prompt": profile.prompt.value,
                "sandbox": self._engine.sandbox.version,
            },
        }
        tree_log.record(EventType.TREE_STARTED, data)

    def _record_end(self, tree_log: TreeLog, end: NodeEnd) -> None:
        now = self._engine.clock.now()
        answer = None if end.answer is None else end.answer.value
        failure = end.failure
        if end.status is Status.FAILED and failure is None:
            failure = NodeFailure(reason=Reason.INTERNAL, message="ended without a reason")
        error = None if failure is None else failure.as_dict(root_id(self.state.tree_id))
        view = end_view(self.state, end.status, now=now, answer=answer, error=error)
        tree_log.record(_END_EVENTS[end.status], view)


async def _written(tree_log: TreeLog) -> None:
    """Have what was spent written, unless that takes too long: then it counts in full when the tree is taken up."""
    with suppress(TimeoutError, JournalError):
        async with asyncio.timeout(LAST_WRITE_S):
            await tree_log.durable()


_END_EVENTS = {
    Status.COMPLETED: EventType.TREE_COMPLETED,
    Status.FAILED: EventType.TREE_FAILED,
    Status.CANCELED: EventType.TREE_CANCELED,
}
