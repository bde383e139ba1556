"""However a tree grew and whatever failed in it: nodes, models and the whole say the same sums."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.pricing import amount
from rao_runtime.core.state import TreeState
from rao_runtime.core.usage import Tokens
from rao_runtime.core.view import node_detail, tree_view
from tests.unit.core.tree_builder import TreeBuilder

COUNTS = ("calls", "input_tokens", "cached_tokens", "output_tokens", "wasted_tokens")
MONEY = st.integers(0, 10**15).map(lambda picodollars: Decimal(picodollars).scaleb(-12))
TOKENS = st.builds(Tokens, input=st.integers(0, 9_999), output=st.integers(0, 999))
# A step is a launch below one of the nodes there are, or an attempt of one of them: model, result or none, figures.
STEPS = st.lists(
    st.tuples(
        st.integers(0, 99),
        st.one_of(st.none(), st.tuples(st.sampled_from("ab"), st.booleans(), TOKENS, MONEY)),
    ),
    max_size=40,
)
Step = tuple[int, tuple[str, bool, Tokens, Decimal] | None]


def grown(steps: Iterable[Step]) -> TreeState:
    built, nodes = TreeBuilder().born("n0"), ["n0"]
    for turn, (which, attempt) in enumerate(steps):
        node = nodes[which % len(nodes)]
        if attempt is None:
            nodes.append(f"n{len(nodes)}")
            built.born(nodes[-1], node)
            continue
        model, has_result, tokens, cost = attempt
        made = built.call if has_result else built.failed_call
        made(node, turn, tokens, cost=amount(cost), model=model)
    return built.state


def all_nodes(root: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = [root]
    for each in found:
        found += each["children"]
    return found


def figures(usage: Mapping[str, Any], cost: Mapping[str, Any]) -> tuple[object, ...]:
    money = (Decimal(cost["amount"]), Decimal(cost["wasted"]))
    return (*(usage[name] for name in COUNTS), *money, usage["estimated"])


def total(parts: Sequence[Mapping[str, Any]]) -> tuple[object, ...]:
    each = [figures(part["usage"], part["cost"]) for part in parts]
    *sums, estimated = zip(*each, strict=True) if each else [()] * (len(COUNTS) + 3)
    return (*map(sum, sums), any(estimated))


@given(STEPS)
def test_the_tree_its_nodes_its_models_and_its_roots_subtree_come_to_the_same(steps: list[Step]) -> None:
    state = grown(steps)
    view = tree_view(state, now=2_000.0, nodes=True)
    told = figures(view["usage"], view["cost"])
    assert told == total(all_nodes(view["tree"])) == total(view["by_model"])
    assert told == figures(view["tree"]["subtree_usage"], view["tree"]["subtree_cost"])
    attempts = [attempt for _, attempt in steps if attempt is not None]
    assert Decimal(view["cost"]["amount"]) == sum(cost for *_, cost in attempts)
    assert Decimal(view["cost"]["wasted"]) == sum(cost for _, has_result, _, cost in attempts if not has_result)


@given(STEPS)
def test_a_subtree_is_its_root_and_the_subtrees_below_and_no_part_wastes_more_than_it_cost(steps: list[Step]) -> None:
    state = grown(steps)
    for node in all_nodes(tree_view(state, now=2_000.0, nodes=True)["tree"]):
        subtree = {"usage": node["subtree_usage"], "cost": node["subtree_cost"]}
        below = [{"usage": each["subtree_usage"], "cost": each["subtree_cost"]} for each in node["children"]]
        assert total([subtree]) == total([node, *below])
        detail = node_detail(state, state.nodes[node["node_id"]], 2_000.0)
        assert all(detail[name] == node[name] for name in ("usage", "cost", "subtree_usage", "subtree_cost"))
        for cost in (node["cost"], node["subtree_cost"]):
            assert 0 <= Decimal(cost["wasted"]) <= Decimal(cost["amount"])
