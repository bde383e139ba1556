"""What a tree has spent and reserved, under its caps. Knows what is asked of it, not why.

Work is reserved before it starts and settled when it ends, so that a hundred siblings asking at once cannot overshoot.
A launch with limits of its own opens an account under its parent's; checks run from the root account to the leaf, so
the outermost exceeded limit is the one named.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from rao_runtime.core.limits import Limits, Reason

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Amount:
    """Nodes, tokens (input and output) and money (USD) together."""

    nodes: int = 0
    tokens: int = 0
    cost: Decimal = ZERO

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.nodes + other.nodes, self.tokens + other.tokens, self.cost + other.cost)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.nodes - other.nodes, self.tokens - other.tokens, self.cost - other.cost)


NOTHING = Amount()


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is left; `cost` is None where no cap is set."""

    nodes: int
    tokens: int
    cost: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceeded:
    """A request that does not fit: which limit, its cap, and what was spent and reserved under it."""

    reason: Reason
    limit: int | Decimal
    spent: int | Decimal
    reserved: int | Decimal
    asked: int | Decimal

    def __str__(self) -> str:
        unit = {Reason.NODES: "nodes", Reason.TOKENS: "tokens", Reason.COST: "USD"}[self.reason]
        return (
            f"needs {self.asked} {unit}, but of the limit of {self.limit} {self.spent} are spent "
            f"and {self.reserved} reserved"
        )


class Account:
    """One set of caps and what counts against it. Its caps can change; what was spent stays."""

    __slots__ = ("caps", "parent", "reserved", "spent")

    def __init__(self, caps: Limits, parent: "Account | None" = None) -> None:
        self.caps = caps
        self.parent = parent
        self.spent = NOTHING
        self.reserved = NOTHING

    def lineage(self) -> Iterator["Account"]:
        """This account and those above it, leaf first."""
        account: Account | None = self
        while account is not None:
            yield account
            account = account.parent

    def exceeded_by(self, asked: Amount) -> Exceeded | None:
        """The first cap of this account that `asked` would break, seen alone."""
        used = self.spent + self.reserved
        caps = self.caps
        if asked.nodes and used.nodes + asked.nodes > caps.max_nodes:
            return self._exceeded(Reason.NODES, caps.max_nodes, asked)
        if asked.tokens and used.tokens + asked.tokens > caps.max_tokens:
            return self._exceeded(Reason.TOKENS, caps.max_tokens, asked)
        if asked.cost and caps.max_cost is not None and used.cost + asked.cost > caps.max_cost:
            return self._exceeded(Reason.COST, caps.max_cost, asked)
        return None

    def _exceeded(self, reason: Reason, limit: int | Decimal, asked: Amount) -> Exceeded:
        field = reason.value
        return Exceeded(
            reason=reason,
            limit=limit,
            spent=getattr(self.spent, field),
            reserved=getattr(self.reserved, field),
            asked=getattr(asked, field),
        )


class Reservation:
    """A claim on an account and all above it, until it is settled or released."""

    __slots__ = ("account", "amount", "open")

    def __init__(self, account: Account, amount: Amount) -> None:
        self.account = account
        self.amount = amount
        self.open = True


def check(account: Account, asked: Amount) -> Exceeded | None:
    """The outermost limit `asked` would break, or None when it fits everywhere."""
    for each in reversed(list(account.lineage())):
        exceeded = each.exceeded_by(asked)
        if exceeded is not None:
            return exceeded
    return None


def reserve(account: Account, asked: Amount) -> Reservation | Exceeded:
    """Set `asked` aside in the account and all above it; nothing changes where it does not fit."""
    exceeded = check(account, asked)
    if exceeded is not None:
        return exceeded
    for each in account.lineage():
        each.reserved += asked
    return Reservation(account, asked)


def spend(account: Account, used: Amount) -> None:
    """Book what needed no reservation."""
    for each in account.lineage():
        each.spent += used


def settle(reservation: Reservation, used: Amount) -> None:
    """Replace the reservation with what was really used, which an estimate can have missed. Settles once."""
    _close(reservation)
    spend(reservation.account, used)


def release(reservation: Reservation) -> None:
    """Give the reservation back unused. Closes once."""
    _close(reservation)


def remaining(account: Account) -> Remaining:
    """What could still be reserved: per figure the least over the account and all above it."""
    lineage = list(account.lineage())
    costs = [a.caps.max_cost - a.spent.cost - a.reserved.cost for a in lineage if a.caps.max_cost is not None]
    return Remaining(
        nodes=max(0, min(a.caps.max_nodes - a.spent.nodes - a.reserved.nodes for a in lineage)),
        tokens=max(0, min(a.caps.max_tokens - a.spent.tokens - a.reserved.tokens for a in lineage)),
        cost=max(ZERO, min(costs)) if costs else None,
    )


def _close(reservation: Reservation) -> None:
    if not reservation.open:
        raise ValueError("this reservation is closed already")
    reservation.open = False
    for each in reservation.account.lineage():
        each.reserved -= reservation.amount
