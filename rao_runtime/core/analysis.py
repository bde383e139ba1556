"""What recursion was worth in one tree: how parallel it was, what it cost beside a flat run, and what looks wrong."""

from typing import Any

from rao_runtime.core.split_signs import split_signs
from rao_runtime.core.state import TreeState
from rao_runtime.core.view import path_of


def analysis(state: TreeState, *, now: float, baseline: TreeState | None = None) -> dict[str, Any]:
    """Figures and signs in the shape of api.md; of a tree that runs, as far as it has come by `now` (epoch s).

    `work_s` is the time of all calls and cells one after the other, `run_s` that from the tree's start to its end.
    `speedup` = work ÷ run, against one at a time; `ideal_speedup` = work ÷ critical path, what boundless replicas would
    give; `parallel_share` = 1 - critical path ÷ work. `baseline` is the same task solved in another way, flat for one:
    its figures, and what this tree took of each.
    """
    path = path_of(state)
    run_s = _run_s(state, now)
    return {
        "tree_id": state.tree_id,
        "status": state.status,
        "nodes": len(state.nodes),
        "run_s": round(run_s, 6),
        "work_s": round(path.work_s, 6),
        "critical_path_s": round(path.critical_path_s, 6),
        "critical_path": list(path.path),
        "speedup": _ratio(path.work_s, run_s),
        "ideal_speedup": _ratio(path.work_s, path.critical_path_s),
        "parallel_share": None if not path.work_s else round(1 - path.critical_path_s / path.work_s, 4),
        "tokens": _tokens(state),
        "wasted_tokens": state.usage.wasted_tokens,
        "baseline": None if baseline is None else _against(state, baseline, now),
        "signs": [found.as_dict() for found in split_signs(state)],
    }


def _against(state: TreeState, baseline: TreeState, now: float) -> dict[str, Any]:
    mode = baseline.started.get("mode")
    return {
        "tree_id": baseline.tree_id,
        "mode": None if mode is None else mode["effective"],
        "status": baseline.status,
        "tokens": _tokens(baseline),
        "token_multiple": _ratio(_tokens(state), _tokens(baseline)),
        "run_multiple": _ratio(_run_s(state, now), _run_s(baseline, now)),
        "cost_multiple": _ratio(float(state.cost), float(baseline.cost)),
    }


def _run_s(state: TreeState, now: float) -> float:
    if state.started_at is None:
        return 0.0
    return max(0.0, (now if state.ended_at is None else state.ended_at) - state.started_at)


def _tokens(state: TreeState) -> int:
    return state.usage.input_tokens + state.usage.output_tokens


def _ratio(of: float, to: float) -> float | None:
    return round(of / to, 4) if to else None
