"""Which failed attempts are made again, how soon and where. The only layer that retries a model call."""

from collections.abc import Mapping
from dataclasses import dataclass

from rao_runtime.core.backoff import backoff_s
from rao_runtime.core.errors import FailureKind


@dataclass(frozen=True, slots=True)
class _Rule:
    again: bool
    counts: bool = True


RULES: Mapping[FailureKind, _Rule] = {
    FailureKind.REJECTED: _Rule(again=False),
    FailureKind.BUSY: _Rule(again=True, counts=False),
    FailureKind.SERVER: _Rule(again=True),
    FailureKind.UNREACHABLE: _Rule(again=True),
    FailureKind.BROKEN: _Rule(again=True),
    FailureKind.TIMEOUT: _Rule(again=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """At most `attempts` that count, with waits from `base_s` that grow by `factor` up to `max_s`.

    A busy replica is left alone for `busy_s`, or as long as it asks for, `max_busy_s` at most.
    """

    attempts: int = 3
    base_s: float = 0.05
    factor: float = 2.0
    max_s: float = 2.0
    busy_s: float = 0.25
    max_busy_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Queue the call again in `after_s`.

    `other_replica`: prefer one that has not failed it yet. `counts`: this try was one of the policy's attempts.
    `busy_s`: send nothing to the replica for so long (0: no need).
    """

    after_s: float
    other_replica: bool
    counts: bool
    busy_s: float = 0.0


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The call has failed."""

    reason: str


def decide(
    policy: RetryPolicy,
    kind: FailureKind,
    attempt: int,
    *,
    surfaced: bool,
    sent: bool = True,
    retry_after_s: float | None = None,
    u: float,
) -> Retry | GiveUp:
    """What follows from the failure of attempt number `attempt`, counted from 1 over those that count.

    `surfaced`: some of its text was already shown. Not `sent`: its replica was taken out before it got the call.
    `u` in [0, 1) spreads the waits of calls that failed together. Back-pressure is never the end of a call: the tree's
    deadline bounds it.
    """
    if not sent:
        return Retry(after_s=0.0, other_replica=True, counts=False)
    rule = RULES[kind]
    if not rule.again:
        return GiveUp("the replica rejects this request, and would again")
    if surfaced:
        return GiveUp("part of the reply had been shown already")
    if not rule.counts:
        return Retry(after_s=0.0, other_replica=False, counts=False, busy_s=_busy_s(policy, retry_after_s))
    if attempt >= policy.attempts:
        return GiveUp(f"{attempt} attempts failed")
    after_s = backoff_s(attempt, base_s=policy.base_s, factor=policy.factor, max_s=policy.max_s, u=u)
    return Retry(after_s=after_s, other_replica=True, counts=True)


def _busy_s(policy: RetryPolicy, retry_after_s: float | None) -> float:
    """Never less than `base_s`, since a replica may ask for 0 seconds and be asked in a tight loop."""
    asked = policy.busy_s if retry_after_s is None else retry_after_s
    return min(policy.max_busy_s, max(policy.base_s, asked))
