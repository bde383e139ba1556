"""What must hold in every simulated world, after every append and at the end. Numbers as in the list of the tests.

1 nothing exceeds a cap · 2 moves are legal, ends come once · 3 an ended parent has no live descendant · 4 a waiting
node holds no slot · 5 every attempt is settled once · 6 reservations are closed · 7 the journal folds to the live
state · 8 a stale owner writes nothing · 9 nothing is left behind · 10 what was interrupted replays as it was.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from rao_runtime.adapters.scripted_model import Outcome, ScriptedModel
from rao_runtime.core.budget import NOTHING, Account
from rao_runtime.core.events import Event
from rao_runtime.core.limits import Reason
from rao_runtime.core.state import NodeState, TreeState, fold
from rao_runtime.core.transitions import ENDED, IllegalMove
from rao_runtime.core.view import subtree_spent
from rao_runtime.engine.pool import Pool
from rao_runtime.engine.tree import TreeRun
from tests.sim.ledgers import ledger_faults
from tests.sim.money import money_faults
from tests.sim.placed import Placed
from tests.sim.record import difference, replayed


class Invariants:
    """Looks at a world and notes in `broken` what does not hold. `taken` are trees with a second owner."""

    def __init__(self, pool: Pool, models: Sequence[ScriptedModel], placed: Placed) -> None:
        self.broken = list[str]()
        self.runs = dict[str, TreeRun]()
        self.taken = dict[str, int]()
        self._pool = pool
        self._models = models
        self._placed = placed
        self._shadows = dict[str, TreeState]()
        self._events = dict[str, list[Event]]()

    def appended(self, tree_id: str, events: Sequence[Event]) -> None:
        """Look after an append."""
        self._events.setdefault(tree_id, []).extend(events)
        shadow = self._shadows.setdefault(tree_id, TreeState(tree_id))
        for event in events:
            try:
                shadow.apply(event)
            except IllegalMove as move:
                self._note(tree_id, f"2: event {event.seq}: {move}")
        self._check_pool()
        run = self.runs.get(tree_id)
        if run is not None:
            self._check_budget(tree_id, run)
            self._check_waiting(tree_id, run.state)

    def replaced(self, tree_id: str, events: Sequence[Event]) -> None:
        """Take another journal for what was appended."""
        self._events[tree_id] = list(events)
        self._shadows[tree_id] = fold(tree_id, events)

    def ended(self, runs: Mapping[str, TreeRun], open_sessions: Mapping[int, object]) -> None:
        """Look once every tree has ended."""
        for tree_id, run in runs.items():
            if run.account.reserved != NOTHING:
                self._note(tree_id, f"6: still reserved: {run.account.reserved}")
            if run.live:
                self._note(tree_id, f"9: nodes still live: {list(run.live)}")
            if tree_id in self.taken:
                self._check_taken(tree_id)
            else:
                self._check_ended(tree_id, run)
        self._check_pool()
        self._check_left()
        if open_sessions:
            self._note("world", f"9: {len(open_sessions)} sessions are open")
        left = [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        left = [name for name in left if name not in {"watch", "kv-pressure"} and not name.startswith("attend-")]
        if left:
            self._note("world", f"9: tasks are left: {sorted(left)}")

    def _check_left(self) -> None:
        if self._pool.queued or any(replica.load.in_flight for replica in self._pool.roster.replicas):
            self._note("world", "9: the pool is not empty")
        for index, held in self._placed.held.items():
            if held.tokens:
                self._note("world", f"9: calls that are over hold {held.tokens} tokens at replica {index}")
        if any(model.in_flight > _upkeep(model) for model in self._models):
            self._note("world", "9: a replica still writes")

    # --- while it runs ------------------------------------------------------------------------------------------------

    def _check_pool(self) -> None:
        open_calls = Counter(
            call.data["replica"]
            for tree_id, run in self.runs.items()
            # Whose tree was taken has given its slots back and cannot write so.
            if tree_id not in self.taken
            for node in run.state.nodes.values()
            for call in node.open_calls.values()
        )
        for replica, model in zip(self._pool.roster.replicas, self._models, strict=True):
            known, slots = replica.load.in_flight, replica.load.slots
            if not 0 <= known <= slots:
                self._note("world", f"4: {known} in flight at a replica of {slots} slots")
            if model.in_flight > known and model.in_flight - _upkeep(model) > known:
                self._note("world", f"4: the replica works on {model.in_flight}, the pool knows {known}")
            if open_calls[model.name] > known:
                self._note("world", f"4: {open_calls[model.name]} open calls on {known} slots")

    def _check_budget(self, tree_id: str, run: TreeRun) -> None:
        over = _over(run.account)
        if over is not None:
            self._note(tree_id, f"1: {over}")
        if tree_id in self.taken:
            return
        spent, state = run.account.spent, run.state
        told = (len(state.nodes), state.usage.total_tokens, state.cost)
        if (spent.nodes, spent.tokens, spent.cost) != told:
            self._note(tree_id, f"5: the budget says {spent}, the events {told}")

    def _check_waiting(self, tree_id: str, state: TreeState) -> None:
        for node in state.nodes.values():
            if len(node.open_calls) > 1:
                self._note(tree_id, f"5: {len(node.open_calls)} open calls of node {node.node_id}")
            if node.open_calls and any(state.nodes[child].status not in ENDED for child in node.children):
                self._note(tree_id, f"4: node {node.node_id} waits for children, and holds a slot")

    # --- at the end ---------------------------------------------------------------------------------------------------

    def _check_taken(self, tree_id: str) -> None:
        last = self._events.get(tree_id, [])[-1:]
        if last and last[0].seq > self.taken[tree_id]:
            self._note(tree_id, f"8: event {last[0].seq} was written after the takeover at {self.taken[tree_id]}")

    def _check_ended(self, tree_id: str, run: TreeRun) -> None:
        events, state = self._events[tree_id], run.state
        if sum(event.is_end for event in events) != 1 or not events[-1].is_end:
            self._note(tree_id, "9: the journal does not end with its one terminal event")
            return
        if (again := replayed(tree_id, events)) != state:
            self._note(tree_id, f"7: the journal folds to another state: {difference(again, state)}")
        for node in state.nodes.values():
            self._check_node(tree_id, state, node)
            if node.error is not None and node.error["kind"] == "replay_mismatch":
                self._note(tree_id, f"10: node {node.node_id} did not replay: {node.error['message']}")
        attempts = [a for m in self._models for a in m.ledger if a.request.request_id.partition("-")[0] in state.nodes]
        for fault in (*ledger_faults(events, attempts), *money_faults(state, events)):
            self._note(tree_id, f"5: {fault}")

    def _check_node(self, tree_id: str, state: TreeState, node: NodeState) -> None:
        if node.status not in ENDED or node.open_calls:
            self._note(tree_id, f"3: node {node.node_id} is {node.status} after the end")
        if node.error is not None and node.error["reason"] == Reason.INTERNAL:
            self._note(tree_id, f"node {node.node_id} ended with an internal error: {node.error}")
        limits = node.created["limits"]
        spent = subtree_spent(state, node)
        usage, cost = spent.usage, spent.cost
        if usage.total_tokens > limits["max_tokens"]:
            self._note(tree_id, f"1: {usage.total_tokens} tokens under a limit of {limits['max_tokens']}")
        if limits["max_cost"] is not None and cost > Decimal(limits["max_cost"]):
            self._note(tree_id, f"1: {cost} USD under a limit of {limits['max_cost']}")
        count = sum(1 for _ in _subtree(state, node))
        if count > limits["max_nodes"]:
            self._note(tree_id, f"1: {count} nodes under a limit of {limits['max_nodes']}")

    def _note(self, where: str, what: str) -> None:
        if len(self.broken) < 20:
            self.broken.append(f"{where}: {what}")


def _upkeep(model: ScriptedModel) -> int:
    """Calls of the pool's own that run: canaries."""
    running = (attempt.request.request_id for attempt in model.ledger if attempt.outcome is Outcome.RUNNING)
    return sum(request_id.startswith("upkeep-") for request_id in running)


def _over(account: Account) -> str | None:
    """Which cap what is spent and reserved exceeds."""
    used, caps = account.spent + account.reserved, account.caps
    if used.nodes > caps.max_nodes:
        return f"{used.nodes} nodes of {caps.max_nodes}"
    if used.tokens > caps.max_tokens:
        return f"{account.spent.tokens} + {account.reserved.tokens} tokens of {caps.max_tokens}"
    if caps.max_cost is not None and used.cost > caps.max_cost:
        return f"{account.spent.cost} + {account.reserved.cost} USD of {caps.max_cost}"
    return None


def _subtree(state: TreeState, node: NodeState) -> Iterator[NodeState]:
    yield node
    for child in node.children:
        yield from _subtree(state, state.nodes[child])
