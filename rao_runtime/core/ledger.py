"""The ledger's entries, one for each attempt that cost something, as a fold over a tree's events."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from rao_runtime.core.events import Event, EventType
from rao_runtime.core.pricing import in_pico
from rao_runtime.core.usage import Tokens, Usage

DEFAULT_PROJECT = "default"
SYSTEM_TENANT = "system"
SETTLED = frozenset({EventType.CALL_COMPLETED, EventType.CALL_FAILED})


class Purpose(StrEnum):
    """What an attempt was for. Checks are code and call no model yet: nothing is booked as `check`."""

    AGENT = "agent"
    CHECK = "check"
    PRIME = "prime"  # a fresh replica reads the prompts' common beginning
    CANARY = "canary"  # whether a replica still writes


class CallOutcome(StrEnum):
    """How an attempt ended; all but `completed` are waste."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    INTERRUPTED = "interrupted"  # its worker died: booked with all that was reserved for it


class UsageSource(StrEnum):
    """Who counted the tokens: the replica, or we, from what had arrived."""

    REPORTED = "reported"
    ESTIMATED = "estimated"


class Row(NamedTuple):
    """What amounts are summed by. `outcome` and `source` are empty in the rows that count trees."""

    tenant: str
    project: str
    model: str | None
    price_version: str | None
    purpose: str
    outcome: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One attempt. `at` is when it was settled, epoch seconds to a tenth; `amount` is in 1e-12 USD, None if unpriced.

    `tree_id` and `node_id` are None for calls of the pool's own; `gpu_s` is None where time is not what is paid for.
    """

    at: float
    row: Row
    tree_id: str | None
    node_id: str | None
    call_id: str
    attempt: int
    tokens: Tokens
    amount: int | None
    gpu_s: float | None = None

    @property
    def wasted(self) -> bool:
        """Whether it gave no result."""
        return self.row.outcome != CallOutcome.COMPLETED


class Origin(NamedTuple):
    """How a node came to be, from which its id follows; the root has no parent."""

    parent_id: str | None
    fork_step: int
    launch_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeBook:
    """All that an ended tree is booked with. `row` is the one that counts the tree itself."""

    tree_id: str
    row: Row
    entries: Sequence[LedgerEntry]
    origins: Mapping[str, Origin] = field(default_factory=dict[str, Origin])


class TreeEntries:
    """Collects a tree's entries as its events come, in order, from `tree.created` on. A `ports.TreeWatch`."""

    def __init__(self, tree_id: str, past: Iterable[Event] = ()) -> None:
        self.has_ended = False
        self._tree_id = tree_id
        self._entries = list[LedgerEntry]()
        self._origins = dict[str, Origin]()
        self._models = dict[tuple[str, int], str]()
        self._rows = dict[tuple[str | None, str, str], Row]()
        self._tenant = ""
        self._model: str | None = None
        self._price_version: str | None = None
        self._take(past)

    def __len__(self) -> int:
        """How many there are so far."""
        return len(self._entries)

    def saw(self, events: Sequence[Event]) -> None:
        """Take in the events that follow."""
        self._take(events)

    def book(self) -> TreeBook:
        """What the tree comes to as far as it was seen."""
        tree = Row(self._tenant, DEFAULT_PROJECT, self._model, self._price_version, Purpose.AGENT.value, "", "")
        return TreeBook(tree_id=self._tree_id, row=tree, entries=tuple(self._entries), origins=dict(self._origins))

    def _take(self, events: Iterable[Event]) -> None:
        for event in events:
            match event.type:
                case EventType.TREE_CREATED:
                    self._tenant = event.data["tenant"]
                    self._model, self._price_version = event.data["model"], event.data["price_version"]
                case EventType.TREE_STARTED:
                    self._model, self._price_version = event.data["model"], event.data["price_version"]
                case EventType.NODE_CREATED if event.node_id is not None:
                    origin = Origin(event.parent_id, event.fork_step or 0, event.data["launch_index"])
                    self._origins[event.node_id] = origin
                case EventType.CALL_STARTED:
                    self._models[_key(event.data)] = event.data["model"]
                case _ if event.type in SETTLED:
                    self._settle(event)
                case _:
                    self.has_ended = self.has_ended or event.is_end

    def _settle(self, event: Event) -> None:
        data = event.data
        usage, model = Usage(**data["usage"]), self._models.pop(_key(data), self._model)
        cost = None if data["cost"] is None else Decimal(data["cost"])
        if not usage.calls and not cost:
            return
        source = UsageSource.ESTIMATED if usage.estimated else UsageSource.REPORTED
        self._entries.append(
            LedgerEntry(
                at=round(event.ts, 1),
                row=self._row(model, _outcome(event).value, source.value),
                tree_id=self._tree_id,
                node_id=event.node_id,
                call_id=data["call_id"],
                attempt=data["attempt"],
                tokens=Tokens(input=usage.input_tokens, cached=usage.cached_tokens, output=usage.output_tokens),
                amount=None if cost is None else in_pico(cost),
                gpu_s=data.get("gpu_s"),
            )
        )

    def _row(self, model: str | None, outcome: str, source: str) -> Row:
        """One object for all entries that have the same."""
        key = model, outcome, source
        if key not in self._rows:
            version, purpose = self._price_version, Purpose.AGENT.value
            self._rows[key] = Row(self._tenant, DEFAULT_PROJECT, model, version, purpose, outcome, source)
        return self._rows[key]


def _outcome(event: Event) -> CallOutcome:
    if event.type is EventType.CALL_COMPLETED:
        return CallOutcome.COMPLETED
    match event.data["error"]["kind"]:
        case "canceled":
            return CallOutcome.CANCELED
        case "interrupted":
            return CallOutcome.INTERRUPTED
        case _:
            return CallOutcome.FAILED


def _key(call: Mapping[str, Any]) -> tuple[str, int]:
    return call["call_id"], call["attempt"]
