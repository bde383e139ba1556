"""How long a finished tree had to take: all its work, and the longest chain of work that waited for other work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Busy:
    """The node worked: a call or a cell's own time."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Fork:
    """The node launched a child, which starts now."""

    child_id: str


@dataclass(frozen=True, slots=True)
class Join:
    """The node waited until these children had ended."""

    child_ids: tuple[str, ...]


Step = Busy | Fork | Join


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """`work_s` is the sum of all work, `critical_path_s` what a machine without bounds would have taken.

    `path` names the nodes whose work makes up the critical path, in the order in which it enters them, root first.
    """

    work_s: float
    critical_path_s: float
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Span:
    """A node on its own clock, which starts with it: when it ends, and the children its end waited for."""

    end_s: float = 0.0
    waited_for: "_Chain | None" = None


@dataclass(frozen=True, slots=True)
class _Chain:
    """A child that was waited for, and those before it. Shared, so that a node with many joins stays linear."""

    child_id: str
    before: "_Chain | None"


def critical_path(root_id: str, steps: Mapping[str, Sequence[Step]]) -> CriticalPath:
    """The figures of a tree, given each node's steps in order.

    A child counts for the node that forked it first, and delays only those joins that name it after its fork. Children
    never joined delay nobody. Ids without steps are ignored.
    """
    work_s = sum(step.seconds for own in steps.values() for step in own if isinstance(step, Busy))
    parents = _parents(root_id, steps)
    spans = dict[str, _Span]()
    # Every node comes after its parent in `parents`, so backwards every child is known before its parent.
    for node_id in reversed(parents):
        spans[node_id] = _span(node_id, steps[node_id], spans, parents)
    if root_id not in spans:
        return CriticalPath(work_s, 0.0, ())
    # The two sums add in different orders; rounding must not make the path longer than the work.
    return CriticalPath(work_s, min(work_s, spans[root_id].end_s), _path(root_id, spans))


def _parents(root_id: str, steps: Mapping[str, Sequence[Step]]) -> dict[str, str | None]:
    """Who forked each node that the root leads to, parents before their children."""
    parents: dict[str, str | None] = {root_id: None} if root_id in steps else {}
    unseen = list(parents)
    while unseen:
        node_id = unseen.pop()
        for step in steps[node_id]:
            if isinstance(step, Fork) and step.child_id in steps and step.child_id not in parents:
                parents[step.child_id] = node_id
                unseen.append(step.child_id)
    return parents


def _span(node_id: str, steps: Sequence[Step], spans: Mapping[str, _Span], parents: Mapping[str, str | None]) -> _Span:
    now_s = 0.0
    chain: _Chain | None = None
    forked = dict[str, tuple[float, _Chain | None]]()
    for step in steps:
        match step:
            case Busy():
                now_s += step.seconds
            case Fork():
                if parents.get(step.child_id) == node_id:
                    forked.setdefault(step.child_id, (now_s, chain))
            case Join():
                for child_id in step.child_ids:
                    if child_id not in forked:
                        continue
                    started_s, before = forked[child_id]
                    end_s = started_s + spans[child_id].end_s
                    if end_s > now_s:
                        now_s = end_s
                        chain = _Chain(child_id, before)
    return _Span(now_s, chain)


def _path(root_id: str, spans: Mapping[str, _Span]) -> tuple[str, ...]:
    path = list[str]()
    unseen = [root_id]
    while unseen:
        node_id = unseen.pop()
        path.append(node_id)
        chain = spans[node_id].waited_for
        while chain is not None:  # latest first, and so the earliest comes off the stack first
            unseen.append(chain.child_id)
            chain = chain.before
    return tuple(path)
