"""Books of trees as tests need them: drawn by Hypothesis, or of a given shape."""

from decimal import Decimal

from hypothesis import strategies as st

from rao_runtime.core.ids import call_id, child_id, root_id
from rao_runtime.core.ledger import CallOutcome, LedgerEntry, Origin, Purpose, Row, TreeBook, UsageSource
from rao_runtime.core.pricing import Price, in_pico
from rao_runtime.core.usage import Tokens

TREE_ID = "01kaz6n8q3v5x7y9abcdefghjk"
PRICE = Price(input=Decimal("0.15"), output=Decimal("0.60"), cached_input=Decimal("0.075"), version="2026-11")
EPOCH = 1_790_000_000.0


def row(
    outcome: CallOutcome = CallOutcome.COMPLETED,
    *,
    tenant: str = "default",
    model: str = "rao-4b",
    source: UsageSource = UsageSource.REPORTED,
) -> Row:
    """A row of agents' calls."""
    return Row(tenant, "default", model, PRICE.version, Purpose.AGENT.value, outcome.value, source.value)


def tree_row(tenant: str = "default", model: str = "rao-4b") -> Row:
    """The row that counts trees."""
    return Row(tenant, "default", model, PRICE.version, Purpose.AGENT.value, "", "")


def cost(tokens: Tokens) -> int:
    """What tokens cost, in 1e-12 USD."""
    return in_pico(PRICE.cost(tokens))


def origins_of(tree_id: str, parents: list[int]) -> dict[str, Origin]:
    """A tree by each node's parent: the first has none, a parent stands before its children."""
    ids = [root_id(tree_id)]
    origins, launched = {ids[0]: Origin(None, 0, 0)}, dict[int, int]()
    for parent in parents:
        index = launched[parent] = launched.get(parent, -1) + 1
        ids.append(child_id(ids[parent], 0, index))
        origins[ids[-1]] = Origin(ids[parent], 0, index)
    return origins


def book(
    tree_id: str = TREE_ID,
    parents: list[int] | None = None,
    *,
    attempts: int = 2,
    at: float = EPOCH,
    tenant: str = "default",
    model: str = "rao-4b",
) -> TreeBook:
    """A tree whose nodes made so many calls each, the last one of each node in vain."""
    origins = origins_of(tree_id, parents or [])
    entries = list[LedgerEntry]()
    for place, node in enumerate(origins):
        tokens = Tokens()
        for turn in range(attempts):
            said = tokens.input + tokens.output
            prompt = said + 40 + 7 * place % 60 if turn else 1_180 + 13 * place % 70
            tokens = Tokens(input=prompt, cached=(said or 1_120) // 16 * 16, output=90 + 37 * (place + turn) % 120)
            failed = turn == attempts - 1
            outcome = CallOutcome.FAILED if failed else CallOutcome.COMPLETED
            source = UsageSource.ESTIMATED if failed else UsageSource.REPORTED
            entries.append(
                LedgerEntry(
                    at=round(at + place + turn, 1),
                    row=row(outcome, tenant=tenant, model=model, source=source),
                    tree_id=tree_id,
                    node_id=node,
                    call_id=call_id(node, turn),
                    attempt=1,
                    tokens=tokens,
                    amount=cost(tokens),
                )
            )
    return TreeBook(tree_id=tree_id, row=tree_row(tenant, model), entries=entries, origins=origins)


TOKENS = st.integers(0, 10**7) | st.integers(0, 10**30)
TEXTS = st.text(max_size=12)


@st.composite
def entries(draw: st.DrawFn, tree_id: str | None, nodes: list[str | None]) -> LedgerEntry:
    """Any entry at all of one of these nodes."""
    node, turn = draw(st.sampled_from(nodes)), draw(st.integers(0, 40))
    cached, fresh = draw(TOKENS), draw(TOKENS)
    tokens = Tokens(input=cached + fresh, cached=cached, output=draw(TOKENS))
    amount = draw(st.none() | st.just(cost(tokens)) | st.integers(0, 10**20))
    micros = draw(st.none() | st.integers(0, 10**12))
    return LedgerEntry(
        at=draw(st.integers(0, 5 * 10**10)) / 10,
        row=row(draw(st.sampled_from(CallOutcome)), source=draw(st.sampled_from(UsageSource))),
        tree_id=tree_id,
        node_id=node,
        call_id=draw(st.just(call_id(node or "", turn)) | TEXTS),
        attempt=draw(st.integers(1, 9)),
        tokens=tokens,
        amount=amount,
        gpu_s=None if micros is None else micros / 1_000_000,
    )


@st.composite
def books(draw: st.DrawFn) -> TreeBook:
    """Any book, of trees that grew as trees do and of those that did not."""
    tree_id = draw(st.just(TREE_ID) | st.text(min_size=1, max_size=30))
    parents = draw(st.lists(st.integers(0, 9), max_size=10))
    origins = origins_of(tree_id, [min(parent, place) for place, parent in enumerate(parents)])
    strange = draw(st.lists(st.none() | TEXTS | st.text("0123456789abcdef", min_size=20, max_size=20), max_size=3))
    known = [node for node in origins if draw(st.booleans())]
    found = draw(st.lists(entries(tree_id, [*origins, *strange]), max_size=20))
    return TreeBook(tree_id=tree_id, row=tree_row(), entries=found, origins={node: origins[node] for node in known})
