"""What is said to be missing at a replica, and what is not."""

import orjson
import pytest

from rao_runtime.adapters.openai_traits import NO_METRICS, NO_PREFIXES, NO_PRIORITY, TOO_OLD, traits_of
from rao_runtime.ports import Traits

METRICS = (
    b'vllm:num_requests_running{engine="0"} 0.0\n'
    b'vllm:cache_config_info{block_size="128",enable_prefix_caching="True",engine="0",num_gpu_blocks="100"} 1.0\n'
)


def version(text: str = "0.32.0") -> bytes:
    return orjson.dumps({"version": text})


def info(policy: object) -> bytes:
    return orjson.dumps({"vllm_config": {"scheduler_config": {"policy": policy}}, "vllm_env": {}})


def test_a_vllm_started_as_it_should_be_lacks_nothing() -> None:
    told = traits_of(version=version(), metrics=METRICS, info=info("priority"), vllm=True)
    assert told == Traits(version="0.32.0", kv_tokens=12_800, block_tokens=128)


STRANGE = [None, b"", b"Not Found", b"[]", b'"priority"', b'{"vllm_config": "text"}', info(None)]


@pytest.mark.parametrize("page", STRANGE)
def test_a_policy_that_is_not_known_is_not_missing(page: bytes | None) -> None:
    assert traits_of(version=version(), metrics=METRICS, info=page, vllm=True).missing == ()


def test_another_policy_is_named_with_the_flag_that_changes_it() -> None:
    told = traits_of(version=version(), metrics=METRICS, info=info("fcfs"), vllm=True)
    assert told.missing == (NO_PRIORITY.format(policy="fcfs"),)
    assert "policy is fcfs: start vLLM with --scheduling-policy priority" in told.missing[0]


def test_a_prefix_cache_that_is_off_is_missed() -> None:
    metrics = METRICS.replace(b'caching="True"', b'caching="False"')
    assert traits_of(version=version(), metrics=metrics, info=None, vllm=True).missing == (NO_PREFIXES,)


@pytest.mark.parametrize(
    ("text", "old"),
    [
        ("0.24.1", True),
        ("0.9.2.dev5+gabcdef", True),
        ("v0.11", True),
        ("0.25.0", False),
        ("0.100.0", False),
        ("1.0.0rc1", False),
        ("dev", False),
        ("7", False),
    ],
)
def test_versions_older_than_those_we_know_are_named(text: str, old: bool) -> None:
    told = traits_of(version=version(text), metrics=METRICS, info=None, vllm=True)
    assert told.version == text
    assert told.missing == ((TOO_OLD.format(version=text, oldest="0.25"),) if old else ())


@pytest.mark.parametrize("page", [b"", b"<html>", b"{}", b'{"version": 3}', b'{"version": ""}', b"null", b"0"])
def test_what_is_no_version_is_none(page: bytes) -> None:
    assert traits_of(version=page, metrics=METRICS, info=None, vllm=True).version is None


def test_no_metrics_are_missed_only_where_a_vllm_is_expected() -> None:
    assert traits_of(version=None, metrics=None, info=None, vllm=True) == Traits(missing=(NO_METRICS,))
    assert traits_of(version=None, metrics=None, info=None, vllm=False) == Traits()


def test_where_no_vllm_is_expected_nothing_of_its_is_missed() -> None:
    told = traits_of(version=version("0.1"), metrics=METRICS, info=info("fcfs"), vllm=False)
    assert told == Traits(version="0.1", kv_tokens=12_800, block_tokens=128)
