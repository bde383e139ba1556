"""What a tree says it cost, held against its calls and the price sheet its journal tells of."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from rao_runtime.core.events import Event, EventType
from rao_runtime.core.pricing import GpuPrice, Sheet, from_pico, in_pico
from rao_runtime.core.spent import Spent
from rao_runtime.core.state import TreeState
from rao_runtime.core.usage import Tokens, Usage
from rao_runtime.core.view import subtree_spent

SETTLED = frozenset({EventType.CALL_COMPLETED, EventType.CALL_FAILED})


def money_faults(state: TreeState, events: Sequence[Event]) -> Iterator[str]:
    """Attempts not charged by the tree's sheet, and sums over nodes and models that differ from those over attempts."""
    settled = [event for event in events if event.type in SETTLED]
    for event in settled:
        yield from _call_faults(event, state.price)
    sums = sum(map(_spent, settled), Spent())
    parts = {
        "tree": state.spent,
        "nodes": sum((node.spent for node in state.nodes.values()), Spent()),
        "models": sum(state.by_model.values(), Spent()),
        "root": Spent() if state.root_id is None else subtree_spent(state, state.nodes[state.root_id]),
    }
    yield from (f"its calls come to {sums}, the {name} to {part}" for name, part in parts.items() if part != sums)
    if sums.wasted > sums.cost:
        yield f"{sums.wasted} USD of {sums.cost} were wasted"


def _call_faults(event: Event, sheet: Sheet | None) -> Iterator[str]:
    data, usage = event.data, Usage(**event.data["usage"])
    tokens = Tokens(input=usage.input_tokens, cached=usage.cached_tokens, output=usage.output_tokens)
    cost = None if data["cost"] is None else Decimal(data["cost"])
    if cost != (None if sheet is None else sheet.cost(tokens, data.get("gpu_s", 0.0))):
        yield f"attempt {data['attempt']} of {data['call_id']} cost {cost}, with {tokens} and {data.get('gpu_s')} GPU-s"
    if ("gpu_s" in data) != isinstance(sheet, GpuPrice) or data.get("gpu_s", 0.0) < 0:
        yield f"attempt {data['attempt']} of {data['call_id']} had {data.get('gpu_s')} GPU-seconds"
    if cost is not None and from_pico(in_pico(cost)) != cost:
        yield f"attempt {data['attempt']} of {data['call_id']} cost {cost}, no whole number of 1e-12 USD"


def _spent(event: Event) -> Spent:
    cost = Decimal(event.data["cost"] or 0)
    wasted = cost if event.type is EventType.CALL_FAILED else Decimal(0)
    return Spent(Usage(**event.data["usage"]), cost, wasted)
