"""The caps a client sets, the ceilings an operator sets, and what a child inherits. Knows nothing of what is spent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from math import inf
from typing import Any, Self

from rao_runtime.core.errors import Fault
from rao_runtime.core.values import shown


class Reason(StrEnum):
    """Why a node or tree did not complete, or a launch was refused: the `reason` of api.md."""

    DEPTH = "depth"
    NODES = "nodes"
    TURNS = "turns"
    TOKENS = "tokens"
    COST = "cost"
    DEADLINE = "deadline"
    WINDOW = "window"
    MODEL_ERROR = "model_error"
    SANDBOX_ERROR = "sandbox_error"
    ANSWER_INVALID = "answer_invalid"
    CHECK_FAILED = "check_failed"
    UNABLE = "unable"
    CANCELED = "canceled"
    OVERLOADED = "overloaded"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Caps of a tree, or of the subtree under one launch.

    Per node: `max_turns`, `max_children` (alive at once). Over the tree: depth (the root has 0), nodes (root included),
    tokens and cost (USD; input, output, cached, retried and cancelled work), `deadline_s` from acceptance.
    """

    max_depth: int = 4
    max_nodes: int = 256
    max_children: int = 32
    max_turns: int = 25
    max_tokens: int = 2_000_000
    max_cost: Decimal | None = None
    deadline_s: float = 900.0

    def as_dict(self) -> dict[str, Any]:
        """The wire form of api.md; money is a string."""
        wire = {f.name: getattr(self, f.name) for f in fields(self)}
        wire["max_cost"] = None if self.max_cost is None else str(self.max_cost)
        return wire

    @classmethod
    def from_dict(cls, wire: Mapping[str, Any]) -> Self:
        """What `as_dict` gave."""
        given = dict(wire)
        cost = given.pop("max_cost")
        return cls(max_cost=None if cost is None else Decimal(cost), **given)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """The highest value an operator lets a client ask for."""

    max_depth: int = 32
    max_nodes: int = 100_000
    max_children: int = 10_000
    max_turns: int = 1_000
    max_tokens: int = 1_000_000_000
    deadline_s: float = 86_400.0


LEAST = {"max_depth": 0, "max_nodes": 1, "max_children": 1, "max_turns": 1, "max_tokens": 1}


def over_ceiling(limits: Limits, ceilings: Ceilings) -> Sequence[Fault]:
    """Every limit that is above its ceiling or too small to mean anything."""
    faults = list[Fault]()
    for name in (f.name for f in fields(ceilings)):
        value = getattr(limits, name)
        top = getattr(ceilings, name)
        if not -inf < value < inf:
            faults.append(Fault(("limits", name), "must be a finite number"))
        elif value > top:
            faults.append(Fault(("limits", name), f"{value} is over this server's ceiling of {top}"))
        elif value < LEAST.get(name, 0) or (name == "deadline_s" and value <= 0):
            faults.append(Fault(("limits", name), f"{value} is too small"))
    cost = limits.max_cost
    if cost is not None and (not cost.is_finite() or cost < 0):
        faults.append(Fault(("limits", "max_cost"), "must be an amount in USD, 0 or more"))
    return faults


def narrowed(parent: Limits, asked: Mapping[str, object]) -> Limits:
    """The limits of a launch: the parent's, each lowered where the launch asks for less.

    `max_depth` is given as levels under the child. Raises ValueError, in words a model can act on.
    """
    known = {f.name for f in fields(Limits)}
    changes = dict[str, Any]()
    for name, value in asked.items():
        if name not in known:
            raise ValueError(f"limits has no {name!r}; it takes {', '.join(sorted(known))}")
        changes[name] = _lower(parent, name, value)
    return replace(parent, **changes)


def _lower(parent: Limits, name: str, value: object) -> object:
    if name == "max_cost":
        return _lower_cost(parent.max_cost, value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -inf < value < inf:
        raise ValueError(f"limits[{name!r}] must be a number, not {value!r}")
    if name != "deadline_s" and value != int(value):
        raise ValueError(f"limits[{name!r}] must be a whole number, not {value!r}")
    if value < LEAST.get(name, 0):
        raise ValueError(f"limits[{name!r}] must be at least {LEAST.get(name, 0)}, not {value!r}")
    least = min(getattr(parent, name), value)
    return float(least) if name == "deadline_s" else int(least)


def _lower_cost(parent: Decimal | None, value: object) -> Decimal | None:
    if value is None:
        return parent
    try:
        asked = Decimal(str(value))
    except (InvalidOperation, ValueError):
        asked = None
    if asked is None or not asked.is_finite() or asked < 0:
        raise ValueError(f"limits['max_cost'] must be an amount in USD, not {shown(value)}")
    return asked if parent is None else min(parent, asked)
