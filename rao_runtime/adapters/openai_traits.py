"""What a server is and lacks, from the pages it has at the root of its URL. Knows nothing of sockets."""

import re
from typing import Any

import orjson

from rao_runtime.adapters.openai_metrics import KvCache, cache_of
from rao_runtime.ports import Traits

OLDEST = (0, 25)

NO_METRICS = "it has no /metrics of vLLM's: a hung replica is only noticed by timeouts"
NO_PREFIXES = "its prefix cache is off: start vLLM with --enable-prefix-caching, or every prompt is read in full"
NO_PRIORITY = (
    "its scheduling policy is {policy}: start vLLM with --scheduling-policy priority, "
    "or priority holds only in our own queue"
)
TOO_OLD = "its version {version} is older than {oldest}: update vLLM, or some of what it tells may be misread"


def traits_of(*, version: bytes | None, metrics: bytes | None, info: bytes | None, vllm: bool) -> Traits:
    """Traits from the bodies of `/version`, `/metrics` and `/server_info`, each None where there is none.

    Only of what should be a vLLM (`vllm`) anything is missing, and only what is known to be. Whether it tells cached
    tokens (`--enable-prompt-tokens-details`) none of these pages says.
    """
    told, cache = _version(version), cache_of(metrics or b"") or KvCache(None, None, shares=True)
    return Traits(
        version=told,
        kv_tokens=cache.tokens,
        block_tokens=cache.block_tokens,
        missing=_missing(told, cache, _policy(info), metrics=metrics is not None) if vllm else (),
    )


def _missing(version: str | None, cache: KvCache, policy: str | None, *, metrics: bool) -> tuple[str, ...]:
    found = (
        (not metrics, NO_METRICS),
        (version is not None and _is_old(version), TOO_OLD.format(version=version, oldest=".".join(map(str, OLDEST)))),
        (policy not in {None, "priority"}, NO_PRIORITY.format(policy=policy)),
        (not cache.shares, NO_PREFIXES),
    )
    return tuple(sentence for holds, sentence in found if holds)


def _is_old(version: str) -> bool:
    """A version without two numbers, such as `dev`, is not called old."""
    numbers = re.match(r"v?(\d+)\.(\d+)", version)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) < OLDEST


def _version(body: bytes | None) -> str | None:
    return _text_at(body, "version")


def _policy(body: bytes | None) -> str | None:
    return _text_at(body, "vllm_config", "scheduler_config", "policy")


def _text_at(body: bytes | None, *path: str) -> str | None:
    """The text at this place of a JSON body, None where there is none."""
    try:
        value: Any = orjson.loads(body or b"")
        for name in path:
            value = value[name]
    except (ValueError, TypeError, KeyError, IndexError):
        return None
    return value if isinstance(value, str) and value else None
