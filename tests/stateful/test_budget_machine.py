"""The budget in any order of reserving, settling and releasing, held against a model that only adds up."""

from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, consumes, invariant, multiple, rule

from rao_runtime.core import budget
from rao_runtime.core.budget import Account, Amount, Exceeded, Reservation
from rao_runtime.core.limits import Limits, Reason

amounts = st.builds(
    Amount,
    nodes=st.integers(0, 3),
    tokens=st.integers(0, 40),
    cost=st.integers(0, 40).map(lambda cents: Decimal(cents) / 100),
)
caps = st.builds(
    Limits,
    max_nodes=st.integers(1, 12),
    max_tokens=st.integers(1, 200),
    max_cost=st.none() | st.integers(0, 200).map(lambda cents: Decimal(cents) / 100),
)


@dataclass(eq=False)
class Entry:
    """What the model knows of one account: its line up to the root, itself first, and what was booked on it alone."""

    account: Account
    line: "list[Entry]"
    spent: Amount = Amount()
    reserved: Amount = Amount()


@dataclass(eq=False)
class Held:
    """An open reservation."""

    reservation: Reservation
    entry: Entry
    amount: Amount


NO_HELD: MultipleResults[Held] = multiple()


class BudgetMachine(RuleBasedStateMachine):
    """Every account must always equal the sum over its subtree, and never promise more than its caps."""

    accounts = Bundle("accounts")
    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.entries = list[Entry]()
        self.overdrawn = False

    @rule(target=accounts, caps=caps)
    def open_root(self, caps: Limits) -> Entry:
        return self._add(Account(caps), [])

    @rule(target=accounts, parent=accounts, caps=caps)
    def open_child(self, parent: Entry, caps: Limits) -> Entry:
        return self._add(Account(caps, parent.account), parent.line)

    @rule(target=held, entry=accounts, asked=amounts)
    def reserve(self, entry: Entry, asked: Amount) -> Held | MultipleResults[Held]:
        expected = self._exceeded(entry, asked)
        known = budget.check(entry.account, asked)
        result = budget.reserve(entry.account, asked)
        if isinstance(result, Exceeded):
            assert result == known
            assert (result.reason, result.limit) == expected
            return NO_HELD
        assert known is None
        assert expected is None
        entry.reserved += asked
        return Held(result, entry, asked)

    @rule(taken=consumes(held), used=amounts)
    def settle(self, taken: Held, used: Amount) -> None:
        budget.settle(taken.reservation, used)
        self._close(taken)
        taken.entry.spent += used
        # An estimate that was too low may exceed a cap: it is booked all the same, and nothing more is let in.
        self.overdrawn = self.overdrawn or not _within(used, taken.amount)

    @rule(taken=consumes(held))
    def release(self, taken: Held) -> None:
        budget.release(taken.reservation)
        self._close(taken)

    @rule(entry=accounts, used=amounts)
    def spend(self, entry: Entry, used: Amount) -> None:
        if budget.check(entry.account, used) is None:
            budget.spend(entry.account, used)
            entry.spent += used

    @rule(entry=accounts)
    def what_remains_is_exactly_what_can_still_be_reserved(self, entry: Entry) -> None:
        left = budget.remaining(entry.account)
        cent = Decimal("0.01")
        assert budget.check(entry.account, Amount(left.nodes, left.tokens, left.cost or Decimal(0))) is None
        assert budget.check(entry.account, Amount(tokens=left.tokens + 1)) is not None
        assert budget.check(entry.account, Amount(nodes=left.nodes + 1)) is not None
        assert (budget.check(entry.account, Amount(cost=(left.cost or Decimal(0)) + cent)) is None) == (
            left.cost is None
        )

    @rule(taken=consumes(held))
    def a_closed_reservation_cannot_be_closed_again(self, taken: Held) -> None:
        budget.release(taken.reservation)
        self._close(taken)
        before = [(e.account.spent, e.account.reserved) for e in self.entries]
        with pytest.raises(ValueError, match="closed"):
            budget.settle(taken.reservation, Amount(tokens=1))
        with pytest.raises(ValueError, match="closed"):
            budget.release(taken.reservation)
        assert before == [(e.account.spent, e.account.reserved) for e in self.entries]

    @invariant()
    def every_ancestor_sees_every_charge(self) -> None:
        for entry in self.entries:
            below = [other for other in self.entries if entry in other.line]
            assert entry.account.spent == sum((other.spent for other in below), Amount())
            assert entry.account.reserved == sum((other.reserved for other in below), Amount())

    @invariant()
    def nothing_is_promised_beyond_a_cap(self) -> None:
        for entry in self.entries if not self.overdrawn else ():
            used = entry.account.spent + entry.account.reserved
            assert used.nodes <= entry.account.caps.max_nodes
            assert used.tokens <= entry.account.caps.max_tokens
            assert entry.account.caps.max_cost is None or used.cost <= entry.account.caps.max_cost

    def _add(self, account: Account, above: list[Entry]) -> Entry:
        entry = Entry(account, [])
        entry.line = [entry, *above]
        self.entries.append(entry)
        return entry

    def _close(self, taken: Held) -> None:
        taken.entry.reserved -= taken.amount

    def _exceeded(self, entry: Entry, asked: Amount) -> tuple[Reason, int | Decimal] | None:
        """The outermost cap that the sums of the model leave no room under."""
        for each in reversed(entry.line):
            below = [other for other in self.entries if each in other.line]
            used = sum((other.spent + other.reserved for other in below), Amount()) + asked
            caps = each.account.caps
            if asked.nodes and used.nodes > caps.max_nodes:
                return Reason.NODES, caps.max_nodes
            if asked.tokens and used.tokens > caps.max_tokens:
                return Reason.TOKENS, caps.max_tokens
            if asked.cost and caps.max_cost is not None and used.cost > caps.max_cost:
                return Reason.COST, caps.max_cost
        return None


def _within(used: Amount, reserved: Amount) -> bool:
    return used.nodes <= reserved.nodes and used.tokens <= reserved.tokens and used.cost <= reserved.cost


TestBudget = BudgetMachine.TestCase
TestBudget.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
